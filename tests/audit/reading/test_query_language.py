"""The text in which events are asked for."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlpanel.audit.reading.query_language import KEYS, LONGEST, Part, parse, text_of
from controlpanel.lib.text import clean

PROPOSED = "actor:bob action:server.delete result:denied target:web-01 after:2026-01-01"


def test_it_reads_every_key():
    found = parse(f"{PROPOSED} before:2026-02-01T10:30+02:00 via:key address:2001:DB8::7")
    assert not found.problems
    assert found.asked == {
        "actor": "bob",
        "action": "server.delete",
        "result": "denied",
        "target": "web-01",
        "after": datetime(2026, 1, 1, tzinfo=UTC),
        "before": datetime(2026, 2, 1, 8, 30, tzinfo=UTC),
        "via": "gateway",
        "address": "2001:db8::7",
    }
    found = parse('request:abc-1 reason:"as agreed"')
    assert found.asked == {"request": "abc-1", "reason": "as agreed"}


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", {}),
        ("   ", {}),
        ("lost", {"words": ("lost",)}),
        ("lost  answer", {"words": ("lost", "answer")}),
        ('"lost answer" web', {"words": ("lost answer", "web")}),
        ('"say \\"yes\\" \\\\"', {"words": ('say "yes" \\',)}),
        ('a"b', {"words": ('a"b',)}),
        ("2001:db8::7 12:30", {"words": ("2001:db8::7", "12:30")}),
        ('"env:prod"', {"words": ("env:prod",)}),
        ("ACTOR:Bob", {"actor": "Bob"}),
        ('actor:"Bob B"', {"actor": "Bob B"}),
        ('target:web"01', {"target": 'web"01'}),
        ("action:Server", {"action": "server"}),
        ("action:member", {"action": "member"}),
        ("action:team", {"action": "team"}),
        ("result:done", {"result": "success"}),
        ("result:FAILED", {"result": "failure"}),
        ("target:server/12345", {"history": ("server", "12345")}),
        ("target:server/", {"target": "server/"}),
        ("target:site/12345", {"target": "site/12345"}),
        ("x\u202ey\0", {"words": ("xy",)}),
    ],
)
def test_it_reads(text, asked):
    found = parse(text)
    assert (found.asked, found.problems) == (asked, {})


@pytest.mark.parametrize(
    ("text", "wrong", "sentence"),
    [
        ("actr:bob", "actr:bob", "Did you mean “actor:”"),
        ("xyz:1", "xyz:1", "one of actor:, action:"),
        ("env:prod", "env:prod", "put it in quotation marks"),
        ("actor: bob", "actor:", "right after “actor:”"),
        ('actor:""', 'actor:""', "right after “actor:”"),
        ('""', '""', "nothing between"),
        ('web "lost answer', '"lost answer', "not closed"),
        ('actor:"Bob', 'actor:"Bob', "not closed"),
        ('"a"b', '"a"b', "right after it"),
        ("action:server.delet", "action:server.delet", "like server.delete"),
        ("action:explode", "action:explode", "No event is called that"),
        ("result:perhaps", "result:perhaps", "done, failed, denied, unknown, pending"),
        ("via:pigeon", "via:pigeon", "page, gateway, worker, command"),
        ("address:home", "address:home", "like 192.0.2.7"),
        ("after:yesterday", "after:yesterday", "Write a date like"),
        ("before:2026-13-45", "before:2026-13-45", "Write a date like"),
        ("after:0001-01-01T00:00+14:00", "after:0001-01-01T00:00+14:00", "Write a date like"),
        ("after:2026-02-01 before:2026-01-01", "before:2026-01-01", "later than"),
        ("actor:a web actor:b", "actor:b", "stands there twice"),
    ],
)
def test_a_word_that_is_not_understood_is_named(text, wrong, sentence):
    found = parse(text)
    assert list(found.problems) == [wrong]
    assert sentence in found.problems[wrong]


def test_all_that_is_wrong_is_named_at_once():
    assert list(parse("result:x fine after:y").problems) == ["result:x", "after:y"]


def test_what_is_too_long_is_not_cut():
    assert not parse("x" * LONGEST).problems
    [sentence] = parse("x" * (LONGEST + 1)).problems.values()
    assert "longer than 500" in sentence


PARTS = st.builds(
    Part,
    st.sampled_from(["", "actor", "target", "reason", "request"]),
    st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20)
    .map(lambda text: clean(text, 20))
    .filter(bool),
)


@given(st.lists(PARTS, max_size=6, unique_by=lambda part: part.key or id(part)))
def test_what_is_written_is_read_as_the_same(parts):
    found = parse(text_of(parts))
    assert not found.problems
    assert list(found.parts) == parts
    assert str(found) == text_of(parts)


@given(st.text(max_size=80))
def test_nothing_typed_is_lost_or_an_error(text):
    found = parse(text)
    assert bool(found.problems) or str(parse(str(found))) == str(found)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_shown_how_to_use(key):
    from controlpanel.web.audit.filters import HELP, LABELS

    assert any(example.startswith(f"{key}:") for example, _ in HELP)
    assert key in LABELS
