import pytest

from tests.contract.conftest import api, api_as, provider, provider_server

__all__ = ["api", "api_as", "door", "provider", "provider_server"]


@pytest.fixture
def door() -> str:
    """The sandbox itself, with nothing in front."""
    return "sandbox"
