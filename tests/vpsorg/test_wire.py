"""The mapper: whatever arrives, it reads what it can and never fails in another way."""

import contextlib
import json
import math
import unicodedata
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlpanel.lib.secret import Secret
from controlpanel.vpsorg import choices, read, wire
from controlpanel.vpsorg.read import Unreadable
from controlpanel.vpsorg.wire import Answer, ServerSeen

TOKEN = Secret("vps_canary_token_1")
DETAIL: dict[str, Any] = {
    "id": 12345,
    "name": "web-server-01",
    "hostname": "web01.example.com",
    "status": "active",
    "ip_address": "203.0.113.10",
    "ipv6_address": "2001:0db8::1",
    "location": "us-west",
    "plan": {
        "id": 1,
        "name": "Standard VPS",
        "vcpus": 2,
        "memory": 4096,
        "storage": 80,
        "bandwidth": 2048,
    },
    "os": {"id": 5, "name": "Ubuntu 22.04 LTS"},
    "backups_enabled": True,
    "resource_usage": {
        "cpu_percent": 23.5,
        "memory_used": 2048,
        "disk_used": 35,
        "bandwidth_used": 450,
    },
    "created_at": "2025-01-10T14:30:00Z",
    "updated_at": "2025-01-16T15:45:00Z",
}

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
junk = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
documented = st.dictionaries(
    st.sampled_from([*DETAIL, "uuid", "message", "plan_name", "ipv4_addresses", "password"]),
    junk,
)


def test_the_documented_detail_is_read_whole() -> None:
    assert wire.server(DETAIL) == ServerSeen(
        id="12345",
        name="web-server-01",
        hostname="web01.example.com",
        status="active",
        ip_address="203.0.113.10",
        ipv6_address="2001:0db8::1",
        location="us-west",
        plan=wire.Plan("1", "Standard VPS", 2, 4096, 80, 2048),
        os=wire.System("5", "Ubuntu 22.04 LTS"),
        backups_enabled=True,
        usage=wire.Usage(23.5, 2048, 35, 450),
        created_at=datetime(2025, 1, 10, 14, 30, tzinfo=UTC),
        updated_at=datetime(2025, 1, 16, 15, 45, tzinfo=UTC),
    )


@pytest.mark.parametrize("name", [name for name in DETAIL if name != "id"])
@pytest.mark.parametrize("how", ["missing", "null", "junk"])
def test_one_field_that_is_not_there_blanks_only_itself(name: str, how: str) -> None:
    changed = {key: value for key, value in DETAIL.items() if key != name or how != "missing"}
    if how != "missing":
        changed[name] = None if how == "null" else [{"deep": [[]]}]
    whole, seen = wire.server(DETAIL), wire.server(changed)
    assert whole is not None
    assert seen is not None
    field = "usage" if name == "resource_usage" else name
    assert not getattr(seen, field)
    for other in asdict(whole):
        same = other in {field, "told", "unreadable"}
        assert same or getattr(seen, other) == getattr(whole, other)


def test_order_and_additional_fields_do_not_matter() -> None:
    changed = dict(reversed(DETAIL.items())) | {"rack": 7, "tags": ["a"], "plans": {"id": 3}}
    assert wire.server(changed) == wire.server(DETAIL)


@pytest.mark.parametrize("status", ["restoring", "on fire", "ACTIVE"])
def test_a_status_word_nobody_knows_stays_as_it_is(status: str) -> None:
    seen = wire.server(DETAIL | {"status": status})
    assert seen is not None
    assert seen.status == status


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1, "1"), ("1", "1"), (0, "0"), ("a-b_c.d", "a-b_c.d"), (10**63, "1" + "0" * 63),
        ("0b0e7c0a-97f5-4b0e-8a53-2f4f3a3f0c11", "0b0e7c0a-97f5-4b0e-8a53-2f4f3a3f0c11"),
        (True, None), (None, None), (1.0, None), (-1, None), (10**64, None), ("", None),
        ("..", None), (".", None), ("-", None), ("a/b", None), ("a b", None), ("1\n", None),
        ("a%2e", None), ("٣", None), ([1], None), ({"id": 1}, None), ("a" * 65, None),
    ],
)  # fmt: skip
def test_ids_are_opaque_and_harmless(given: object, expected: str | None) -> None:
    assert read.ident(given) == expected


@pytest.mark.parametrize(
    "value", [-1, 2**31, 10**400, 0.5, math.nan, math.inf, -math.inf, "x", True, None, [], {}]
)
def test_a_size_that_is_none(value: object) -> None:
    assert read.whole(value) is None


def test_sizes() -> None:
    assert (read.whole(0), read.whole(4096), read.whole(4096.0)) == (0, 4096, 4096)
    assert read.decimal(23.5) == 23.5


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("7", 7), ("4096", 4096), (" 80 ", 80), ("80.0", 80), ("4e3", 4000), ("+2", 2), ("0", 0),
        ("007", 7), ("-0", 0), ("2147483647", 2**31 - 1),
        ("", None), ("-1", None), ("0.5", None), ("4,096", None), ("4096 MB", None), ("0x10", None),
        ("1_000", None), ("٣", None), ("NaN", None), ("inf", None), ("1e400", None), ("1e99", None),
        ("2147483648", None), ("9" * 65, None), ("true", None), ("1.", None), (".5", None),
    ],
)  # fmt: skip
def test_a_number_written_as_text_is_a_number(given: str, expected: int | None) -> None:
    assert read.whole(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("23.5", 23.5),
        ("5.00", 5.0),
        ("0.007", 0.007),
        ("1e-3", 0.001),
        ("-0.1", None),
        ("5 $", None),
    ],
)
def test_a_decimal_written_as_text_is_a_number(given: str, expected: float | None) -> None:
    assert read.decimal(given) == expected


@pytest.mark.parametrize(
    "value",
    ["", "soon", "2025-13-01", "0001-01-01T00:00:00+23:59", 1736519400, None, [], "2" * 5000],
)
def test_a_time_that_is_none(value: object) -> None:
    assert read.moment(value) is None


@pytest.mark.parametrize(
    "value",
    ["2025-01-10T14:30:00Z", "2025-01-10T14:30:00", "2025-01-10T15:30:00+01:00"],
)
def test_times_are_utc(value: str) -> None:
    assert read.moment(value) == datetime(2025, 1, 10, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["999.1.1.1", "x", "fe80::1%eth0", "10.0.0.0/8", 7, None, "1" * 99]
)
def test_an_address_that_is_none(value: object) -> None:
    assert read.address(value) is None


def test_hostile_text_becomes_one_short_line() -> None:
    seen = wire.server(
        {
            "id": 1,
            "name": "a\r\nSet-Cookie: x\x00\x1b[31m\u202eb\ud83d",
            "hostname": "A" * 10_000,
            "status": "<script>" * 100,
            "location": "\ufeff\u200b",
        }
    )
    assert seen is not None
    assert seen.name == "a Set-Cookie: x[31mb"
    assert len(seen.hostname) == 255
    assert len(seen.status) == 64
    assert seen.location is None


def test_a_number_that_nobody_can_hold_is_none() -> None:
    usage = b'{"cpu_percent": -1e999, "memory_used": 1e999, "disk_used": 3}'
    body = b'{"id": 1, "resource_usage": ' + usage + b"}"
    seen = wire.server(read.tree(body, TOKEN))
    assert seen is not None
    assert seen.usage == wire.Usage(None, None, 3, None)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' * 100_000, b"<html></html>",
        b"[" * 30 + b"]" * 30, b'{"id": 1} trailing',
    ],
)  # fmt: skip
def test_what_is_no_json_is_unreadable(content: bytes) -> None:
    with pytest.raises(Unreadable):
        read.tree(content, TOKEN)


def test_many_passwords_do_not_take_long() -> None:
    body = {f"password{n}": f"secret-{n}-value" for n in range(20_000)}
    assert read.tree(json.dumps(body).encode(), TOKEN) == {}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": "success", "server": {"id": 7, "status": "starting"}}, "starting"),
        ({"server": {"id": "7", "status": "odd word"}}, "odd word"),
        ({"status": "success", "server": {"status": "starting"}}, "starting"),
        ({"status": "success", "server": {"id": 7}}, None),
        ({"status": "success", "server": None}, None),
        ({"status": ["?"], "message": 7}, None),
        ({}, None),
    ],
)
def test_a_power_answer_gives_the_state_of_the_server(body: object, expected: str | None) -> None:
    """The outer status is a result word, not a state."""
    assert wire.power_status(body, "7") == expected


@pytest.mark.parametrize(
    "body",
    [
        {"server": {"id": 8, "status": "starting"}},
        {"server": {"id": None}},
        {"server": {"uuid": "x"}},
        [],
        None,
        "ok",
    ],
)
def test_a_power_answer_that_is_none(body: object) -> None:
    with pytest.raises(Unreadable):
        wire.power_status(body, "7")


def test_an_account_with_nothing_in_it() -> None:
    assert wire.account({}) == wire.AccountSeen("", "", ())
    assert wire.account({"account": [], "token": {"permissions": ["a", 1, None, {}]}}) == (
        wire.AccountSeen("", "", ("a", "1"))
    )


def test_what_cannot_be_chosen_is_left_out() -> None:
    entries: list[Any] = [
        {"uuid": "x", "name": "no id"},
        {"id": "text"},
        None,
        7,
        [],
        {"id": 3, "name": "y"},
    ]
    for call in (choices.plans, choices.ssh_keys, choices.operating_systems):
        assert [entry.id for entry in call(entries, whole=True).entries] == ["3"]
    assert choices.locations(entries, whole=True).entries == ()
    places = choices.locations([{"code": "us-west"}, {"code": "a\nb"}], whole=True)
    assert [entry.id for entry in places.entries] == ["us-west"]


@pytest.mark.parametrize(
    ("entries", "whole", "complete"),
    [
        ([], True, True),
        ([{"id": 1}, {"id": "2"}], True, True),
        ([{"id": 1}, {"id": 1}], True, True),
        ([{"id": 1}], False, False),
        ([{"id": 1}, {"uuid": "x"}], True, False),  # it may be one that is known by another id
        ([{"id": 1}, None], True, False),
        ([{"id": n} for n in range(1001)], True, False),
    ],
)
def test_a_catalogue_is_complete_when_nothing_was_left_out(
    entries: list[Any], whole: bool, complete: bool
) -> None:
    for call in (choices.plans, choices.ssh_keys, choices.operating_systems):
        assert call(entries, whole=whole).complete is complete


def iterate(value: Any) -> Any:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from iterate(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from iterate(inner)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from iterate(asdict(value))
    else:
        yield value


def assert_tame(value: Any) -> None:
    for one in iterate(value):
        if isinstance(one, str):
            assert len(one) <= 500
            assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in one)
            one.encode()
        if isinstance(one, float):
            assert math.isfinite(one)
        if isinstance(one, int):
            assert one < 2**31


@settings(max_examples=100, deadline=None)
@given(junk | documented)
def test_no_server_brings_the_mapper_down(body: Any) -> None:
    seen = wire.server(body)
    assert_tame(seen)
    if seen is not None:
        assert read.ident(seen.id) == seen.id


@settings(max_examples=100, deadline=None)
@given(st.lists(junk | documented, max_size=5), st.none() | st.integers())
def test_no_list_brings_the_mapper_down(entries: list[Any], count: int | None) -> None:
    listing = wire.server_list(entries, count, whole=True, answer=Answer(200, "", 0.1))
    assert_tame(listing.servers)
    ids = [one.id for one in listing.servers]
    assert len(ids) == len(set(ids))
    if listing.complete:
        assert count is None or count <= len(ids)
        assert len(ids) <= len(entries)


@settings(max_examples=100, deadline=None)
@given(junk)
def test_no_answer_brings_the_mapper_down(body: Any) -> None:
    assert_tame(wire.message(body))
    for call in (
        wire.account,
        wire.new_server,
        lambda one: wire.same_server(one, "1"),
        lambda one: wire.changed_server(one, "1"),
        lambda one: wire.power_status(one, "1"),
    ):
        with contextlib.suppress(Unreadable):
            assert_tame(call(body))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(junk, max_size=4)
    | st.lists(
        st.dictionaries(
            st.sampled_from(
                ["id", "uuid", "code", "name", "versions", "locations", "memory", "price_monthly"]
            ),
            junk,
        )
    )
)
def test_no_catalogue_brings_the_mapper_down(entries: list[Any]) -> None:
    for call in (choices.plans, choices.locations, choices.operating_systems, choices.ssh_keys):
        assert_tame(call(entries, whole=True).entries)


@settings(max_examples=100, deadline=None)
@given(junk)
def test_no_json_keeps_a_secret(body: Any) -> None:
    wrapped = {"body": body, "password": "R00t-secret", "message": "with vps_canary_token_1"}
    content = json.dumps(wrapped).encode()
    try:
        text = repr(read.tree(content, TOKEN))
    except Unreadable:
        assert b"NaN" in content or b"Infinity" in content
        return
    assert "R00t-secret" not in text
    assert "vps_canary_token_1" not in text
