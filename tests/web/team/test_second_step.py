"""A team that lets nobody in without a second step, and the page that leads to one."""

from datetime import timedelta

import pytest

from controlpanel.accounts.models import TeamPolicy
from controlpanel.lib import clock
from controlpanel.operations.models import Operation
from tests.accounts.teams.test_team_policies import second_step
from tests.people import HTMX, Person
from tests.web.asking import shows
from tests.web.profile.ways import add_app, add_passkey

SERVERS = "/teams/acme/servers/"
URL = "/teams/acme/second-step/"
LED = f"{URL}?next=%2Fteams%2Facme%2Fservers%2F"


@pytest.fixture
def required(team) -> TeamPolicy:
    return TeamPolicy.objects.create(team=team, mfa_from=clock.now().date())


def test_whoever_has_none_is_led_there(bob: Person, required) -> None:
    for path in ("servers/", "operations/", "members/", "tokens/", "members/leave/", ""):
        answer = bob.get(f"/teams/acme/{path}")
        assert answer.status_code == 302
        assert answer["Location"].startswith(URL)
    assert bob.get(f"{SERVERS}?q=web")["Location"].endswith("servers%2F%3Fq%3Dweb")
    page = bob.get(LED)
    assert page.status_code == 200
    assert shows(page, "Acme lets nobody in without a second step")
    assert shows(page, "/accounts/two-step/passkeys/add/")
    assert shows(page, "/accounts/two-step/app/add/")


def test_so_is_an_open_page(bob: Person, required) -> None:
    headers = HTMX | {"HX-Current-URL": f"http://testserver{SERVERS}"}
    answer = bob.get(SERVERS, headers=headers)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, LED)


def test_what_was_sent_is_not_done(bob: Person, server, required) -> None:
    web = server("web-server-01")
    answer = bob.post(f"{SERVERS}{web.provider_id}/reboot/", {"form_id": "x"})
    assert answer.status_code == 302
    assert answer["Location"].startswith(URL)
    assert not Operation.objects.exists()


@pytest.mark.parametrize("add", [add_app, add_passkey])
def test_the_way_there_and_back(bob: Person, required, add) -> None:
    bob.get(LED)
    assert shows(bob.get("/account/settings/"), "Once you have one, go on there.")
    add(bob)
    codes = bob.get("/accounts/two-step/codes/")
    assert shows(codes, LED)
    answer = bob.get(LED)
    assert (answer.status_code, answer["Location"]) == (302, SERVERS)
    assert bob.get(SERVERS).status_code == 200
    assert not shows(bob.get("/account/settings/"), "Once you have one, go on there.")


def test_recovery_codes_do_not_count(bob: Person, required) -> None:
    second_step(bob, "recovery_codes")
    assert bob.get(SERVERS).status_code == 302


def test_the_next_page_leads_there_after_the_last_one_is_removed(bob: Person, required) -> None:
    app = second_step(bob)
    assert bob.get(SERVERS).status_code == 200
    app.delete()
    assert bob.get(SERVERS)["Location"] == LED


def test_before_the_day_the_pages_tell_of_it(bob: Person, alice: Person, required) -> None:
    required.mfa_from = clock.now().date() + timedelta(days=1)
    required.save()
    second_step(alice)
    assert shows(bob.get(SERVERS), "on, this team lets nobody in without a second step")
    assert not shows(alice.get(SERVERS), "lets nobody in without a second step")
    assert shows(bob.get(LED), "Not now")
    clock.shift(timedelta(days=1))
    assert bob.get(SERVERS).status_code == 302
    assert alice.get(SERVERS).status_code == 200


def test_other_teams_ask_nothing(charlie: Person, required) -> None:
    assert charlie.get("/teams/globex/servers/").status_code == 200
    assert charlie.get(URL).status_code == 404
    assert charlie.get("/teams/globex/second-step/")["Location"] == "/teams/globex/"


def test_who_is_no_member_learns_nothing(charlie: Person, required) -> None:
    assert charlie.get(SERVERS).status_code == 404


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:1", URL])
def test_it_leads_to_pages_of_the_panel_only(bob: Person, wanted: str) -> None:
    assert bob.get(URL, {"next": wanted})["Location"] == "/teams/acme/"


def test_it_requires_sign_in(nobody, required) -> None:
    assert nobody.get(URL)["Location"].startswith("/accounts/login/")
