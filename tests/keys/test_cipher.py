import base64
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from controlpanel.keys import cipher, ring
from controlpanel.keys.ring import KeyRing
from controlpanel.lib import clock
from tests.keys.conftest import replace, with_second

CONTEXT = {"credential": "c1", "user": "u1", "team": "t1", "origin": "https://admin.vps.org"}
VALUE = "vps_a_token_to_keep_0001"


def test_it_opens_what_it_sealed() -> None:
    sealed = cipher.seal("credential", VALUE, CONTEXT)
    assert VALUE not in sealed
    assert cipher.open_sealed("credential", sealed, CONTEXT).reveal() == VALUE


@given(st.text(), st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=4))
def test_it_opens_whatever_it_sealed(value: str, context: Mapping[str, str]) -> None:
    sealed = cipher.seal("mfa", value, context)
    assert cipher.open_sealed("mfa", sealed, context).reveal() == value


def test_it_never_seals_alike_twice() -> None:
    assert cipher.seal("mfa", VALUE, CONTEXT) != cipher.seal("mfa", VALUE, CONTEXT)


def test_the_order_of_the_context_does_not_matter() -> None:
    sealed = cipher.seal("mfa", VALUE, {"a": "1", "b": "2"})
    assert cipher.open_sealed("mfa", sealed, {"b": "2", "a": "1"}).reveal() == VALUE


@pytest.mark.parametrize("part", CONTEXT)
def test_it_refuses_a_value_moved_to_another_place(part: str) -> None:
    sealed = cipher.seal("credential", VALUE, CONTEXT)
    with pytest.raises(cipher.Unreadable):
        cipher.open_sealed("credential", sealed, {**CONTEXT, part: "other"})


def test_it_refuses_a_context_that_only_reads_alike() -> None:
    sealed = cipher.seal("mfa", VALUE, {"a": "1", "b": "2"})
    for context in ({"a": "1"}, {"a": "1b2"}, {"a": "2", "b": "1"}, {}):
        with pytest.raises(cipher.Unreadable):
            cipher.open_sealed("mfa", sealed, context)


def test_it_refuses_another_purpose() -> None:
    sealed = cipher.seal("credential", VALUE, CONTEXT)
    with pytest.raises(cipher.Unreadable):
        cipher.open_sealed("mfa", sealed, CONTEXT)
    with pytest.raises(cipher.Unreadable):
        cipher.open_sealed("mfa", sealed.replace("credential-1", "mfa-1"), CONTEXT)


def test_it_refuses_any_changed_character() -> None:
    sealed = cipher.seal("credential", VALUE, CONTEXT)
    for place, char in enumerate(sealed):
        other = "A" if char != "A" else "B"
        with pytest.raises(cipher.Unreadable):
            cipher.open_sealed("credential", sealed[:place] + other + sealed[place + 1 :], CONTEXT)


def test_it_refuses_any_other_spelling_of_the_same_bytes() -> None:
    sealed = cipher.seal("credential", VALUE, CONTEXT)
    for spelling in (sealed + "=", sealed + "\n", sealed[:-3] + "\n" + sealed[-3:], sealed + "."):
        with pytest.raises(cipher.Unreadable):
            cipher.open_sealed("credential", spelling, CONTEXT)


def test_it_refuses_anything_cut_short() -> None:
    sealed = cipher.seal("credential", VALUE, CONTEXT)
    for length in range(len(sealed)):
        with pytest.raises(cipher.Unreadable):
            cipher.open_sealed("credential", sealed[:length], CONTEXT)


@pytest.mark.parametrize(
    "stored", [VALUE, "", ".", "..", "v1..", "v1.credential-1.", "v2.credential-1.AAAA", "v1.é.é"]
)
def test_it_never_passes_on_what_was_not_sealed(stored: str) -> None:
    with pytest.raises(cipher.Unreadable) as refused:
        cipher.open_sealed("credential", stored, CONTEXT)
    assert VALUE not in str(refused.value)


def test_it_refuses_an_unknown_key(own_ring: KeyRing) -> None:
    sealed = cipher.seal("credential", VALUE, CONTEXT)
    with pytest.raises(cipher.Unreadable):
        cipher.open_sealed("credential", sealed.replace("credential-1", "credential-2"), CONTEXT)


def test_it_refuses_when_the_key_is_another_one(own_ring: KeyRing, ring_file: Path) -> None:
    sealed = cipher.seal("credential", VALUE, CONTEXT)
    replace(ring_file, ring.new())
    with pytest.raises(cipher.Unreadable):
        cipher.open_sealed("credential", sealed, CONTEXT)


def test_it_refuses_without_a_ring(own_ring: KeyRing, ring_file: Path) -> None:
    sealed = cipher.seal("credential", VALUE, CONTEXT)
    ring_file.unlink()
    with pytest.raises(cipher.Unreadable):
        cipher.open_sealed("credential", sealed, CONTEXT)
    with pytest.raises(ring.KeysNotReady):
        cipher.seal("credential", VALUE, CONTEXT)


def test_old_values_open_after_a_new_key_came_into_force(
    own_ring: KeyRing, ring_file: Path
) -> None:
    old = cipher.seal("credential", VALUE, CONTEXT)
    replace(ring_file, with_second(own_ring, "credential"))
    new = cipher.seal("credential", VALUE, CONTEXT)
    assert (cipher.key_id(old), cipher.key_id(new)) == ("credential-1", "credential-2")
    for sealed in (old, new):
        assert cipher.open_sealed("credential", sealed, CONTEXT).reveal() == VALUE


def test_a_key_under_another_name_opens_nothing(own_ring: KeyRing, ring_file: Path) -> None:
    sealed = cipher.seal("credential", VALUE, CONTEXT)
    key = own_ring.active("credential")
    renamed = ring.Key("credential-2", "credential", key.since, key.secret)
    replace(ring_file, KeyRing([renamed]))
    with pytest.raises(cipher.Unreadable):
        cipher.open_sealed("credential", sealed.replace("credential-1", "credential-2"), CONTEXT)


def test_it_opens_what_was_sealed_as_documented(ring_file: Path) -> None:
    """What is stored today must open with every later version: the construction is fixed."""
    key = ring.Key("mfa-1", "mfa", clock.now(), b"1" * 32)
    ring.create(ring_file, KeyRing([key]))
    bound = b'["v1","mfa-1","mfa",[["account","a1"],["user","u1"]]]'
    subkey = HKDF(SHA256(), 32, salt=None, info=b"panel seal " + bound).derive(key.secret)
    content = b"n" * 12 + AESGCM(subkey).encrypt(b"n" * 12, VALUE.encode(), bound)
    sealed = "v1.mfa-1." + base64.urlsafe_b64encode(content).decode().rstrip("=")
    context = {"user": "u1", "account": "a1"}
    assert cipher.open_sealed("mfa", sealed, context).reveal() == VALUE


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_it_opens_values_of_any_length(length: int) -> None:
    sealed = cipher.seal("mfa", "X" * length, CONTEXT)
    assert "=" not in sealed
    assert cipher.open_sealed("mfa", sealed, CONTEXT).reveal() == "X" * length


def test_it_reseals_the_same_value_for_the_same_place_under_the_key_in_force(
    own_ring: KeyRing, ring_file: Path
) -> None:
    sealed = cipher.seal("mfa", VALUE, CONTEXT)
    replace(ring_file, with_second(own_ring, "mfa"))
    again = cipher.reseal("mfa", sealed, CONTEXT)
    assert cipher.is_sealed_with(again, "mfa-2")
    assert not cipher.is_sealed_with(sealed, "mfa-2")
    assert cipher.open_sealed("mfa", again, CONTEXT).reveal() == VALUE
    with pytest.raises(cipher.Unreadable):
        cipher.reseal("credential", sealed, CONTEXT)
    with pytest.raises(cipher.Unreadable):
        cipher.reseal("mfa", sealed, {**CONTEXT, "user": "u2"})
