from tests.keys.conftest import own_ring, ring_file

__all__ = ["own_ring", "ring_file"]
