import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlpanel.audit import hashing

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text(st.characters(codec="utf-8"), max_size=8)


def test_the_hash_is_made_as_documented() -> None:
    expected = sha256(
        b"\x00" + b"\x00\x04team" + b"\x00\x00\x00\x00\x00\x00\x00\x07" + b"\xab" * 32 + b'{"a":1}'
    ).hexdigest()
    assert hashing.event_hash("team", 7, "ab" * 32, '{"a":1}') == expected


@given(NAMES, st.integers(0, 2**40), NAMES, st.integers(0, 2**40), NAMES, NAMES)
def test_two_different_events_never_have_the_same_bytes(
    chain: str, seq: int, other_chain: str, other_seq: int, text: str, other_text: str
) -> None:
    one = hashing.event_hash(chain, seq, hashing.GENESIS, text)
    other = hashing.event_hash(other_chain, other_seq, hashing.GENESIS, other_text)
    assert (one == other) == ((chain, seq, text) == (other_chain, other_seq, other_text))


def test_what_is_signed_is_made_as_documented() -> None:
    assert hashing.event_message("ab" * 32) == b"event\x00" + b"\xab" * 32
    assert hashing.head_message("team", 7, "ab" * 32) == (
        b"head\x00" + b"\x00\x04team" + b"\x00\x00\x00\x00\x00\x00\x00\x07" + b"\xab" * 32
    )


def test_a_head_and_an_event_are_never_signed_alike() -> None:
    this = "ab" * 32
    assert hashing.event_message(this) != hashing.head_message("", 0, this)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_canonical_text_does_not_depend_on_the_order(content: dict[str, Any]) -> None:
    text = hashing.canonical(content)
    assert hashing.canonical(dict(reversed(content.items()))) == text
    assert hashing.parse(text) == content


def test_canonical_text_is_json_with_characters_as_they_are() -> None:
    assert hashing.canonical({"b": [1, None], "a": "ü\n"}) == '{"a":"ü\\n","b":[1,null]}'
    assert json.loads(hashing.canonical({"a": "\x00"})) == {"a": "\x00"}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_not_json_has_no_canonical_text(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        hashing.canonical({"a": number})


def test_a_time_is_written_in_utc_to_the_microsecond() -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
    assert hashing.time_text(at) == "2026-03-04T05:06:07.000089Z"
    assert hashing.time_from("2026-03-04T05:06:07.000089Z") == at


@pytest.mark.parametrize("text", ["[]", "null", '"text"'])
def test_only_an_object_is_an_events_content(text: str) -> None:
    with pytest.raises(ValueError, match="not an object"):
        hashing.parse(text)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001
def test_a_time_reads_as_it_was_written(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    text = hashing.time_text(at)
    assert len(text) == 27
    assert hashing.time_from(text) == at
    assert hashing.time_text(at.astimezone(timezone(timedelta(hours=5)))) == text
