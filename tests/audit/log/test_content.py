import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlpanel.audit import hashing
from controlpanel.audit.log import content
from controlpanel.audit.log.content import Target
from controlpanel.lib import clock
from controlpanel.lib.scope import Actor, Origin
from controlpanel.lib.text import clean
from tests.audit.test_hashing import JSON

ANY = st.recursive(
    JSON | st.floats() | st.binary().map(lambda b: b.decode("utf-8", "surrogateescape")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=20,
)


def built(data: dict[str, Any], name: str = "web-01") -> dict[str, Any]:
    made = content.build(
        "server.stop",
        clock.now(),
        Actor("user", "1", name),
        Origin("page"),
        Target("server", "1", name),
        "success",
        "",
        ["env:prod"],
        data,
    )
    content.place_in_history(made, 1, hashing.GENESIS)
    return made


@given(st.dictionaries(st.text(), ANY, max_size=5))
def test_whatever_comes_becomes_bounded_json(data: dict[str, Any]) -> None:
    text = hashing.canonical(built(data))
    assert len(text.encode()) < 200_000
    assert json.loads(text)
    assert "\x00" not in text


@given(st.text(max_size=300))
def test_a_name_is_cleaned_as_everywhere(name: str) -> None:
    assert built({}, name)["actor"]["name"] == clean(name, 254)


def test_large_data_is_cut_not_refused() -> None:
    text = hashing.canonical(built({str(n): ["x" * 5000] * 500 for n in range(500)}))
    assert len(text) < 40_000


def test_deep_data_is_cut_not_refused() -> None:
    deep: Any = "bottom"
    for _ in range(500):
        deep = {"a": deep}
    assert "bottom" not in hashing.canonical(built(deep))


def test_numbers_that_json_cannot_carry_become_text() -> None:
    data = built({"a": float("nan"), "b": float("-inf"), "c": 2**70, "d": 1.5, "e": True})["data"]
    assert data == {"a": "nan", "b": "-inf", "c": str(2**70), "d": 1.5, "e": True}


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), clock.now(), {"a": b"x"}, [set()]])
def test_anything_else_is_a_mistake_in_the_code(value: object) -> None:
    with pytest.raises(TypeError):
        built({"a": value})


def test_only_an_operations_id_becomes_its_column() -> None:
    assert content.columns(built({"operation": "abc"}))["operation_id"] == "abc"
    assert content.columns(built({"operation": 7}))["operation_id"] == ""
    assert content.columns(built({}))["operation_id"] == ""


def test_labels_become_a_column_that_finds_label_and_key():
    made = built({})
    assert made["labels"] == ["env:prod"]
    assert content.columns(made)["labels"] == "|env|env:prod|"


def test_events_from_before_there_were_labels_have_none():
    made = built({})
    del made["labels"]
    assert content.columns(made)["labels"] == ""
