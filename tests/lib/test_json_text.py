import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlpanel.lib import json_text

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["cut", "a"]), inner, max_size=4)
    ),
    max_leaves=15,
)
layouts = st.sampled_from([None, 0, 2])
# One that JSON alone knows as well, and many that a decoder and an encoder would change.
ODD = '{ "big": 1e400,"long" :0.12345678901234567890, "zero":-0.0,\n"e":1E+2, "text":"\\u00fc\\/" }'


def cut(key: str, _first: str) -> bool:
    return key == "cut"


def unchanged(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('{"cut": 1}', "{}"),
        ('{ "cut" : 1 }', "{}"),
        ('{"cut": 1, "a": 2}', '{"a": 2}'),
        ('{"a": 2, "cut": 1}', '{"a": 2}'),
        ('{"a": 2 ,\n "cut": 1\n}', '{"a": 2 }'),
        ('{"a": 1, "cut": {"x": [1, {"cut": 2}]}, "b": 3}', '{"a": 1, "b": 3}'),
        ('{"cut": 1, "cut": 2, "cut": 3}', "{}"),
        ('{"a": 1, "cut": 1, "cut": "}"}', '{"a": 1}'),
        ('{"cut": ",", "cut": "\\"", "a": 1}', '{"a": 1}'),
        ('[{"cut": 1}, {"a": {"cut": []}}, "cut"]', '[{}, {"a": {}}, "cut"]'),
        ('{"c\\u0075t": 1, "a": "cut"}', '{"a": "cut"}'),
        ('{"a": "\\"cut\\": 1"}', '{"a": "\\"cut\\": 1"}'),
        ('{"a": {"b": 1, "cut": null}, "c": 1e400}', '{"a": {"b": 1}, "c": 1e400}'),
        ('"cut"', '"cut"'),
        (ODD, ODD),
    ],
)
def test_members_are_cut_out_and_nothing_else_changes(given: str, expected: str) -> None:
    assert json_text.edited(given, cut, unchanged) == expected


@given(values, layouts, st.booleans())
def test_what_is_left_is_what_decoding_leaves(
    value: object, indent: int | None, ascii_: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_)
    shown = json_text.edited(text, cut, unchanged)
    assert json.loads(shown) == without(json.loads(text))


def without(value: object) -> object:
    if isinstance(value, list):
        return [without(one) for one in value]
    if isinstance(value, dict):
        return {key: without(inner) for key, inner in value.items() if key != "cut"}
    return value


@given(values)
def test_what_has_nothing_to_lose_stays_byte_for_byte(value: object) -> None:
    text = json.dumps(value)
    assert json_text.edited(text, lambda *_: False, unchanged) == text


def test_texts_are_rewritten_wherever_they_stand() -> None:
    text = '{"a": ["x", {"x": "\\u0078"}], "b": "yx", "n": 1e400}'
    shown = json_text.edited(text, cut, lambda plain: plain.replace("x", "-"))
    assert shown == '{"a": ["-", {"-": "-"}], "b": "y-", "n": 1e400}'


def test_it_takes_no_longer_for_many() -> None:
    text = json.dumps([{"a": 1, "cut": "x"}] * 40_000)
    assert json_text.edited(text, cut, unchanged) == json.dumps([{"a": 1}] * 40_000)


def test_members_and_items_have_their_places() -> None:
    text = ' {"a" : 1e400 ,"b":[ 1, "]" ,{}],"a":"x"} '
    parts = json_text.members(text)
    assert [(part.key, text[part.start : part.end]) for part in parts] == [
        ("a", "1e400"),
        ("b", '[ 1, "]" ,{}]'),
        ("a", '"x"'),
    ]
    items = json_text.items(text, parts[1].start)
    assert [text[item.start : item.end] for item in items] == ["1", '"]"', "{}"]
    assert json_text.members("{ }") == json_text.items("[ ]") == []


def test_values_are_replaced_between_their_marks() -> None:
    text = '{"a": 1e400, "b": [2.50], "c": 1}'
    parts = {part.key: part for part in json_text.members(text)}
    assert json_text.replaced(text, [(parts["c"], "7"), (parts["b"], "[]")]) == (
        '{"a": 1e400, "b": [], "c": 7}'
    )


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", '{"a": -Infinity}', "", "{", "[1,]", '{"a": 1} x', "'a'"]
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        json_text.value_of(text)


def test_numbers_that_nobody_can_hold_are_infinite() -> None:
    assert json_text.value_of("[1e400, -1e400]") == [math.inf, -math.inf]
    assert json_text.value_of(f"[{'9' * 9000}, -{'9' * 9000}]") == [math.inf, -math.inf]
    assert json_text.value_of("9" * 400) == int("9" * 400)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-le"])
def test_its_encoding_is_told_from_its_first_bytes(encoding: str) -> None:
    assert json_text.text_of('{"a": "ü"}'.encode(encoding)) == '{"a": "ü"}'
