"""Letting a member go: everything they have here on one page, and undone in one step."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from controlpanel.accounts.models import Invitation, Membership, Team
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential, Revocation
from controlpanel.lib import clock
from controlpanel.operations.models import Operation
from controlpanel.servers.models import Server, ServerLock
from tests.credentials.keyring import issue, why_not
from tests.operations.asks import create, fresh, power, sent
from tests.people import HTMX, Person, join, look, with_labels, with_servers
from tests.web.asking import can_send, shows
from tests.web.operation_rows import new_server, operation

MEMBERS = "/teams/acme/members/"
REVOCATIONS = f"{MEMBERS}revocations/"


def url(person: Person) -> str:
    return f"{MEMBERS}{person.user.id}/remove/"


def is_member(person: Person) -> bool:
    return Membership.objects.filter(user=person.user, team__slug="acme").exists()


def token_of(person: Person) -> Credential:
    return Credential.objects.get(user=person.user)


def invitation(by: Person, email: str = "new@example.com") -> Invitation:
    return Invitation.objects.create(
        team=by.team,
        email=email,
        role="viewer",
        digest=email,
        invited_by_id=str(by.user.id),
        invited_by_name=by.user.email,
        expires_at=clock.now() + timedelta(hours=1),
    )


def lock(by: Person, server: Server, reason: str = "Keep.") -> ServerLock:
    return ServerLock.objects.create(
        server=server, by_id=str(by.user.id), by_name=by.user.email, level="changes", reason=reason
    )


def events(name: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event=name).order_by("seq"))


@pytest.fixture
def laden(alice: Person, adam: Person, server, synced) -> Person:
    """adam, with one of everything; his is the token that reads the account."""
    Credential.objects.filter(user=alice.user).update(is_sync=False)
    Credential.objects.filter(user=adam.user).update(is_sync=True)
    sent(create(adam, synced, name="made-01"))
    look(synced)
    power(adam, "reboot", server("web-server-01"))
    sent(power(adam, "stop", server("mail-relay")))
    invitation(adam)
    lock(adam, server("db-server-01"))
    assert adam.get("/teams/acme/servers/").status_code == 200
    return adam


def test_it_lists_everything_they_have(alice: Person, bob: Person, laden: Person) -> None:
    page = alice.get(url(laden))
    assert page.status_code == 200
    theirs = page.context["theirs"]
    assert UserSession.objects.filter(user=laden.user).count() == len(theirs.sessions) == 1
    for text in (
        "Remove Adam from the team?",
        "adam@example.com",
        token_of(laden).fingerprint,
        "This one reads Acme. Who reads it from now on?",
        token_of(alice).fingerprint,
        token_of(bob).fingerprint,
        "Reboot web-server-01",
        "will not be sent",
        "Stop mail-relay",
        "was sent already, and goes on",
        "new@example.com",
        "db-server-01",
        "stays locked, under their name",
        "made-01",
        "ended, unless they are in another team",
    ):
        assert shows(page, text), text


def test_it_lists_nothing_where_there_is_nothing(alice: Person, vera: Person) -> None:
    page = alice.get(url(vera))
    assert shows(page, "none that is open")
    assert "<select" not in page.content.decode().partition("<main")[2]
    answer = alice.post(url(vera))
    assert (answer.status_code, answer["Location"]) == (303, MEMBERS)


def test_it_works(alice: Person, laden: Person, sandbox) -> None:
    """All of it in one step, without JavaScript: a plain form and a plain answer."""
    kept, before = token_of(laden), len(sandbox.changes())
    queued = Operation.objects.get(actor_id=str(laden.user.id), kind="reboot")
    heir = token_of(alice)
    body = {f"successor-{kept.account_id}": str(heir.id)}
    answer = alice.post(url(laden), body, follow=True)
    assert answer.redirect_chain == [(REVOCATIONS, 303)]
    assert shows(answer, "adam@example.com is no longer in the team.")
    assert shows(answer, kept.fingerprint)
    assert not is_member(laden)
    assert not Credential.objects.filter(user=laden.user).exists()
    assert Credential.objects.get(is_sync=True).id == heir.id
    assert sent(queued).state == "cancelled"
    assert Invitation.objects.get().revoked_at is not None
    assert not UserSession.objects.filter(user=laden.user).exists()
    assert ServerLock.objects.get().by_name == "adam@example.com"
    assert Server.objects.get(name="made-01").gone_at is None
    assert len(sandbox.changes()) == before


def test_it_records_each_part(alice: Person, laden: Person) -> None:
    kept, heir = token_of(laden), token_of(alice)
    queued = Operation.objects.get(actor_id=str(laden.user.id), kind="reboot")
    alice.post(url(laden), {f"successor-{kept.account_id}": str(heir.id)})
    (removed,) = events("member.removed")
    assert (removed.actor_name, removed.target_name) == ("alice@example.com", "adam@example.com")
    assert removed.data["before"]["role"] == "admin"
    assert [one.target_name for one in events("token.removed")] == [kept.fingerprint]
    assert events("account.sync_token_chosen")[0].data["fingerprint"] == heir.fingerprint
    assert len(events("invitation.revoked")) == 1
    outcome = AuditEvent.objects.filter(operation_id=str(queued.id)).latest("seq")
    assert (outcome.phase, outcome.result) == ("outcome", "denied")


def test_it_ends_their_panel_keys(alice: Person, bob: Person, account) -> None:
    issued = issue(bob, account)
    page = alice.get(url(bob))
    assert shows(page, "ci-deploy")
    assert shows(page, issued.key.fingerprint)
    assert shows(page, "revoked with the membership")
    alice.post(url(bob))
    assert why_not(issued) == "revoked"
    assert [one.target_name for one in events("panel_key.revoked")] == ["ci-deploy"]


def test_it_works_through_htmx(alice: Person, bob: Person, synced) -> None:
    answer = alice.post(url(bob), headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, REVOCATIONS)
    assert not is_member(bob)


def test_the_next_click_is_an_outsiders(
    alice: Person, bob: Person, charlie: Person, server
) -> None:
    """Somebody with another team stays signed in, and sees nothing of this one."""
    Membership.objects.create(team=charlie.team, user=bob.user, role="viewer")
    assert bob.get("/teams/acme/servers/").status_code == 200
    alice.post(url(bob))
    assert bob.get("/teams/globex/servers/").status_code == 200
    for path in ("servers/", "servers/12345/", "operations/", "members/"):
        assert bob.get(f"/teams/acme/{path}").status_code == 404
    polled = bob.get("/teams/acme/servers/", headers=HTMX)
    assert polled.status_code == 404


def test_whoever_has_no_other_team_is_signed_out(alice: Person, bob: Person, synced) -> None:
    assert bob.get("/teams/acme/servers/").status_code == 200
    alice.post(url(bob))
    answer = bob.get("/teams/acme/servers/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_nobody_may_read_the_account_from_now_on(alice: Person, laden: Person) -> None:
    kept = token_of(laden)
    alice.post(url(laden), {f"successor-{kept.account_id}": ""})
    assert not is_member(laden)
    assert not Credential.objects.filter(is_sync=True).exists()


def test_it_warns_where_nobody_could(alice: Person, bob: Person, adam: Person, synced) -> None:
    Credential.objects.filter(user=alice.user).update(is_sync=False, last_result="unauthorized")
    Credential.objects.filter(user=adam.user).update(is_sync=True)
    Membership.objects.filter(user=bob.user).update(suspended_at=clock.now())
    page = alice.get(url(adam))
    assert shows(page, "no other token takes its place")
    assert can_send(page)


@pytest.mark.parametrize("whose", ["suspended", "refused", "own", "foreign", "absent"])
def test_a_successor_that_cannot_read_is_refused(
    alice: Person, bob: Person, laden: Person, charlie: Person, other_account, whose: str
) -> None:
    """A page that stood open: nothing is done, and it asks again."""
    kept, heir = token_of(laden), token_of(bob).id
    if whose == "suspended":
        Membership.objects.filter(user=bob.user).update(suspended_at=clock.now())
    if whose == "refused":
        Credential.objects.filter(id=heir).update(last_result="unauthorized")
    chosen = {
        "own": kept.id,
        "foreign": token_of(charlie).id,
        "absent": "00000000-0000-4000-8000-000000000000",
    }.get(whose, heir)
    answer = alice.post(url(laden), {f"successor-{kept.account_id}": str(chosen)})
    assert answer.status_code == 409
    assert shows(answer, "The token that was to read “Acme” cannot any more. Choose again.")
    assert can_send(answer)
    assert is_member(laden)
    assert token_of(laden).is_sync
    assert Invitation.objects.get().revoked_at is None
    assert Operation.objects.get(kind="reboot").state == "requested"
    assert not events("member.removed")


@pytest.mark.parametrize("name", ["successor-", "successor-x", "successor", "user", "role"])
def test_fields_that_the_form_has_not_change_nothing(
    alice: Person, bob: Person, synced, name: str
) -> None:
    assert alice.post(url(bob), {name: str(alice.user.id)}).status_code == 303
    assert not is_member(bob)
    assert alice.membership.role == "owner"


def test_what_they_send_meanwhile_is_refused(alice: Person, bob: Person, server, sandbox) -> None:
    asked = power(bob, "reboot", server("web-server-01"))
    alice.post(url(bob))
    assert fresh(asked.id).code == "member_removed"
    receipt = alice.get(f"/teams/acme/operations/{asked.id}/")
    assert shows(receipt, "was removed from the team before it was sent")
    assert bob.post("/teams/acme/servers/12345/reboot/").status_code in {302, 404}
    assert not sandbox.changes()


def test_a_stale_page_does_nothing_twice(alice: Person, bob: Person, synced) -> None:
    alice.post(url(bob))
    assert alice.post(url(bob)).status_code == 404
    assert len(events("member.removed")) == 1
    assert Revocation.objects.count() == 1


def test_a_page_from_before_ones_own_demotion_does_nothing(
    adam: Person, bob: Person, synced
) -> None:
    assert can_send(adam.get(url(bob)))
    Membership.objects.filter(user=adam.user).update(role="viewer")
    assert adam.post(url(bob)).status_code == 403
    assert is_member(bob)


def test_whoever_has_more_is_out_of_hand(adam: Person, alice: Person, synced) -> None:
    page = adam.get(url(alice))
    assert shows(page, "has rights or servers that you lack")
    assert not can_send(page)
    answer = adam.post(url(alice))
    assert answer.status_code == 409
    assert shows(answer, "has rights or servers that you lack")
    assert is_member(alice)
    assert token_of(alice).is_sync


def test_the_last_owner_cannot_go(alice: Person, team: Team, synced) -> None:
    """Not even by somebody with a role of the team's own that has every right."""
    from controlpanel.accounts import permissions
    from controlpanel.accounts.teams import roles

    roles.add(alice.scope(), "Everything", permissions.ROLES["owner"].permissions)
    eve = join(team, "eve", "everything")
    answer = eve.post(url(alice))
    assert answer.status_code == 409
    assert shows(answer, "The last owner cannot go.")
    assert is_member(alice)
    assert token_of(alice).is_sync


def test_oneself_is_led_to_the_other_page(adam: Person, synced) -> None:
    for answer in (adam.get(url(adam)), adam.post(url(adam))):
        assert (answer.status_code, answer["Location"]) == (303, f"{MEMBERS}leave/")
    assert is_member(adam)
    assert Credential.objects.filter(user=adam.user).exists()


def test_hostile_names_stay_text(alice: Person, bob: Person, synced) -> None:
    evil = "<script>alert(1)</script>\u202e"
    bob.user.name = evil[:100]
    bob.user.save()
    server = new_server(synced, "90001", name=evil)
    lock(bob, server, evil)
    operation(bob, synced, kind="create", provider_id="90001", server_name=evil, state="observed")
    operation(bob, synced, server_name=evil, provider_id="90001", state="requested")
    page = alice.get(url(bob)).content.decode().partition("<main")[2]
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 4
    assert "\u202e" not in page


@pytest.mark.parametrize("reach", [with_servers("12345"), with_labels("env:prod")])
def test_who_is_there_for_some_servers_removes_nobody(
    alice: Person, team: Team, bob: Person, server, reach
) -> None:
    """What somebody holds is more than what such a person may see, and their removal undoes it."""
    asked = power(bob, "reboot", server("db-server-01"))
    head = join(team, "head", "admin", reach)
    page = head.get(url(bob))
    assert page.status_code == 403
    assert "db-server-01" not in page.content.decode()
    assert head.post(url(bob)).status_code == 403
    assert is_member(bob)
    assert fresh(asked.id).state == "requested"


def test_servers_of_the_same_number_elsewhere_are_not_theirs(
    alice: Person, bob: Person, synced, other_account
) -> None:
    operation(bob, synced, kind="create", provider_id="90001", state="observed")
    other_account.team = alice.team
    other_account.save()
    new_server(other_account, "90001", name="somebody-elses")
    assert not shows(alice.get(url(bob)), "somebody-elses")


def test_it_asks_again_after_a_while(alice: Person, bob: Person, synced) -> None:
    alice.signed_in_ago(minutes=16)
    answer = alice.post(url(bob))
    assert answer.status_code == 302
    assert "/reauthenticate" in answer["Location"]
    assert is_member(bob)


def test_nothing_is_done_without_a_record(
    alice: Person, bob: Person, server, request: pytest.FixtureRequest
) -> None:
    power(bob, "reboot", server("web-server-01"))
    request.getfixturevalue("audit_broken")
    alice.raise_request_exception = False
    assert alice.post(url(bob)).status_code == 503
    assert is_member(bob)
    assert Credential.objects.filter(user=bob.user).exists()
    assert Operation.objects.get().state == "requested"


def test_it_requires_the_right(bob: Person, vera: Person, audrey: Person, synced) -> None:
    for person in (bob, audrey):
        assert person.get(url(vera)).status_code == 403
        assert person.post(url(vera)).status_code == 403
    assert is_member(vera)


def test_it_requires_sign_in(nobody: Client, bob: Person) -> None:
    assert nobody.post(url(bob)).status_code == 302
    assert is_member(bob)


def test_it_hides_from_outsiders(charlie: Person, bob: Person, alice: Person) -> None:
    assert charlie.get(url(bob)).status_code == 404
    assert charlie.post(url(bob)).status_code == 404
    assert alice.post(url(charlie)).status_code == 404
    assert is_member(bob)
    assert Membership.objects.filter(user=charlie.user).exists()


def test_a_label_is_a_reach_too(alice: Person, team: Team) -> None:
    pat = join(team, "pat", "operator", with_labels("env:prod"))
    assert alice.post(url(pat)).status_code == 303
    assert events("member.removed")[0].data["before"]["labels"] == ["env:prod"]
