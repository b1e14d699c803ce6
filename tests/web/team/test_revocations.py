"""The list of tokens that only VPS.org's own pages can revoke, ticked off by whoever did it."""

import pytest
from django.test import Client

from controlpanel.accounts.models import Team
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Revocation
from tests.people import HTMX, Person
from tests.web.asking import shows

URL = "/teams/acme/members/revocations/"
ABSENT = "00000000-0000-4000-8000-000000000000"


def revocation(team: Team, **given: str) -> Revocation:
    values = {"person": "bob@example.com", "account_name": "Acme", "fingerprint": "3f9a-11c2-77de"}
    return Revocation.objects.create(team=team, **{**values, **given})


@pytest.fixture
def left(team: Team) -> Revocation:
    return revocation(team)


def ticked() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event="token.revoked_outside"))


def is_done(found: Revocation) -> bool:
    found.refresh_from_db()
    return found.done_at is not None


def test_it_works(adam: Person, left: Revocation) -> None:
    page = adam.get(URL)
    for text in ("3f9a-11c2-77de", "bob@example.com", "Acme", "Tick off"):
        assert shows(page, text)
    answer = adam.post(URL, {"revocation": left.id}, follow=True)
    assert answer.redirect_chain == [(URL, 303)]
    assert shows(answer, "Nothing is left to revoke.")
    assert is_done(left)


def test_it_is_recorded(adam: Person, left: Revocation) -> None:
    adam.post(URL, {"revocation": left.id})
    (event,) = ticked()
    assert (event.actor_name, event.target_name) == ("adam@example.com", "3f9a-11c2-77de")
    assert (event.data["account"], event.data["owner"]) == ("Acme", "bob@example.com")
    assert left.person in adam.get(f"/teams/acme/audit/{event.seq}/").content.decode()


def test_it_shows_who_ticked(adam: Person, left: Revocation) -> None:
    adam.post(URL, {"revocation": left.id})
    assert shows(adam.get(URL), "Ticked off")
    assert shows(adam.get(URL), "adam@example.com")


def test_it_works_through_htmx(adam: Person, left: Revocation) -> None:
    answer = adam.post(URL, {"revocation": left.id}, headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, URL)
    assert is_done(left)


def test_ticking_twice_is_one(alice: Person, adam: Person, left: Revocation) -> None:
    adam.post(URL, {"revocation": left.id})
    answer = alice.post(URL, {"revocation": left.id}, follow=True)
    assert shows(answer, "That was ticked off already.")
    assert len(ticked()) == 1
    left.refresh_from_db()
    assert left.done_by == "adam@example.com"


@pytest.mark.parametrize("given", ["", "x", "\0", ABSENT, "<script>"])
def test_what_there_is_not_is_not_ticked(adam: Person, left: Revocation, given: str) -> None:
    assert adam.post(URL, {"revocation": given}).status_code == 303
    assert not is_done(left)
    assert not ticked()


def test_another_teams_is_not_seen_nor_ticked(adam: Person, other_team: Team) -> None:
    foreign = revocation(other_team, fingerprint="aaaa-bbbb-cccc")
    assert not shows(adam.get(URL), foreign.fingerprint)
    adam.post(URL, {"revocation": foreign.id})
    assert not is_done(foreign)
    assert not ticked()


def test_members_lead_there(adam: Person, left: Revocation) -> None:
    page = adam.get("/teams/acme/members/")
    assert shows(page, "1 token of somebody who has left must still be revoked at VPS.org.")
    assert URL in page.content.decode()


def test_hostile_names_stay_text(adam: Person, team: Team) -> None:
    revocation(team, person="<b>x</b>@example.com", account_name="<script>alert(1)</script>")
    page = adam.get(URL).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<b>x" not in page


def test_nothing_is_ticked_without_a_record(
    adam: Person, left: Revocation, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("audit_broken")
    adam.raise_request_exception = False
    assert adam.post(URL, {"revocation": left.id}).status_code == 503
    assert not is_done(left)


def test_it_requires_the_right(bob: Person, vera: Person, left: Revocation) -> None:
    for person in (bob, vera):
        assert person.get(URL).status_code == 403
        assert person.post(URL, {"revocation": left.id}).status_code == 403
    assert not is_done(left)


def test_it_requires_sign_in(nobody: Client, left: Revocation) -> None:
    assert nobody.post(URL, {"revocation": left.id}).status_code == 302
    assert not is_done(left)


def test_it_hides_from_outsiders(charlie: Person, left: Revocation) -> None:
    assert charlie.get(URL).status_code == 404
    assert charlie.post(URL, {"revocation": left.id}).status_code == 404
    assert not is_done(left)
