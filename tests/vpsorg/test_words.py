"""What the provider says in a refusal, in all the forms that it may take."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlpanel.lib.secret import Secret
from controlpanel.vpsorg import words

TOKEN = Secret("canary-token-1")


def said(body: Any) -> tuple[str, dict[str, list[str]]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return words.of_refusal(content, TOKEN)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"detail": "No."}, "No."),
        ({"message": "No."}, "No."),
        ({"error": "No."}, "No."),
        ({"error": {"message": "No.", "code": "E7"}}, "No."),
        ({"detail": ["No.", "Really."]}, "No. Really."),
        ({"status": "error", "code": 7, "message": "No."}, "No."),
        ({"non_field_errors": ["No."]}, "No."),
        (["No."], "No."),
        ("No.", "No."),
        (b"No.", "No."),
        (b"  No.\r\n  Really.\n", "No. Really."),
        (b"<!doctype html><title>502</title>", ""),
        (b"", ""),
        (b"\xff\xfe", ""),
        (b'{"detail": "No.", "password": "R00t', ""),
        (b'{"detail": "No.", "password": "R00t", "n": NaN}', ""),
        (b'\xef\xbb\xbf [{"secret": "R00t"', ""),
        ({}, ""),
        (None, ""),
        (7, ""),
        ({"detail": {"detail": {"detail": "No."}}}, "No."),
    ],
)
def test_words(body: Any, expected: str) -> None:
    assert said(body) == (expected, {})


@pytest.mark.parametrize(
    "body",
    [
        {"name": ["Too long."], "plan_id": ["Unknown."]},
        {"errors": {"name": ["Too long."], "plan_id": "Unknown."}},
        {"detail": {"name": ["Too long."], "plan_id": {"0": "Unknown."}}},
        {"error": {"name": "Too long.", "plan_id": ["Unknown."], "code": 400}},
    ],
)
def test_complaints_by_field(body: Any) -> None:
    text, fields = said(body)
    assert fields == {"name": ["Too long."], "plan_id": ["Unknown."]}
    assert text == "name: Too long. plan_id: Unknown."


def test_words_and_fields_together() -> None:
    assert said({"detail": "Look below.", "name": ["Too long."]}) == (
        "Look below.",
        {"name": ["Too long."]},
    )


def test_everything_is_bounded() -> None:
    text, fields = said({f"field{n}": ["x" * 5000] * 50 for n in range(100)})
    assert len(text) <= 300
    assert len(fields) == 20
    assert all(len(messages) == 5 for messages in fields.values())
    assert all(len(one) <= 300 for messages in fields.values() for one in messages)


def test_strange_field_names_are_left_out() -> None:
    assert said({"<b>": ["x"], "a b": ["x"], "a" * 65: ["x"], "": ["x"]})[1] == {}


@pytest.mark.parametrize(
    "echo",
    [
        "Invalid: canary-token-1.",
        "Invalid: canary\u200b-token-1.",
        "Invalid: vps_whatever_else.",
        "x" * 295 + "canary-token-1",
    ],
)
def test_tokens_are_redacted(echo: str) -> None:
    for body in ({"detail": echo}, {"name": [echo]}, [echo], echo, echo.encode()):
        shown = str(said(body))
        assert "canary-token" not in shown
        assert "vps_whatever" not in shown


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=50)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["detail", "error", "errors", "name", "message"]), inner
            )
        ),
        max_leaves=15,
    )
)
def test_nothing_brings_it_down(body: Any) -> None:
    text, fields = said(body)
    assert len(text) <= 300
    for name, messages in fields.items():
        assert name
        assert messages
        assert all(message and "\n" not in message for message in messages)
