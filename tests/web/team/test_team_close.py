from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from controlpanel.accounts.models import Account, Membership, OwnershipOffer, Team
from controlpanel.accounts.teams import invitations, ownership_transfer
from controlpanel.accounts.teams.invitations import InvitationUnusable
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.tables import baseline
from controlpanel.credentials.models import Credential
from controlpanel.lib.scope import EVERYTHING
from controlpanel.operations.leaving import disconnecting
from controlpanel.operations.leaving.disconnecting import CannotClose
from controlpanel.operations.models import Operation
from controlpanel.operations.services import Refused
from controlpanel.operations.tasks import due_accounts, poll
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import Server, ServerLabel
from tests.operations.asks import power, sent
from tests.people import HTMX, Person, join, with_labels

URL = "/teams/acme/close/"
FORM = {"confirm_name": "Acme"}


def test_it_says_what_goes(alice: Person, synced: Account) -> None:
    text = alice.get(URL).content.decode()
    for token in Credential.objects.all():
        assert token.fingerprint in text
    assert "Close the team Acme?" in text


def test_it_works(alice: Person, synced: Account, sandbox: Sandbox) -> None:
    kept = {one.fingerprint: one.user.email for one in Credential.objects.select_related("user")}
    answer = alice.post(URL, FORM)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "Acme is closed" in text
    assert all(mark in text and owner in text for mark, owner in kept.items())
    assert not Credential.objects.exists()
    assert not Server.objects.exists()
    event = AuditEvent.objects.get(event="team.closed")
    assert {one["fingerprint"]: one["owner"] for one in event.data["tokens"]} == kept
    assert event.data["accounts"] == ["Acme"]
    assert not sandbox.changes()


def test_nobody_enters_it(alice: Person, bob: Person, synced: Account) -> None:
    alice.post("/teams/new/", {"name": "Other", "colour": "red"})
    assert 'href="/teams/acme/"' in alice.get("/teams/other/servers/").content.decode()
    alice.post(URL, FORM)
    for person in (alice, bob):
        for page in ("", "servers/", "members/", "api/", "settings/", "close/"):
            assert person.get(f"/teams/acme/{page}").status_code == 404
        assert person.get("/teams/acme/servers/", headers=HTMX).status_code == 404
    assert alice.post(URL, FORM).status_code == 404
    assert 'href="/teams/acme/"' not in alice.get("/teams/other/servers/").content.decode()
    assert "You are in no team yet" in bob.get("/").content.decode()


READING = (
    "", "today/", "checkpoints/", "verification/", "export/", "new/", "review/", "outside/",
)  # fmt: skip


def readable(person: Person) -> set[str]:
    return {page for page in READING if person.get(f"/teams/acme/audit/{page}").status_code == 200}


def test_its_log_stays_readable_to_those_who_could_read_it(
    alice: Person, adam: Person, audrey: Person, bob: Person, vera: Person, charlie: Person
) -> None:
    before = {who.user.name: readable(who) for who in (alice, adam, audrey, bob, vera, charlie)}
    alice.post(URL, FORM)
    after = {who.user.name: readable(who) for who in (alice, adam, audrey, bob, vera, charlie)}
    assert after == before
    assert after["Audrey"] == set(READING)
    assert not after["Bob"]
    assert not after["Vera"]
    assert not after["Charlie"]
    page = audrey.get("/teams/acme/audit/").content.decode()
    assert "This team is closed" in page
    assert 'href="/teams/acme/servers/"' not in page
    assert 'href="/teams/acme/api/"' not in page
    assert bob.get("/teams/acme/audit/").status_code == 404


@pytest.mark.parametrize("ended", ["suspended", "removed", "inactive"])
def test_who_was_put_out_before_reads_nothing(alice: Person, audrey: Person, ended: str) -> None:
    if ended == "suspended":
        Membership.objects.filter(user=audrey.user).update(suspended_at="2026-01-01T00:00Z")
    elif ended == "removed":
        Membership.objects.filter(user=audrey.user).delete()
    alice.post(URL, FORM)
    if ended == "inactive":
        type(audrey.user).objects.filter(id=audrey.user.id).update(is_active=False)
        assert audrey.get("/teams/acme/audit/").status_code == 302
        return
    assert not readable(audrey)


def test_a_part_stays_a_part(
    team: Team, alice: Person, bob: Person, server: Callable[[str], Server]
) -> None:
    """Who read about some servers reads about those."""
    part = join(team, "paula", "auditor", with_labels("env:prod"))
    ServerLabel.objects.create(server=server("web-server-01"), key="env", value="prod")
    for name in ("web-server-01", "db-server-01"):
        done = sent(power(bob, "reboot", server(name)))
        Operation.objects.filter(id=done.id).update(state="failed", ended_at="2026-01-01T00:00Z")
    before = part.get("/teams/acme/audit/").content.decode()
    alice.post(URL, FORM)
    after = part.get("/teams/acme/audit/").content.decode()
    for page in (before, after):
        assert "web-server-01" in page
        assert "db-server-01" not in page
    assert "Alice closed" not in after
    assert "alice@example.com closed" not in after


def test_nothing_is_signed_off_or_set_in_it(alice: Person, audrey: Person) -> None:
    alice.post(URL, FORM)
    count = AuditEvent.objects.filter(event__startswith="review").count()
    for path in ("review/", "review/rules/", "outside/", "checkpoints/"):
        answer = audrey.post(f"/teams/acme/audit/{path}", {"seq": "1", "note": "x", "hook": "x"})
        assert answer.status_code in {403, 404, 405}
    assert AuditEvent.objects.filter(event__startswith="review").count() == count


def test_it_is_found_again(alice: Person, audrey: Person, bob: Person) -> None:
    alice.post(URL, FORM)
    for page in ("/", "/account/settings/"):
        assert "Audit log of Acme" in audrey.get(page).content.decode()
        assert "Audit log of Acme" not in bob.get(page).content.decode()


def test_workers_leave_it_alone(alice: Person, synced: Account, sandbox: Sandbox) -> None:
    alice.post(URL, FORM)
    sandbox.journal.clear()
    assert not due_accounts()
    poll(str(synced.id))
    assert not sandbox.journal.entries()
    assert not Server.objects.exists()


def test_its_records_stay_and_can_be_verified(alice: Person, bob: Person, server: Any) -> None:
    operation = sent(power(bob, "stop", server("web-server-01")))
    Operation.objects.filter(id=operation.id).update(state="observed", ended_at="2026-01-01T00:00Z")
    baseline.take()  # the cast was put into the team without events
    alice.post(URL, FORM)
    call_command("verify_audit")
    assert Operation.objects.get(id=operation.id).server_name == "web-server-01"
    assert AuditEvent.objects.filter(event="server.stop", actor_name="bob@example.com").exists()


def test_it_is_refused_while_something_is_under_way(
    alice: Person, bob: Person, server: Any
) -> None:
    operation = power(bob, "stop", server("web-server-01"))
    page = alice.get(URL).content.decode()
    assert f"/teams/acme/operations/{operation.id}/" in page
    assert "Changes are still under way" in page
    answer = alice.post(URL, FORM)
    assert answer.status_code == 409
    assert f"/teams/acme/operations/{operation.id}/" in answer.content.decode()
    assert Team.objects.get().closed_at is None
    assert Credential.objects.exists()


def test_it_needs_the_name(alice: Person, synced: Account) -> None:
    for wrong in ("", "acme", "Acme Inc"):
        answer = alice.post(URL, {"confirm_name": wrong})
        assert answer.status_code == 422
        assert "Type “Acme” exactly" in answer.content.decode()
    assert Team.objects.get().closed_at is None


def test_invitations_and_an_offer_end_with_it(alice: Person, adam: Person) -> None:
    scope = alice.scope("members.manage")
    _invitation, token = invitations.invite(scope, "new@example.com", "viewer", EVERYTHING)
    ownership_transfer.offer(scope, adam.membership)
    alice.post(URL, FORM)
    with pytest.raises(InvitationUnusable):
        invitations.find(token.reveal(), None)
    assert not OwnershipOffer.objects.exists()
    names = set(AuditEvent.objects.values_list("event", flat=True))
    assert {"invitation.revoked", "ownership.withdrawn", "team.closed"} <= names


def test_a_new_team_of_the_name_is_another_one(alice: Person) -> None:
    alice.post(URL, FORM)
    answer = alice.post("/teams/new/", {"name": "Acme", "colour": "red"})
    assert answer["Location"] == "/teams/acme-2/servers/"


def test_its_chain_takes_no_later_sign_ins(alice: Person, adam: Person, synced: Account) -> None:
    alice.post(URL, FORM)
    head = AuditEvent.objects.filter(chain=alice.team.chain).count()
    adam.post("/accounts/logout/")
    assert AuditEvent.objects.filter(chain=alice.team.chain).count() == head


def test_whoever_sees_a_part_of_it_cannot(team: Team, alice: Person, synced: Account) -> None:
    part = join(team, "paula", "owner", with_labels("env:prod"))
    assert "for servers with env:prod" in part.get(URL).content.decode()
    assert part.post(URL, FORM).status_code == 403
    assert Team.objects.get().closed_at is None


def test_it_asks_again_after_a_while(alice: Person) -> None:
    alice.signed_in_ago(minutes=16)
    assert alice.post(URL, FORM).status_code == 302
    assert Team.objects.get().closed_at is None


def test_without_a_record_it_stays_open(alice: Person, synced: Account, audit_broken: None) -> None:
    assert alice.post(URL, FORM).status_code == 503
    assert Team.objects.get().closed_at is None
    assert Credential.objects.exists()


def test_it_requires_the_right(adam: Person) -> None:
    assert adam.get(URL).status_code == 403
    assert adam.post(URL, FORM).status_code == 403


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assert nobody.get(URL).status_code == 302


def test_it_hides_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404
    assert charlie.post(URL, FORM).status_code == 404


@contextmanager
def closing_connection() -> Iterator[None]:
    """A thread's own."""
    try:
        yield
    finally:
        connection.close()


@pytest.mark.databases
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(8))
def test_closing_and_asking_at_the_same_moment(
    alice: Person, bob: Person, server: Any, _round: int
) -> None:
    """Either the team is closed and nothing was asked for, or the other way round."""
    target = server("web-server-01")
    alices = alice.scope("team.manage")

    def close() -> str:
        with closing_connection():
            try:
                disconnecting.close(alices)
            except CannotClose:
                return "refused"
            return "closed"

    def ask() -> str:
        with closing_connection():
            try:
                power(bob, "stop", target)
            except (Refused, AssertionError):  # the second: no longer a member
                return "refused"
            return "asked"

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(close), pool.submit(ask)
        answers = {first.result(), second.result()}
    closed = Team.objects.get().closed_at is not None
    assert answers in ({"closed", "refused"}, {"refused", "asked"})
    assert closed == ("closed" in answers)
    assert Operation.objects.exists() != closed
    assert Membership.objects.filter(user=bob.user).exists()
