"""The tiny things everything stands on."""

import copy
import pickle
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin, Scope
from controlpanel.lib.secret import Secret
from controlpanel.lib.text import clean, redact


@pytest.fixture
def _clock() -> Iterator[None]:
    yield
    clock.reset()


@pytest.mark.usefixtures("_clock")
def test_the_clock_can_be_moved() -> None:
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    clock.shift(timedelta(hours=2))
    clock.shift(timedelta(hours=1))
    assert abs(clock.now() - datetime.now(UTC) - timedelta(hours=3)) < timedelta(seconds=5)
    clock.reset()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.now().tzinfo is UTC


def test_request_ids_differ_and_are_acceptable() -> None:
    first, second = request_id.new(), request_id.new()
    assert first != second
    assert request_id.is_acceptable(first)


@pytest.mark.parametrize("given", ["from-my-script", "a" * 64, "A1_b-2c3", "0" * 8])
def test_a_request_id_begins_with_the_callers_and_is_new(given: str) -> None:
    first, second = request_id.begun_by(given), request_id.begun_by(given)
    assert first != second
    assert given not in (first, second)
    assert first.startswith(given[:40])
    assert request_id.is_acceptable(first)
    assert request_id.begun_by(first) != first


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 65, "with space", "new\nline-x", "newline-at-end\n", "ümlaut-id"]
)
def test_a_strange_request_id_is_replaced(given: str) -> None:
    assert not request_id.is_acceptable(given)
    made = request_id.begun_by(given)
    assert request_id.is_acceptable(made)
    assert not given or not made.startswith(given)


def test_a_request_id_is_bound_for_a_while() -> None:
    assert request_id.current() == ""
    with request_id.bound("outer-id"):
        with request_id.bound("inner-id"):
            assert request_id.current() == "inner-id"
        assert request_id.current() == "outer-id"
        seen: list[str] = []
        thread = threading.Thread(target=lambda: seen.append(request_id.current()))
        thread.start()
        thread.join()
        assert seen == [""]
    assert request_id.current() == ""


def test_a_secret_shows_itself_only_on_request() -> None:
    secret = Secret("hunter2-hunter2")
    assert secret.reveal() == "hunter2-hunter2"
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", "%s" % secret):  # noqa: UP031
        assert "hunter2" not in shown


def test_a_secret_does_not_travel() -> None:
    for carry in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            carry(Secret("hunter2-hunter2"))
    with pytest.raises(TypeError):
        vars(Secret("hunter2-hunter2"))


def test_secrets_compare_but_do_not_hash() -> None:
    assert Secret("a-secret") == Secret("a-secret")
    assert Secret("a-secret") != Secret("b-secret")
    assert Secret("a-secret") != "a-secret"
    with pytest.raises(TypeError):
        hash(Secret("a-secret"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("  two\r\nlines\tand  spaces ", "two lines and spaces"),
        ("nul\x00 bell\x07 esc\x1b[31m", "nul bell esc[31m"),
        ("\u202egnp.exe\u2066\u200b\ufeff", "gnp.exe"),
        ("half \ud83d emoji 🙂", "half emoji 🙂"),
        ("Æøå 漢字", "Æøå 漢字"),
        (12345, "12345"),
        (None, "None"),
    ],
)
def test_clean_leaves_one_harmless_line(given: object, expected: str) -> None:
    assert clean(given) == expected


def test_clean_bounds_the_length() -> None:
    assert clean("a" * 10_000, 20) == "a" * 19 + "…"
    assert clean("a" * 20, 20) == "a" * 20


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_clean_never_exceeds_and_settles(text: str, limit: int) -> None:
    once = clean(text, limit)
    assert len(once) <= limit
    assert "\n" not in once


def test_redact_takes_out_values_and_what_looks_like_a_token() -> None:
    text = "Bearer abc-def, vps_live_123456 and vpp_0123456789, but not vps or vps_1"
    assert redact(text, "abc-def", "") == (
        "Bearer [redacted], [redacted] and [redacted] but not vps or vps_1"
    )


def test_a_scope_allows_what_it_lists() -> None:
    scope = Scope(
        Actor("user", "1", "Bob", "operator"),
        Origin("page"),
        uuid4(),
        "acme",
        "Acme",
        frozenset({"servers.view"}),
    )
    assert scope.allows("servers.view")
    assert not scope.allows("servers.delete")
    with pytest.raises(AttributeError):
        scope.permissions = frozenset({"servers.delete"})  # type: ignore[misc]
