"""What an answer told of a server: a value, that there is none, or nothing at all."""

from typing import Any

import pytest

from controlpanel.vpsorg import told, wire
from controlpanel.vpsorg.wire import Answer, ServerSeen
from tests.vpsorg.test_wire import DETAIL


def seen(**changed: Any) -> ServerSeen:
    found = wire.server({"id": 7, **changed})
    assert found is not None
    return found


def test_the_documented_detail_tells_everything() -> None:
    server = wire.server(DETAIL)
    assert server is not None
    assert server.told == told.ALL
    assert server.unreadable == frozenset()
    assert None not in server.values.values()


@pytest.mark.parametrize(
    ("body", "values", "unreadable"),
    [
        ({}, {}, set()),
        ({"hostname": None}, {"hostname": ""}, set()),
        ({"hostname": ""}, {"hostname": ""}, set()),
        ({"hostname": {"x": 1}}, {"hostname": ""}, {"hostname"}),
        ({"hostname": "\u200b"}, {"hostname": ""}, {"hostname"}),
        ({"name": None}, {"name": ""}, set()),
        ({"status": None}, {"status": ""}, set()),
        ({"status": ["active"]}, {"status": ""}, {"status"}),
        ({"ip_address": None}, {"ip_address": None}, set()),
        ({"ip_address": "999.1.1.1"}, {"ip_address": None}, {"ip_address"}),
        ({"ip_address": ""}, {"ip_address": None}, set()),
        ({"ipv4_addresses": []}, {"ip_address": None}, set()),
        ({"ipv4_addresses": ["x"]}, {"ip_address": None}, {"ip_address"}),
        ({"ip_address": None, "ipv4_addresses": ["192.0.2.1"]}, {"ip_address": "192.0.2.1"}, set()),
        ({"ipv6_address": None}, {"ipv6_address": None}, set()),
        ({"location": None}, {"location": ""}, set()),
        ({"location": {"code": "us"}}, {"location": "us"}, set()),
        ({"location": []}, {"location": ""}, set()),
        ({"location": {}}, {"location": ""}, set()),
        ({"location": {"code": None}}, {"location": ""}, {"location"}),
        ({"location": True}, {"location": ""}, {"location"}),
        ({"ip_address": ["192.0.2.1"]}, {"ip_address": None}, {"ip_address"}),
        ({"ip_address": "fe80::1%eth0"}, {"ip_address": None}, {"ip_address"}),
        ({"ip_address": 3232235777}, {"ip_address": None}, {"ip_address"}),
        ({"plan": {"memory": "4,096"}}, {"memory": None}, {"memory"}),
        ({"plan": {"memory": " 4096.0 "}}, {"memory": 4096}, set()),
        ({"plan": {"memory": "4e3"}}, {"memory": 4000}, set()),
        ({"plan": {"memory": 4096.5}}, {"memory": None}, {"memory"}),
        ({"plan": {"memory": -1}}, {"memory": None}, {"memory"}),
        ({"plan": {"memory": 2**31}}, {"memory": None}, {"memory"}),
        ({"plan": {"memory": True}}, {"memory": None}, {"memory"}),
        ({"plan": {"memory": "\u0664"}}, {"memory": None}, {"memory"}),
        ({"plan": {"memory": "0x10"}}, {"memory": None}, {"memory"}),
        ({"plan": {"bandwidth": ""}}, {"bandwidth": None}, set()),
        ({"plan": {}}, {}, set()),
        ({"plan": {"vcpus": None, "memory": "4096"}}, {"vcpus": None, "memory": 4096}, set()),
        ({"plan": {"vcpus": "two"}}, {"vcpus": None}, {"vcpus"}),
        ({"plan": {"name": "M"}, "plan_name": None}, {"plan_name": "M"}, set()),
        ({"plan_name": "M"}, {"plan_name": "M"}, set()),
        ({"os": {"id": None}}, {"os_id": ""}, set()),
        ({"os": None, "os_name": "Debian"}, {"os_id": "", "os_name": "Debian"}, set()),
        ({"os": "Debian"}, {"os_id": "", "os_name": ""}, {"os_id", "os_name"}),
        ({"backups_enabled": None}, {"backups_enabled": None}, set()),
        ({"backups_enabled": "yes"}, {"backups_enabled": None}, {"backups_enabled"}),
        ({"backups_enabled": False}, {"backups_enabled": False}, set()),
        ({"resource_usage": {"cpu_percent": "0.0"}}, {"cpu_percent": 0.0}, set()),
        ({"resource_usage": {"cpu_percent": "nan"}}, {"cpu_percent": None}, {"cpu_percent"}),
        ({"resource_usage": {"cpu_percent": "23.5%"}}, {"cpu_percent": None}, {"cpu_percent"}),
        ({"resource_usage": {"cpu_percent": False}}, {"cpu_percent": None}, {"cpu_percent"}),
        ({"created_at": 1736519400}, {"created_at": None}, {"created_at"}),
        ({"updated_at": "2025-02-30T00:00:00Z"}, {"updated_at": None}, {"updated_at"}),
        ({"resource_usage": {"disk_used": 1e400}}, {"disk_used": None}, {"disk_used"}),
        ({"created_at": None}, {"created_at": None}, set()),
        ({"created_at": "soon"}, {"created_at": None}, {"created_at"}),
    ],
)
def test_what_was_told(body: Any, values: Any, unreadable: Any) -> None:
    assert (seen(**body).values, seen(**body).unreadable) == (values, unreadable)


@pytest.mark.parametrize("nothing", [None, "?", 7])
def test_an_object_that_is_none_tells_of_all_in_it(nothing: Any) -> None:
    usage = seen(resource_usage=nothing)
    assert usage.values == dict.fromkeys(
        ["cpu_percent", "memory_used", "disk_used", "bandwidth_used"]
    )
    assert bool(usage.unreadable) == (nothing is not None)
    plan = seen(plan=nothing)
    assert plan.told == {"plan_id", "plan_name", "vcpus", "memory", "storage", "bandwidth"}
    assert not any(plan.values.values())


def test_a_list_is_not_asked_about_what_the_detail_carries() -> None:
    listing = wire.server_list([DETAIL], 1, whole=True, answer=Answer(200, "", 0.1))
    assert listing.servers[0].told == told.ALL - told.DETAIL_ONLY


def test_a_list_of_the_second_dialect_is() -> None:
    entry = {"uuid": "x", "hostname": "a.example", "ipv6_addresses": ["2001:db8::1"]}
    listing = wire.server_list([entry], 1, whole=True, answer=Answer(200, "", 0.1))
    assert listing.servers[0].values == {
        "name": "a.example",
        "hostname": "a.example",
        "ipv6_address": "2001:db8::1",
    }


def test_the_answer_to_a_change_is_not_either() -> None:
    changed = wire.changed_server(DETAIL, "12345")
    assert changed is not None
    assert not changed.told & told.DETAIL_ONLY
    assert wire.new_server(DETAIL).told & told.DETAIL_ONLY == {"backups_enabled"}


@pytest.mark.parametrize("given", [-0.0, "-0", "-0.0", 0, "0"])
def test_nothing_used_is_nothing(given: Any) -> None:
    shown = seen(resource_usage={"cpu_percent": given}).values["cpu_percent"]
    assert str(shown) == "0.0"
