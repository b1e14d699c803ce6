"""A person says, from what VPS.org showed afterwards, that an unknown change was done."""

from datetime import timedelta
from uuid import uuid4

import pytest

from controlpanel.audit.events.sentences import sentence
from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from tests.operations.asks import fresh, power, rename, sent
from tests.people import HTMX, look
from tests.web.asking import denials, shows
from tests.web.operation_rows import URL, ago, operation


def saw(*words):
    """As `sightings` keeps it: one after the other, the last one now."""
    times = [ago(seconds=10 * (len(words) - number)).isoformat() for number in range(len(words))]
    return [
        {"shows": word if isinstance(word, dict) else {"status": word}, "at": at, "until": at}
        for word, at in zip(words, times, strict=True)
    ]


def unknown(person, account, kind, *words, **given):
    return operation(
        person, account, kind=kind, state="unknown", code="timeout", seen=saw(*words),
        sending_at=ago(minutes=1), **given,
    )  # fmt: skip


SERVER = "/teams/acme/servers/12345/"


def url(lost):
    return f"{URL}{lost.id}/confirm/"


@pytest.fixture
def lost(bob, account):
    return unknown(bob, account, "reboot", "rebooting", "active")


def becomes(sandbox, server, status):
    """At VPS.org, and for good."""
    found = sandbox.world.fleets["acme"][int(server.provider_id)]
    sandbox.world.change(found, status=status, goal="", due=None)


def test_it_works(bob, synced, sandbox, server):
    """The whole way: the answer lost, what VPS.org shows kept, one click."""
    found = server("web-server-01")
    sandbox.fault("drop_after", "POST", "/reboot/$")
    asked = sent(power(bob, "reboot", found))
    assert asked.state == "unknown"
    for status in ("rebooting", "rebooting", "active"):
        becomes(sandbox, found, status)
        look(synced)
    receipt = bob.get(f"{URL}{asked.id}/")
    assert shows(receipt, "Since it was sent, VPS.org has shown: rebooting, then active.")
    assert shows(receipt, "Shown: rebooting")
    assert shows(receipt, "Confirm that it was done")
    answer = bob.post(url(asked))
    assert (answer.status_code, answer["Location"]) == (303, f"{URL}{asked.id}/")
    asked = fresh(asked.id)
    assert (asked.state, asked.confirmed_by) == ("observed", bob.user.email)
    assert asked.ended_at
    page = bob.get(answer["Location"])
    assert shows(page, f"Done: {bob.user.email} confirmed it.")
    assert shows(page, "Afterwards VPS.org showed: rebooting, then active.")
    assert not shows(page, "Confirm that it was done")
    assert len(sandbox.changes()) == 1


def test_one_click_on_the_page_of_the_server_is_enough(synced, bob, vera, lost):
    page = bob.get(SERVER)
    assert f'action="{url(lost)}"' in page.content.decode()
    assert url(lost) not in vera.get(SERVER).content.decode()
    assert bob.post(url(lost)).status_code == 303
    assert url(lost) not in bob.get(SERVER).content.decode()


@pytest.mark.parametrize("words", [(), ("active",), ("stopped",)])
def test_what_speaks_for_nothing_has_no_button_there(bob, synced, words):
    asked = unknown(bob, synced, "reboot", *words)
    page = bob.get(SERVER).content.decode()
    assert f'id="attention-{asked.id}"' in page
    assert url(asked) not in page


def test_it_is_on_the_record(bob, lost):
    bob.post(url(lost))
    event = AuditEvent.objects.get(event="server.reboot")
    assert (event.phase, event.result, event.actor_name) == (
        "confirmed", "success", bob.user.email,
    )  # fmt: skip
    assert sentence(event) == f"{bob.user.email} confirmed that web-server-01 was rebooted"
    assert [line.split()[:2] for line in event.data["seen"]] == [
        ["status", "rebooting"],
        ["status", "active"],
    ]


def test_it_works_through_htmx(bob, lost):
    assert bob.post(url(lost), headers=HTMX)["HX-Redirect"] == f"{URL}{lost.id}/"


@pytest.mark.parametrize(
    ("kind", "words", "given"),
    [
        ("reboot", ["rebooting", "active"], {}),
        ("reboot", ["active", "rebooting", "active"], {}),
        ("reboot", ["stopping", "stopped", "starting", "active"], {}),
        ("reboot", ["starting", "active"], {}),
        ("start", ["starting"], {}),
        ("start", ["starting", "suspended"], {}),
        ("stop", ["stopping"], {}),
        ("stop", ["active", "stopping", "active"], {}),
        ("update", [{"name": "new"}], {"body": {"name": "new"}, "before": {"name": "old"}}),
        (
            "update",
            [{"name": "old", "backups_enabled": True}],
            {
                "body": {"name": "new", "backups_enabled": True},
                "before": {"name": "old", "backups_enabled": False},
            },
        ),
    ],
)
def test_what_speaks_for_it(bob, account, kind, words, given):
    lost = unknown(bob, account, kind, *words, **given)
    assert shows(bob.get(f"{URL}{lost.id}/"), "Confirm that it was done")
    assert bob.post(url(lost)).status_code == 303
    assert fresh(lost.id).state == "observed"


@pytest.mark.parametrize(
    ("kind", "words", "given"),
    [
        ("reboot", [], {}),
        ("reboot", ["active"], {}),
        ("reboot", ["rebooting"], {}),
        ("reboot", ["rebooting", "stopped"], {}),
        ("reboot", ["suspended", "active"], {}),
        ("start", ["stopped"], {}),
        ("start", ["stopping", "stopped"], {}),
        ("stop", ["active"], {}),
        ("stop", ["starting", "active"], {}),
        ("delete", ["deleting"], {}),
        ("delete", ["active"], {}),
        ("create", ["provisioning"], {}),
        ("update", [{"name": "old"}], {"body": {"name": "new"}, "before": {"name": "old"}}),
        ("update", [{"name": "odd"}], {"body": {"name": "new"}, "before": {"name": "old"}}),
        ("update", [{"name": "new"}], {"body": {"name": "new"}, "before": {"name": "new"}}),
    ],
)
def test_what_does_not(bob, adam, account, kind, words, given):
    lost = unknown(adam, account, kind, *words, **given)
    assert not shows(adam.get(f"{URL}{lost.id}/"), "Confirm that it was done")
    page = adam.post(url(lost))
    assert page.status_code == 409
    assert shows(page, "This cannot be confirmed")
    assert fresh(lost.id).state == "unknown"
    assert not AuditEvent.objects.filter(event__startswith="server.").exists()


@pytest.mark.parametrize("state", ["accepted", "observed", "failed", "closed", "not_seen"])
def test_what_is_settled_stays(bob, account, lost, state):
    settled = operation(bob, account, state=state, seen=lost.seen, ended_at=ago())
    type(lost).objects.filter(id=lost.id).delete()
    assert bob.post(url(settled)).status_code == 409
    assert fresh(settled.id).state == state


@pytest.mark.parametrize(
    ("state", "given"),
    [
        ("accepted", {}),
        ("unknown", {"kind": "stop"}),
        ("observed", {"kind": "start", "ended_at": clock.now() + timedelta(days=1)}),
    ],
)
def test_what_another_change_may_have_done_cannot_be_confirmed(bob, account, lost, state, given):
    operation(bob, account, state=state, **given)
    page = bob.get(f"{URL}{lost.id}/")
    assert shows(page, "rebooting, then active")
    assert shows(page, "Another change of this server was on its way in the same time")
    assert not shows(page, "Confirm that it was done")
    assert bob.post(url(lost)).status_code == 409


@pytest.mark.parametrize(
    "given",
    [
        {"provider_id": "99999"},
        {"state": "failed"},
        {"state": "cancelled"},
        {"kind": "update"},
        {"state": "observed", "ended_at": ago(minutes=10)},
    ],
)
def test_other_changes_stand_not_in_the_way(bob, account, lost, given):
    operation(bob, account, **given)
    assert bob.post(url(lost)).status_code == 303


def test_only_what_was_shown_after_sending_counts(bob, synced, sandbox, server):
    """And only of this server."""
    found, other = server("web-server-01"), server("mail-relay")
    becomes(sandbox, found, "rebooting")
    look(synced)
    becomes(sandbox, found, "active")
    look(synced)
    sandbox.fault("drop_before", "POST", "/reboot/$")
    asked = sent(power(bob, "reboot", server("web-server-01")))
    becomes(sandbox, other, "rebooting")
    look(synced)
    assert [one["shows"] for one in fresh(asked.id).seen] == [{"status": "active"}]
    assert bob.post(url(asked)).status_code == 409


def test_what_a_servers_own_page_saw_counts(bob, synced, sandbox, server):
    found = server("web-server-01")
    sandbox.fault("drop_after", "POST", "/reboot/$")
    asked = sent(power(bob, "reboot", found))
    becomes(sandbox, found, "rebooting")
    synced.sync.tried_at = clock.now() + timedelta(hours=1)
    synced.sync.save()
    bob.get(f"/teams/acme/servers/{found.provider_id}/", headers=HTMX)
    assert [one["shows"] for one in fresh(asked.id).seen] == [{"status": "rebooting"}]


def test_an_edit_keeps_the_fields_that_were_sent(bob, synced, sandbox, server):
    found = server("mail-relay")
    sandbox.fault("drop_after", "PATCH")
    asked = sent(rename(bob, found, "post-office"))
    sandbox.world.change(sandbox.world.fleets["acme"][int(found.provider_id)], name="Post-Office")
    look(synced)
    assert [one["shows"] for one in fresh(asked.id).seen] == [{"name": "Post-Office"}]
    assert shows(bob.get(f"{URL}{asked.id}/"), "Shown: Name Post-Office")


def test_what_is_under_way_is_not_called_not_seen(bob, synced, sandbox, server):
    found = server("build-runner")
    sandbox.fault("drop_after", "POST", "/start/$")
    asked = sent(power(bob, "start", found))
    becomes(sandbox, found, "starting")
    for minutes, status, state in (
        (3, "starting", "unknown"),
        (3, "stopped", "unknown"),
        (9, "stopped", "not_seen"),
    ):
        becomes(sandbox, found, status)
        clock.shift(timedelta(minutes=minutes))
        look(synced)
        assert fresh(asked.id).state == state, (minutes, status)
    assert "starting, then stopped" in fresh(asked.id).note


def test_a_reboot_is_watched_for_a_while_and_then_waits_for_a_person(bob, synced, sandbox, server):
    sandbox.fault("drop_before", "POST", "/reboot/$")
    asked = sent(power(bob, "reboot", server("web-server-01")))
    assert asked.next_poll_at
    clock.shift(timedelta(minutes=11))
    look(synced)
    assert (fresh(asked.id).state, fresh(asked.id).next_poll_at) == ("unknown", None)


def test_it_requires_sign_in(nobody, lost):
    assert nobody.post(url(lost)).status_code == 302


def test_it_requires_the_right(vera, lost):
    assert shows(vera.get(f"{URL}{lost.id}/"), "Somebody with the right to reboot servers can con")
    assert vera.post(url(lost)).status_code == 403
    assert denials() == 1
    assert fresh(lost.id).state == "unknown"


def test_it_hides_from_outsiders(charlie, lost):
    assert charlie.post(url(lost)).status_code == 404
    assert charlie.post(f"{URL}{uuid4()}/confirm/").status_code == 404


def test_it_rejects_get(bob, lost):
    assert bob.get(url(lost)).status_code == 405


def test_what_was_shown_is_inert(bob, account):
    lost = unknown(bob, account, "reboot", "<script>alert(1)</script>\u202e", "active")
    text = bob.get(f"{URL}{lost.id}/").content.decode()
    assert "<script>alert" not in text
    assert "\u202e" not in text
