"""A typo in a panel key is noticed before anything is asked."""

import string
from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlpanel.credentials.panel_keys.format import is_wellformed, new_text

ALPHABET = string.digits + string.ascii_letters


def test_it_works() -> None:
    text = new_text()
    assert len(text) == 4 + 32 + 6
    assert text.startswith("vpp_")
    assert is_wellformed(text)


def test_no_two_are_alike() -> None:
    assert len({new_text() for _ in range(500)}) == 500


def test_the_checksum_is_the_one_that_is_documented() -> None:
    begun = "vpp_0123456789ABCDEFGHIJKLMNOPQRSTUV"
    number, digits = crc32(begun.encode()), ""
    order = string.digits + string.ascii_uppercase + string.ascii_lowercase
    for _ in range(6):
        number, rest = divmod(number, 62)
        digits = order[rest] + digits
    assert is_wellformed(begun + digits)


@given(place=st.integers(4, 41), letter=st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(place: int, letter: str) -> None:
    text = new_text()
    wrong = text[:place] + letter + text[place + 1 :]
    assert is_wellformed(wrong) == (wrong == text)


@given(place=st.integers(4, 40))
def test_two_that_changed_places_are_noticed(place: int) -> None:
    text = new_text()
    wrong = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    assert is_wellformed(wrong) == (wrong == text)


@given(st.text(max_size=60))
def test_anything_else_is_none(text: str) -> None:
    assert not is_wellformed(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: "vps_" + text[4:],
        lambda text: text[:10] + "é" + text[11:],
        lambda text: text[:10] + "\u0661" + text[11:],
        lambda text: text[:4],
    ],
    ids=range(8),
)
def test_what_is_nearly_one_is_none(change) -> None:
    assert not is_wellformed(change(new_text()))
