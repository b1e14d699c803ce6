"""/teams/<slug>/panel-keys/<id>/revoke/: one's own, and with the right anybody's."""

from typing import Any

import pytest
from django.test import Client

from controlpanel.accounts.models import Account, Membership, TeamRole
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.lib import clock
from tests.credentials.keyring import expire, issue, why_not
from tests.people import HTMX, Person
from tests.web.asking import can_send, denials, shows

LIST = "/teams/acme/panel-keys/"


@pytest.fixture
def issued(bob: Person, account: Account) -> panel_key_services.Issued:
    return issue(bob, account)


def url(issued: panel_key_services.Issued) -> str:
    return f"{LIST}{issued.key.id}/revoke/"


def events() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event="panel_key.revoked"))


def is_revoked(issued: panel_key_services.Issued) -> bool:
    return PanelKey.objects.get(id=issued.key.id).revoked_at is not None


def test_it_works(bob: Person, issued: panel_key_services.Issued) -> None:
    PanelKey.objects.update(last_used_at=clock.now(), last_address="203.0.113.9", uses=3)
    page = bob.get(url(issued))
    for text in (
        "Revoke the key ci-deploy?",
        "Revoke ci-deploy",
        issued.key.fingerprint,
        "from 203.0.113.9,",
        "3 times",
    ):
        assert shows(page, text), text
    assert can_send(page)
    assert not is_revoked(issued)
    answer = bob.post(url(issued), follow=True)
    assert answer.redirect_chain == [(LIST, 303)]
    assert shows(answer, "The key ci-deploy is revoked. The next request with it is refused.")
    assert is_revoked(issued)
    assert why_not(issued) == "revoked"
    (event,) = events()
    assert (event.actor_name, event.target_name) == ("bob@example.com", "ci-deploy")


def test_it_works_through_htmx(bob: Person, issued: panel_key_services.Issued) -> None:
    answer = bob.post(url(issued), headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, LIST)
    assert is_revoked(issued)


def test_one_that_was_never_used_says_so(bob: Person, issued: panel_key_services.Issued) -> None:
    assert shows(bob.get(url(issued)), "not used yet")


def test_with_the_right_anybodys(adam: Person, issued: panel_key_services.Issued) -> None:
    page = adam.get(url(issued))
    assert shows(page, "Bob")
    adam.post(url(issued))
    assert is_revoked(issued)
    (event,) = events()
    assert (event.actor_name, event.data["owner"]) == ("adam@example.com", "bob@example.com")


def test_revoking_twice_is_one(bob: Person, issued: panel_key_services.Issued) -> None:
    bob.post(url(issued))
    answer = bob.post(url(issued), follow=True)
    assert shows(answer, "The key ci-deploy was revoked already.")
    assert len(events()) == 1
    assert not can_send(bob.get(url(issued)))


def test_one_that_has_expired_says_so(bob: Person, issued: panel_key_services.Issued) -> None:
    expire(issued)
    assert shows(bob.get(url(issued)), "It does not work any more.")


def test_ones_own_needs_no_right(team: Any, bob: Person, issued: panel_key_services.Issued) -> None:
    """Whoever may keep none any more can still put an end to one."""
    TeamRole.objects.create(team=team, slug="web", name="Web", permissions=["servers.view"])
    Membership.objects.filter(user=bob.user).update(role="web")
    assert bob.get(url(issued)).status_code == 200
    assert bob.post(url(issued))["Location"] == "/"
    assert is_revoked(issued)


def test_it_requires_the_right(vera: Person, issued: panel_key_services.Issued) -> None:
    assert vera.get(url(issued)).status_code == 403
    assert vera.post(url(issued)).status_code == 403
    assert denials() == 2
    assert not is_revoked(issued)


def test_a_sign_in_of_a_while_ago_is_asked_again(
    bob: Person, issued: panel_key_services.Issued
) -> None:
    bob.signed_in_ago(minutes=16)
    assert bob.post(url(issued))["Location"].startswith("/accounts/reauthenticate/")
    assert not is_revoked(issued)


def test_without_a_record_nothing_changes(
    bob: Person, issued: panel_key_services.Issued, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("audit_broken")
    bob.raise_request_exception = False
    assert bob.post(url(issued)).status_code == 503
    assert not is_revoked(issued)


def test_it_requires_sign_in(nobody: Client, issued: panel_key_services.Issued) -> None:
    assert nobody.post(url(issued)).status_code == 302
    assert not is_revoked(issued)


def test_it_hides_from_outsiders(charlie: Person, issued: panel_key_services.Issued) -> None:
    assert charlie.get(url(issued)).status_code == 404
    assert charlie.post(url(issued)).status_code == 404
    assert not is_revoked(issued)


def test_another_teams_is_not_found(
    alice: Person, charlie: Person, account: Account, other_account: Account
) -> None:
    foreign = issue(charlie, other_account)
    assert alice.get(url(foreign)).status_code == 404
    assert alice.post(url(foreign)).status_code == 404
    assert not is_revoked(foreign)
