import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controlpanel.audit import chain as chains

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
    assert chains.event_hash("team", 7, "ab" * 32, '{"a":1}') == expected


@given(NAMES, st.integers(0, 2**40), NAMES, st.integers(0, 2**40), NAMES, NAMES)
def test_two_different_events_never_have_the_same_bytes(
    chain: str, seq: int, other_chain: str, other_seq: int, text: str, other_text: str
) -> None:
    one = chains.event_hash(chain, seq, chains.GENESIS, text)
    other = chains.event_hash(other_chain, other_seq, chains.GENESIS, other_text)
    assert (one == other) == ((chain, seq, text) == (other_chain, other_seq, other_text))


def test_a_head_and_an_event_are_never_signed_alike() -> None:
    this = "ab" * 32
    assert chains.event_message(this) != chains.head_message("", 0, this)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_canonical_text_does_not_depend_on_the_order(content: dict[str, Any]) -> None:
    text = chains.canonical(content)
    assert chains.canonical(dict(reversed(content.items()))) == text
    assert chains.parse(text) == content


def test_canonical_text_is_json_with_characters_as_they_are() -> None:
    assert chains.canonical({"b": [1, None], "a": "ü\n"}) == '{"a":"ü\\n","b":[1,null]}'
    assert json.loads(chains.canonical({"a": "\x00"})) == {"a": "\x00"}


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001
def test_a_time_reads_as_it_was_written(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    text = chains.time_text(at)
    assert len(text) == 27
    assert chains.time_from(text) == at
    assert chains.time_text(at.astimezone(timezone(timedelta(hours=5)))) == text
