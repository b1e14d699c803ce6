from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from controlpanel.accounts.models import Membership, Team, User
from controlpanel.audit.models import AuditEvent

NEW_PASSWORD = "a-quiet-harbour-31"


def create_owner(email: str = "Olga@Example.com", team: str = "Acme Corp.") -> str:
    out = StringIO()
    call_command("create_owner", email=email, team=team, stdout=out)
    return out.getvalue()


def link_in(said: str) -> str:
    return said.strip().splitlines()[-1]


@pytest.fixture(autouse=True)
def _address(settings: Settings) -> None:
    settings.PANEL_PUBLIC_URL = "http://panel.example.com"
    settings.ALLOWED_HOSTS = ["panel.example.com", "testserver"]


def test_it_works(db: None) -> None:
    said = create_owner()
    membership = Membership.objects.get()
    assert membership.user.email == "olga@example.com"
    assert not membership.user.has_usable_password()
    assert (membership.team.name, membership.team.slug) == ("Acme Corp.", "acme-corp")
    assert membership.role == "owner"
    assert link_in(said).startswith("http://panel.example.com/accounts/password/reset/key/")


def test_the_link_sets_the_password_once(db: None) -> None:
    path = link_in(create_owner()).removeprefix("http://panel.example.com")
    browser = Client()
    form = browser.get(path, follow=True)
    assert form.status_code == 200
    answer = browser.post(
        form.redirect_chain[-1][0], {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    )
    assert answer.status_code == 302
    assert User.objects.get().check_password(NEW_PASSWORD)
    signed_in = Client().post(
        "/accounts/login/", {"login": "olga@example.com", "password": NEW_PASSWORD}
    )
    assert signed_in.status_code == 302

    again = Client()
    page = again.get(path, follow=True)
    again.post(
        page.request["PATH_INFO"], {"password1": "other-pass-77", "password2": "other-pass-77"}
    )
    assert User.objects.get().check_password(NEW_PASSWORD)


def test_it_is_recorded(db: None) -> None:
    create_owner()
    events = AuditEvent.objects.filter(chain=Team.objects.get().chain).order_by("seq")
    assert list(events.values_list("event", "via")) == [
        ("team.created", "command"),
        ("member.added", "command"),
    ]


def test_again_it_makes_a_new_link_and_nothing_else(db: None) -> None:
    create_owner()
    before = AuditEvent.objects.count()
    assert "/accounts/password/reset/key/" in create_owner()
    assert (User.objects.count(), Team.objects.count()) == (1, 1)
    assert AuditEvent.objects.count() == before


def test_it_refuses_a_team_of_that_name(db: None) -> None:
    create_owner()
    with pytest.raises(CommandError, match="There is a team “Acme Corp"):
        create_owner(email="eve@example.com")
    assert not User.objects.filter(email="eve@example.com").exists()


def test_two_names_with_one_slug_are_two_teams(db: None) -> None:
    create_owner()
    create_owner(email="otto@example.com", team="ACME Corp")
    assert set(Team.objects.values_list("slug", flat=True)) == {"acme-corp", "acme-corp-2"}


@pytest.mark.parametrize("email", ["", "olga", "olga@", "a b@example.com"])
def test_it_refuses_what_is_no_address(db: None, email: str) -> None:
    with pytest.raises(CommandError, match="is not an e-mail address"):
        create_owner(email=email)


def test_it_refuses_a_team_without_a_name(db: None) -> None:
    with pytest.raises(CommandError, match="needs a name"):
        create_owner(team=" ")


def test_without_a_record_nothing_is_done(db: None, audit_broken: None) -> None:
    with pytest.raises(CommandError, match="nothing was done"):
        create_owner()
    assert not User.objects.exists()
