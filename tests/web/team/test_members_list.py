from datetime import timedelta
from urllib.parse import quote

from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account, Membership, Team
from controlpanel.accounts.teams import invitations, members, ownership_transfer
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING
from tests.people import Person, join, with_labels

URL = "/teams/acme/members/"


def test_it_works(alice: Person, bob: Person, vera: Person) -> None:
    page = alice.get(URL)
    assert page.status_code == 200
    text = page.content.decode()
    for member, role in ((alice, "Owner"), (bob, "Operator"), (vera, "Viewer")):
        assert member.user.email in text
        assert role in text


def test_it_says_who_is_asking(bob: Person) -> None:
    assert bob.get(URL).content.decode().count("(you)") == 1


def test_everybody_in_the_team_may_look(adam: Person, audrey: Person, vera: Person) -> None:
    for person in (adam, audrey, vera):
        assert person.get(URL).status_code == 200


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")


def test_it_hides_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404
    assert charlie.get("/teams/absent/members/").status_code == 404


def test_it_does_not_show_other_teams(alice: Person, charlie: Person) -> None:
    assert charlie.user.email not in alice.get(URL).content.decode()


def test_it_rejects_post(alice: Person) -> None:
    assert alice.post(URL).status_code == 405


def test_hostile_names_are_inert(alice: Person) -> None:
    alice.user.name = "<script>alert(1)</script>"
    alice.user.save()
    text = alice.get(URL).content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_it_shows_role_reach_second_factor_token_and_last_activity(
    alice: Person, account: Account, team: Team
) -> None:
    pat = join(team, "pat", "operator", with_labels("env:prod", "team:web"))
    Authenticator.objects.create(user=pat.user, type=Authenticator.Type.TOTP, data={})
    Membership.objects.filter(user=pat.user).update(last_active_at=None)
    rows = {row.member.user_id: row for row in alice.get(URL).context["rows"]}
    theirs, own = rows[pat.user.id], rows[alice.user.id]
    assert (theirs.role, theirs.reach) == ("Operator", "servers with env:prod or team:web")
    assert (theirs.second_factor, theirs.tokens) == (True, "none")
    assert (own.second_factor, own.tokens) == (False, "1 token, one reads the account")
    assert (own.reach, own.why_not) == (
        "all servers",
        "Nobody changes their own membership; ask another one to.",
    )
    assert theirs.member.last_active_at is None
    assert "never" in alice.get(URL).content.decode()


def test_activity_is_written_at_most_once_a_minute(bob: Person, alice: Person) -> None:
    seen = bob.membership.last_active_at
    bob.get(URL)
    assert bob.membership.last_active_at == seen
    clock.shift(timedelta(minutes=1))
    bob.get(URL)
    again = bob.membership.last_active_at
    assert again is not None
    assert seen is not None
    assert again - seen >= timedelta(minutes=1)
    clock.shift(timedelta(seconds=59))
    bob.get(URL)
    assert bob.membership.last_active_at == again


def test_who_cannot_manage_is_offered_nothing(vera: Person, alice: Person) -> None:
    alice_invites(alice)
    text = vera.get(URL).content.decode()
    assert "/members/invite/" not in text
    assert "/suspend/" not in text
    assert "new@example.com" not in text
    assert "/access/" in text
    assert "/members/leave/" in text


def test_it_lists_open_invitations(alice: Person, adam: Person) -> None:
    alice_invites(alice)
    text = adam.get(URL).content.decode()
    assert "new@example.com" in text
    assert "/resend/" in text
    assert "/revoke/" in text
    assert "run out" not in text
    clock.shift(timedelta(hours=73))
    assert "run out" in adam.get(URL).content.decode()


def test_a_suspended_member_is_marked(alice: Person, bob: Person) -> None:
    members.suspend(alice.scope(), bob.membership)
    text = alice.get(URL).content.decode()
    assert "suspended" in text
    assert f"/members/{bob.user.id}/restore/" in text


def test_it_says_that_the_team_is_offered(alice: Person, bob: Person, vera: Person) -> None:
    ownership_transfer.offer(alice.scope(), bob.membership)
    assert "wants to hand the team over to you" in bob.get(URL).content.decode()
    assert "Withdraw the offer" in alice.get(URL).content.decode()
    assert "hand the team over to you" not in vera.get(URL).content.decode()


def test_it_asks_as_often_for_few_as_for_many(alice: Person, team: Team) -> None:
    alice.get(URL)
    with CaptureQueriesContext(connection) as few:
        alice.get(URL)
    for n in range(10):
        join(team, f"n{n}", "viewer")
    with CaptureQueriesContext(connection) as many:
        alice.get(URL)
    assert len(many) == len(few)


def alice_invites(alice: Person) -> None:
    invitations.invite(alice.scope(), "new@example.com", "viewer", EVERYTHING)
