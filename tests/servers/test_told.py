"""Told null is not the same as not told: in the mirror, and on the page."""

from datetime import timedelta

import pytest

from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.operations.following import polling
from controlpanel.servers.models import Server
from tests.people import look

DETAIL_ONLY = ("ipv6_address", "backups_enabled", "cpu_percent", "bandwidth")


@pytest.fixture
def told(synced, server, sandbox):
    """One server whose detail was read; `told(kind, set=…, remove=…)` shows it again otherwise."""
    polling.poll_server(server("web-server-01"), 5)

    def show(kind, **rewritten):
        clock.shift(timedelta(minutes=3))
        sandbox.desk.faults.clear()
        path = "/servers/$" if kind == "list" else "/servers/12345/$"
        sandbox.fault("rewrite", "GET", path, times=None, **rewritten)
        if kind == "list":
            look(synced)
        else:
            polling.poll_server(Server.objects.get(provider_id="12345"), 5)
        return Server.objects.get(provider_id="12345")

    return show


@pytest.mark.parametrize(
    ("field", "empty"),
    [
        ("hostname", ""), ("ip_address", None), ("location", ""), ("status", ""), ("name", ""),
        ("created_at", None), ("updated_at", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["list", "detail"])
def test_null_clears(told, field, empty, kind):
    assert getattr(told(kind, set={field: None}), field) == empty


@pytest.mark.parametrize(
    ("kind", "field", "junk"),
    [
        ("list", "hostname", {"x": 1}),
        ("list", "ip_address", "999.1.1.1"),
        ("list", "status", ["active"]),
        ("list", "location", {"x": 1}),
        ("list", "created_at", "soon"),
        ("detail", "ip_address", 7),
        ("detail", "ipv6_address", "fe80::1%eth0"),
        ("detail", "backups_enabled", "perhaps"),
        ("detail", "updated_at", 0),
        ("detail", "name", {"first": "web"}),
    ],
)
def test_what_cannot_be_read_clears_that_value_alone(told, kind, field, junk):
    before = row()
    # `name_order` follows from the name.
    follows = {"name_order"} if field == "name" else set()
    sandbox_time = {"cpu_percent", "memory_used", "disk_used", "bandwidth_used"}
    seen = told(kind, set={field: junk})
    after = row()
    assert after[field] in (None, "")
    assert seen.untold == {field: None}
    changed = {name for name in before if before[name] != after[name]} - sandbox_time - follows
    assert changed <= {field, "untold", "seen_at", "changed_at", "asked_at", "detail_at"}
    assert not AuditEvent.objects.filter(event="outside.changed").exists()


@pytest.mark.parametrize("field", ["hostname", "ip_address", "location", "status", "plan", "os"])
def test_an_absent_key_leaves_the_value_with_its_own_age(told, synced, field):
    column = {"plan": "plan_name", "os": "os_name"}.get(field, field)
    look(synced)
    last = clock.now()
    seen = told("list", remove=[field])
    assert getattr(seen, column) not in (None, "")
    assert timedelta(0) <= abs(last - _at(seen, column)) < timedelta(minutes=1)
    again = told("list", remove=[field])
    assert again.untold == seen.untold  # and it grows older
    assert told("list").untold == {}


@pytest.mark.parametrize("field", DETAIL_ONLY)
def test_a_list_neither_clears_nor_sets_what_the_detail_carries(told, field):
    before = getattr(Server.objects.get(provider_id="12345"), field)
    assert before is not None
    for rewritten in ({"ipv6_address": None}, {"ipv6_address": "2001:db8::bad"}):
        seen = told(
            "list",
            set={
                **rewritten,
                "backups_enabled": None,
                "resource_usage": None,
                "plan": {"bandwidth": 1},
            },
        )
        assert getattr(seen, field) == before
        assert field not in seen.untold


@pytest.mark.parametrize(
    ("removed", "fields"),
    [
        ("ipv6_address", ["ipv6_address"]),
        ("backups_enabled", ["backups_enabled"]),
        ("resource_usage", ["bandwidth_used", "cpu_percent", "disk_used", "memory_used"]),
    ],
)
def test_what_a_detail_lacks_grows_older(told, removed, fields):
    read_at = Server.objects.get(provider_id="12345").detail_at
    seen = told("detail", remove=[removed])
    assert read_at
    assert seen.untold == dict.fromkeys(fields, read_at.isoformat())
    assert all(getattr(seen, field) is not None for field in fields)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"ipv6_address": None}, "ipv6_address"),
        ({"backups_enabled": None}, "backups_enabled"),
        ({"resource_usage": None}, "cpu_percent"),
        ({"resource_usage": {"cpu_percent": None, "disk_used": 1}}, "cpu_percent"),
    ],
)
def test_a_detail_that_tells_null_clears(told, given, field):
    assert getattr(told("detail", set=given), field) is None


def test_numbers_written_as_text_are_numbers(told):
    plan = {"id": "1", "name": "Standard VPS", "vcpus": "2", "memory": "4096.0", "storage": "80"}
    seen = told("list", set={"plan": plan})
    assert (seen.vcpus, seen.memory, seen.storage) == (2, 4096, 80)
    used = told("detail", set={"resource_usage": {"cpu_percent": "23.50", "disk_used": "35"}})
    assert (used.cpu_percent, used.disk_used) == (23.5, 35)


@pytest.mark.parametrize(
    ("field", "is_change"),
    [("ip_address", True), ("hostname", True), ("status", False), ("name", False), ("os", False)],
)
def test_an_address_that_is_gone_is_a_change_and_a_word_that_is_not_told_is_none(
    told, field, is_change
):
    told("list", set={field: None})
    changes = AuditEvent.objects.filter(event="outside.changed", target_id="12345")
    assert [list(one.data["after"]) for one in changes] == ([[field]] if is_change else [])


def test_the_page_says_what_is_none_and_what_is_not_known(told, bob):
    def page():
        return bob.get("/teams/acme/servers/12345/").content.decode()

    told("list", set={"ip_address": None})
    assert "203.0.113.10" not in page()
    told("detail", set={"ipv6_address": "?"})
    assert "2001:" not in page()
    assert "not known" in page()
    told("list", remove=["hostname", "ip_address"])
    assert "last told" in page()


def row():
    return dict(Server.objects.filter(provider_id="12345").values().get())


def _at(server, column):
    return type(clock.now()).fromisoformat(server.untold[column])


def test_a_list_that_always_lacks_a_key_writes_no_row(told, synced):
    told("list", remove=["hostname"])
    before = dict(Server.objects.values_list("provider_id", "seen_at"))
    told("list", remove=["hostname"])
    assert dict(Server.objects.values_list("provider_id", "seen_at")) == before
