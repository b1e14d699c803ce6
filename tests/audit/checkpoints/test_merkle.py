from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlpanel.audit.checkpoints import merkle


def of_rfc(entries: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, as it stands there."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + of_rfc(entries[:k]) + of_rfc(entries[k:])).digest()


def entries(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def test_the_root_is_the_rfcs() -> None:
    for size in range(40):
        assert merkle.root([merkle.leaf(data) for data in entries(size)]) == of_rfc(entries(size))


def test_each_proof_leads_to_the_root() -> None:
    for size in range(1, 34):
        leaves = [merkle.leaf(data) for data in entries(size)]
        for index, leaf in enumerate(leaves):
            path = merkle.proof(leaves, index)
            assert merkle.root_from(leaf, index, size, path) == merkle.root(leaves)


@given(st.integers(2, 40), st.data())
def test_no_other_proof_does(size: int, data: st.DataObject) -> None:
    leaves = [merkle.leaf(entry) for entry in entries(size)]
    index = data.draw(st.integers(0, size - 1))
    path = merkle.proof(leaves, index)
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index))
    assert merkle.root_from(leaves[other], index, size, path) != merkle.root(leaves)
    for wrong in (path[:-1], [*path, path[0]]):
        with pytest.raises(ValueError, match="too"):
            merkle.root_from(leaves[index], index, size, wrong)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_there_is_no_proof_for_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        merkle.proof([merkle.leaf(b"")] * size, index)
    with pytest.raises(ValueError, match="index"):
        merkle.root_from(merkle.leaf(b""), index, size, [])
