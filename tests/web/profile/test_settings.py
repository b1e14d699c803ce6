from datetime import timedelta

import pytest

from controlpanel.lib import clock
from tests.credentials.keyring import expire, issue
from tests.people import PASSWORD
from tests.web.asking import shows
from tests.web.profile.ways import add_app, events

PAGE = "/account/settings/"
SESSIONS = "/accounts/sessions/"
GIVEN = {"name": "Alice", "time_zone": "", "theme": "", "density": ""}


def test_it_works(alice):
    given = {
        "name": "Alice Aarhus",
        "time_zone": "Europe/Copenhagen",
        "theme": "dark",
        "density": "compact",
    }
    assert alice.post(PAGE, given)["Location"] == PAGE
    alice.user.refresh_from_db()
    assert {name: getattr(alice.user, name) for name in given} == given
    page = alice.get("/teams/acme/members/").content.decode()
    assert 'data-theme="dark"' in page
    assert 'data-density="compact"' in page
    assert "Alice Aarhus" in page
    (event,) = events("person.changed", alice)
    assert event.data["before"] == GIVEN
    assert event.data["after"] == given
    alice.post(PAGE, given)
    assert len(events("person.changed", alice)) == 1


def test_without_a_record_nothing_is_saved(alice, audit_broken):
    assert alice.post(PAGE, GIVEN | {"name": "Other"}).status_code == 503
    alice.user.refresh_from_db()
    assert alice.user.name == "Alice"


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "\u200b\u202e"}, {"time_zone": "Mars/Olympus"}, {"theme": 'x"'}],
)
def test_it_rejects(alice, wrong):
    assert alice.post(PAGE, GIVEN | wrong).status_code == 422
    alice.user.refresh_from_db()
    assert (alice.user.name, alice.user.time_zone, alice.user.theme) == ("Alice", "", "")


def test_fields_that_the_form_has_not_change_nothing(alice):
    extra = {"email": "x@example.com", "is_demo": "on", "is_active": "", "password": "x"}
    alice.post(PAGE, GIVEN | extra)
    before = alice.user.password
    alice.user.refresh_from_db()
    assert (alice.user.email, alice.user.is_demo) == ("alice@example.com", False)
    assert (alice.user.is_active, alice.user.password) == (True, before)
    assert alice.user.check_password(PASSWORD)


def test_the_theme_follows_the_person_to_another_browser(alice, client):
    alice.post(PAGE, GIVEN | {"theme": "dark"})
    client.force_login(alice.user)
    assert 'data-theme="dark"' in client.get(PAGE).content.decode()
    client.cookies["theme"] = "light"
    assert 'data-theme="light"' in client.get(PAGE).content.decode()
    client.cookies["theme"] = "system"
    assert "data-theme=" not in client.get(PAGE).content.decode()


def test_times_are_written_in_the_persons_zone(alice):
    """A date that is another one there."""
    long_ago = clock.now().replace(hour=23) - timedelta(days=99)
    alice.get(PAGE)
    alice.user.usersession_set.update(created_at=long_ago)
    utc = long_ago.strftime("%Y-%m-%d")
    assert f">{utc}<" in alice.get(SESSIONS).content.decode()
    alice.post(PAGE, GIVEN | {"time_zone": "Pacific/Auckland"})
    page = alice.get(SESSIONS).content.decode()
    assert f">{utc}<" not in page
    assert f"{utc} 23:" in page, "the exact time on hover stays UTC, and says so"


def test_it_says_how_one_signs_in(alice):
    page = alice.get(PAGE).content.decode()
    assert "alice@example.com" in page
    assert "They come with a passkey or an app." in page
    add_app(alice)
    page = alice.get(PAGE).content.decode()
    assert "10 left." in page


def test_it_says_in_which_teams_a_script_can_act(alice, bob, account, other_team):
    assert "Panel keys" not in alice.get(PAGE).content.decode()
    issue(alice, account, "one")
    issue(alice, account, "two")
    expire(issue(alice, account, "over"))
    issue(bob, account, "his")
    page = alice.get(PAGE)
    assert shows(page, "2 scripts can act in your name in Acme.")
    assert "/teams/acme/panel-keys/" in page.content.decode()


def test_a_zone_that_is_gone_is_utc(alice):
    alice.user.time_zone = "Gone/Away"
    alice.user.save()
    assert alice.get("/teams/acme/members/").status_code == 200


def test_a_person_without_a_team_has_settings_too(alice):
    alice.user.memberships.all().delete()
    assert alice.get(PAGE).status_code == 200
