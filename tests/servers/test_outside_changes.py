"""The ledger says exactly what somebody did at VPS.org without the panel, and nothing more."""

from datetime import timedelta

import pytest
import requests

from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.operations import services
from controlpanel.operations.following import polling
from controlpanel.servers import labels, mirror
from controlpanel.servers.models import AccountSync, OutsideChange, Server
from tests.operations.asks import create, fresh, power, rename, sent
from tests.people import look
from tests.tools.breaking import broken_audit

pytestmark = pytest.mark.databases


@pytest.fixture
def outside(sandbox):
    """What somebody does at VPS.org, through the sandbox's control door."""

    def do(method, path, **fields):
        answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=fields, timeout=5)
        answer.raise_for_status()

    return do


@pytest.fixture
def later(synced, sandbox):
    """Some looks, a while apart."""

    def pass_by(times=3, minutes=1):
        for _ in range(times):
            clock.shift(timedelta(minutes=minutes))
            sandbox.advance(minutes * 60)
            look(synced)

    return pass_by


def ledger():
    """What stands in it, in order: (event, server or account, what differs)."""
    found = AuditEvent.objects.filter(event__regex=r"^(outside|provider)\.").order_by("seq")
    return [(event.event, event.target_name, *_difference(event.data)) for event in found]


def _difference(data):
    if "fields" not in data:
        return ()
    return ({name: (data["before"][name], data["after"][name]) for name in data["after"]},)


def test_the_first_list_is_the_baseline(synced, later):
    later()
    assert ledger() == []


def test_a_server_that_appears(outside, later):
    outside("POST", "servers", name="theirs")
    later()
    assert ledger() == [("outside.appeared", "theirs")]
    event = AuditEvent.objects.get(event="outside.appeared")
    assert (event.actor_kind, event.actor_name) == ("provider", "VPS.org")
    assert event.data["after"]["location"] == "us-west"
    change = OutsideChange.objects.get()
    assert (change.kind, change.server_name, change.event_seq) == ("appeared", "theirs", event.seq)
    assert change.acknowledged_at is None


def test_a_server_that_is_renamed(outside, later):
    outside("PATCH", "servers/12345", name="mine-now", hostname="mine.example.com")
    later()
    assert ledger() == [
        (
            "outside.changed",
            "mine-now",
            {
                "name": ("web-server-01", "mine-now"),
                "hostname": ("web01.example.com", "mine.example.com"),
            },
        )
    ]


@pytest.mark.parametrize(
    ("field", "value"), [("status", "suspended"), ("ip_address", "203.0.113.99")]
)
def test_a_field_that_changes(outside, later, server, field, value):
    was = getattr(server("web-server-01"), field)
    outside("PATCH", "servers/12345", **{field: value})
    later()
    assert ledger() == [("outside.changed", "web-server-01", {field: (was, value)})]


def test_a_plan_that_changes(outside, later, server):
    was = server("web-server-01")
    outside("PATCH", "servers/12345", plan_id=4)
    later()
    now = server("web-server-01")
    ((event, _name, fields),) = ledger()
    assert event == "outside.changed"
    assert fields == {
        "plan_id": (was.plan_id, "4"),
        "plan_name": (was.plan_name, now.plan_name),
    }


def test_a_start_that_is_seen_half_way_is_one_change(outside, later, server):
    stopped = Server.objects.filter(status="stopped")[0]
    path = f"servers/{stopped.provider_id}"
    for status in ("starting", "active"):
        outside("PATCH", path, status=status)
        later(1)
    assert ledger() == [("outside.changed", str(stopped), {"status": ("stopped", "starting")})]


def test_a_server_that_is_removed(outside, later):
    outside("DELETE", "servers/12345")
    later(1)
    assert ledger() == []
    later()
    assert ledger() == [("outside.vanished", "web-server-01")]


def test_usage_figures_are_nobodys_change(later, synced, server):
    for _ in range(3):
        Server.objects.update(wanted_at=clock.now() + timedelta(minutes=1))
        later(1)
    assert server("web-server-01").cpu_percent is not None
    assert ledger() == []


@pytest.mark.parametrize(
    ("keep", "lie", "why"),
    [(0, True, "list_shrunk"), (4, True, "list_shrunk"), (7, False, "list_truncated")],
)
def test_a_list_that_cannot_be_whole_changes_nothing(
    outside, later, sandbox, synced, keep, lie, why
):
    before = list(Server.objects.order_by("provider_id").values())
    sandbox.fault("short_list", "GET", "/servers/$", keep=keep, lie=lie, times=None)
    later(5, minutes=10)
    assert ledger() == [("provider.suspicious", "Acme")]
    event = AuditEvent.objects.get(event="provider.suspicious")
    assert (event.data["why"], event.data["known"], event.data["listed"]) == (why, 8, keep)
    ignored = {"seen_at", "detail_at", "asked_at"} | {
        "ipv6_address", "bandwidth", "backups_enabled", "cpu_percent", "memory_used", "disk_used",
        "bandwidth_used", "changed_at",
    }  # fmt: skip
    for was, now in zip(before, Server.objects.order_by("provider_id").values(), strict=True):
        assert {n: v for n, v in was.items() if n not in ignored} == {
            n: v for n, v in now.items() if n not in ignored
        }
    outside("DELETE", "faults")
    later(2, minutes=10)
    assert ledger() == [("provider.suspicious", "Acme"), ("provider.trusted_again", "Acme")]
    assert not AccountSync.objects.get().suspicious_since


def test_servers_that_all_vanish_are_found_out_one_by_one(outside, later):
    names = sorted(Server.objects.values_list("name", flat=True))
    for provider_id in Server.objects.values_list("provider_id", flat=True):
        outside("DELETE", f"servers/{provider_id}")
    later(6, minutes=10)
    told = ledger()
    assert told[0] == ("provider.suspicious", "Acme")
    assert told[-1] == ("provider.trusted_again", "Acme")
    assert sorted(name for event, name in told[1:-1] if event == "outside.vanished") == names
    assert len(told) == len(names) + 2


def test_an_hour_of_failures_says_nothing_and_then_what_changed_meanwhile(outside, later, sandbox):
    sandbox.fault("status", "GET", "/servers/$", status=500, times=None)
    outside("PATCH", "servers/12345", name="mine-now")
    later(6, minutes=10)
    assert ledger() == []
    outside("DELETE", "faults")
    later(2, minutes=10)
    assert ledger() == [("outside.changed", "mine-now", {"name": ("web-server-01", "mine-now")})]


def test_what_the_panel_does_is_no_outside_change(later, adam, bob, synced, server):
    sent(create(bob, synced))
    look(synced)
    sent(power(bob, "stop", server("mail-relay")))
    look(synced)
    sent(power(bob, "start", server("build-runner")))
    sent(power(bob, "reboot", server("web-server-01")))
    look(synced)
    later()
    sent(rename(bob, server("mail-relay"), "post-office"))
    look(synced)
    sent(power(adam, "delete", server("build-runner")))
    later(4)
    assert ledger() == []
    assert not Server.objects.filter(unclaimed=True).exists()


@pytest.mark.parametrize("kind", ["stop", "reboot", "delete"])
def test_a_lost_answer_is_no_outside_change(later, adam, synced, server, sandbox, kind):
    method, path = ("DELETE", "/servers/") if kind == "delete" else ("POST", f"/{kind}/$")
    sandbox.fault("drop_after", method, path)
    sent(power(adam, kind, server("mail-relay")))
    look(synced)
    later(4)
    assert ledger() == []


def test_a_lost_create_that_is_adopted_is_no_outside_change(later, bob, synced, sandbox):
    sandbox.fault("drop_after", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    assert operation.state == "unknown"
    later(4)
    assert fresh(operation.id).state == "observed"
    assert ledger() == []


def test_of_two_candidates_the_other_one_appeared(outside, later, bob, synced, sandbox):
    sandbox.fault("drop_after", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    outside("POST", "servers", name="fresh-01")
    later(2)
    assert fresh(operation.id).state == "unknown"
    assert ledger() == []
    ours, theirs = Server.objects.filter(name="fresh-01").order_by("provider_id")
    services.adopt(bob.scope("servers.create"), fresh(operation.id), ours)
    later()
    assert ledger() == [("outside.appeared", "fresh-01")]
    assert OutsideChange.objects.get().provider_id == theirs.provider_id


def test_a_start_outside_after_a_stop_of_the_panels_is_one_change(
    outside, later, bob, synced, sandbox, server
):
    operation = sent(power(bob, "stop", server("mail-relay")))
    sandbox.advance(60)
    look(synced)
    assert fresh(operation.id).state == "observed"
    outside("PATCH", f"servers/{operation.provider_id}", status="active")
    look(synced)
    later()
    assert ledger() == [("outside.changed", "mail-relay", {"status": ("stopped", "active")})]


def test_an_old_list_after_a_stop_is_no_change(later, bob, synced, sandbox, server):
    sandbox.fault("stale_list", "GET", "/servers/$", times=2, skip=1)
    operation = sent(power(bob, "stop", server("mail-relay")))
    sandbox.advance(60)
    look(synced)
    assert fresh(operation.id).state == "observed"
    look(synced)
    look(synced)
    assert server("mail-relay").status == "stopped"
    later()
    assert ledger() == []


def test_what_cannot_be_recorded_is_not_in_the_mirror_and_comes_again(
    outside, later, synced, server
):
    outside("PATCH", "servers/12345", name="mine-now")
    with broken_audit():
        later(1)
    assert server("web-server-01").misses == 0
    assert AccountSync.objects.get().trouble == "audit_unavailable"
    later(1)
    assert ledger() == [("outside.changed", "mine-now", {"name": ("web-server-01", "mine-now")})]


def test_it_carries_the_labels_of_then(outside, later, alice, server):
    labels.put(alice.scope("labels.edit"), server("web-server-01"), frozenset({"env:prod"}))
    outside("PATCH", "servers/12345", name="mine-now")
    later()
    assert AuditEvent.objects.get(event="outside.changed").labels == "|env|env:prod|"
    assert OutsideChange.objects.get().labels == "|env:prod|"


def test_very_many_at_once_come_in_turn(outside, later, monkeypatch):
    monkeypatch.setattr(mirror, "MOST_OUTSIDE", 10)
    outside("POST", "servers", count=25)
    later(1)
    assert len(ledger()) == 10
    later(3)
    assert [event for event, _name in ledger()] == ["outside.appeared"] * 25
    assert Server.objects.count() == 33


@pytest.mark.parametrize(
    "told",
    [
        {"password_auth": "active"},
        {"password": "active"},
        {"root_password": "web-server-01"},
        {"secret": {"value": "us-west"}},
        {"api_key": "Debian 12"},
    ],
)
def test_a_secret_of_the_same_text_as_a_value_changes_no_value(
    later, synced, server, sandbox, told
):
    shown = server("web-server-01")
    before = (shown.status, shown.name, shown.location, shown.os_name)
    sandbox.fault("rewrite", "GET", "/servers/", set=told, times=None)
    polling.poll_server(shown, 5)
    later()
    shown.refresh_from_db()
    assert (shown.status, shown.name, shown.location, shown.os_name) == before
    assert ledger() == []
