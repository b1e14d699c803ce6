"""/teams/<slug>/panel-keys/<id>/rotate/: a new key, and the old one beside it for a while."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from controlpanel.accounts.models import Account, Membership, TeamRole
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.lib import clock
from tests.credentials.keyring import expire, issue, why_not
from tests.people import HTMX, Person, with_labels
from tests.web.api.test_panel_key_new import key_on, pieces_on
from tests.web.asking import can_send, hidden, shows


@pytest.fixture
def old(bob: Person, account: Account) -> panel_key_services.Issued:
    return issue(bob, account, addresses=("192.0.2.0/24",), reach=with_labels("env:prod"))


def url(issued: panel_key_services.Issued) -> str:
    return f"/teams/acme/panel-keys/{issued.key.id}/rotate/"


def test_it_works(bob: Person, old: panel_key_services.Issued) -> None:
    form = bob.get(url(old))
    assert shows(form, "Rotate the key ci-deploy?")
    assert can_send(form)
    page = bob.post(url(old), {"overlap": "24", "form_id": hidden(form, "form_id")})
    assert page.status_code == 200
    text = key_on(page)
    assert text != old.text.reveal()
    assert set(pieces_on(page)) == {"curl", "python", "ci"}
    assert "no-store" in page["Cache-Control"]
    before = PanelKey.objects.get(id=old.key.id)
    after = PanelKey.objects.get(replaces=before)
    assert (after.name, after.addresses, after.reach, after.permissions) == (
        before.name,
        before.addresses,
        before.reach,
        before.permissions,
    )
    assert shows(page, f"The old key works until {before.expires_at:%Y-%m-%d %H:%M:%S} UTC.")
    assert AuditEvent.objects.filter(event="panel_key.rotated").count() == 1


@pytest.mark.parametrize("hours", [0, 1, 24, 168])
def test_the_old_one_works_for_so_long(
    bob: Person, old: panel_key_services.Issued, hours: int
) -> None:
    page = bob.post(url(old), {"overlap": hours})
    ends = PanelKey.objects.get(id=old.key.id).expires_at - clock.now()
    assert abs(ends - timedelta(hours=hours)) < timedelta(seconds=30)
    assert shows(page, "The old key does not work any more") is (hours == 0)
    assert why_not(old) == ("expired" if hours == 0 else "")


def test_it_works_through_htmx(bob: Person, old: panel_key_services.Issued) -> None:
    assert key_on(bob.post(url(old), {"overlap": "1"}, headers=HTMX))


def test_a_reload_neither_shows_it_again_nor_issues_another(
    bob: Person, old: panel_key_services.Issued
) -> None:
    body = {"overlap": "24", "form_id": "the-same-form"}
    text = key_on(bob.post(url(old), body))
    again = bob.post(url(old), body)
    assert again.status_code == 409
    assert shows(again, "This form was sent already")
    assert text not in again.content.decode()
    assert PanelKey.objects.count() == 2


@pytest.mark.parametrize("overlap", ["", "2", "-1", "24.5", "for ever"])
def test_it_refuses_another_overlap(
    bob: Person, old: panel_key_services.Issued, overlap: str
) -> None:
    page = bob.post(url(old), {"overlap": overlap})
    assert page.status_code == 422
    assert shows(page, "Choose")
    assert PanelKey.objects.count() == 1


def test_one_that_no_longer_works_is_not_rotated(
    bob: Person, old: panel_key_services.Issued
) -> None:
    expire(old)
    page = bob.get(url(old))
    assert shows(page, "It does not work any more. Issue a new one instead.")
    assert not can_send(page)
    answer = bob.post(url(old), {"overlap": "1"})
    assert answer.status_code == 409
    assert PanelKey.objects.count() == 1


def test_one_that_is_rotated_already_is_not(bob: Person, old: panel_key_services.Issued) -> None:
    bob.post(url(old), {"overlap": "24"})
    assert shows(bob.get(url(old)), "It is rotated already")
    assert bob.post(url(old), {"overlap": "24"}).status_code == 409
    assert PanelKey.objects.count() == 2


def test_what_its_creator_has_lost_is_not_given_again(
    bob: Person, old: panel_key_services.Issued
) -> None:
    Membership.objects.filter(user=bob.user).update(role="viewer")
    assert bob.post(url(old), {"overlap": "1"}).status_code == 200
    assert PanelKey.objects.get(replaced_by=None).permissions == ["servers.view"]


def test_a_sign_in_of_a_while_ago_is_asked_again(
    bob: Person, old: panel_key_services.Issued
) -> None:
    bob.signed_in_ago(minutes=16)
    for answer in (bob.get(url(old)), bob.post(url(old), {"overlap": "1"})):
        assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert PanelKey.objects.count() == 1


def test_nobody_rotates_somebody_elses(
    alice: Person, adam: Person, old: panel_key_services.Issued
) -> None:
    """Whoever holds the new key acts in its creator's name."""
    for person in (alice, adam):
        assert person.get(url(old)).status_code == 404
        assert person.post(url(old), {"overlap": "1"}).status_code == 404
    assert PanelKey.objects.count() == 1


def test_without_a_record_nothing_changes(
    bob: Person, old: panel_key_services.Issued, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("audit_broken")
    bob.raise_request_exception = False
    assert bob.post(url(old), {"overlap": "0"}).status_code == 503
    assert PanelKey.objects.get().is_usable


def test_it_requires_the_right(team: Any, bob: Person, old: panel_key_services.Issued) -> None:
    TeamRole.objects.create(team=team, slug="web", name="Web", permissions=["servers.view"])
    Membership.objects.filter(user=bob.user).update(role="web")
    assert bob.get(url(old)).status_code == 403
    assert bob.post(url(old), {"overlap": "1"}).status_code == 403


def test_it_requires_sign_in(nobody: Client, old: panel_key_services.Issued) -> None:
    assert nobody.post(url(old), {"overlap": "1"}).status_code == 302
    assert PanelKey.objects.count() == 1


def test_it_hides_from_outsiders(charlie: Person, old: panel_key_services.Issued) -> None:
    assert charlie.get(url(old)).status_code == 404
    assert charlie.post(url(old), {"overlap": "1"}).status_code == 404
