"""/teams/<slug>/panel-keys/: one's own keys, and other people's for whoever may see them."""

from datetime import timedelta
from urllib.parse import quote

from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account, Membership, Team, TeamRole
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.lib import clock
from tests.credentials.keyring import expire, issue
from tests.people import Person, with_labels, with_servers
from tests.web.asking import shows
from tests.web.core.test_queries import queries

URL = "/teams/acme/panel-keys/"
NEW = f"{URL}new/"


def used(key: PanelKey, *, ago: timedelta = timedelta(0), times: int = 1) -> None:
    PanelKey.objects.filter(id=key.id).update(
        last_used_at=clock.now() - ago, last_address="203.0.113.9", uses=times
    )


def test_it_works(bob: Person, account: Account) -> None:
    issued = issue(bob, account, addresses=("203.0.113.0/24",), reach=with_labels("env:prod"))
    used(issued.key, times=1234)
    page = bob.get(URL)
    assert page.status_code == 200
    for text in (
        "ci-deploy",
        issued.key.fingerprint,
        "works",
        f"until {issued.key.expires_at:%Y-%m-%d}",
        "look, create, edit, start, stop and reboot",
        "servers with env:prod",
        "Acme",
        "from 203.0.113.0/24",
        "from 203.0.113.9,",
        "1234 times",
        "Rotate ci-deploy",
        "Revoke ci-deploy",
        "http://localhost:8000/api/v1/",
    ):
        assert shows(page, text), text
    assert issued.text.reveal() not in page.content.decode()


def test_the_menu_leads_there(bob: Person, account: Account) -> None:
    page = bob.get("/teams/acme/servers/").content.decode()
    assert f'href="{URL}"' in page
    assert "Panel keys" in page


def test_empty_is_one_sentence_and_one_button(vera: Person, account: Account) -> None:
    page = vera.get(URL)
    assert shows(page, "You have no panel key")
    main = page.content.decode().partition("<main")[2]
    assert main.count("button primary") == 1
    assert f'href="{NEW}"' in main


def test_without_an_account_it_says_who_can_connect_one(bob: Person, alice: Person) -> None:
    page = bob.get(URL)
    assert shows(page, "No VPS.org account is connected yet. Alice can connect one.")
    assert NEW not in page.content.decode()


def test_a_viewers_key_looks_only(vera: Person, account: Account) -> None:
    issue(vera, account)
    assert shows(vera.get(URL), "look only")


def test_one_that_nobody_uses_is_said(bob: Person, account: Account) -> None:
    old = issue(bob, account, "old", days=365).key
    recent = issue(bob, account, "recent", days=365).key
    used(old, ago=timedelta(days=91))
    used(recent, ago=timedelta(days=89))
    page = bob.get(URL).content.decode()
    assert page.count("unused for 90 days") == 1
    assert page.index("unused for 90 days") > page.index(old.fingerprint)


def test_never_used_since_90_days_is_unused_too(bob: Person, account: Account) -> None:
    key = issue(bob, account, days=365).key
    assert not shows(bob.get(URL), "unused for 90 days")
    PanelKey.objects.filter(id=key.id).update(created_at=clock.now() - timedelta(days=91))
    page = bob.get(URL)
    assert shows(page, "not used yet")
    assert shows(page, "unused for 90 days")


def test_each_state_has_its_word(bob: Person, account: Account) -> None:
    issue(bob, account, "near", days=14)
    expire(issue(bob, account, "over"))
    panel_key_services.revoke(bob.scope(), issue(bob, account, "taken").key)
    turned = issue(bob, account, "turned").key
    panel_key_services.rotate(bob.scope(), turned, overlap=timedelta(hours=1))
    page = bob.get(URL)
    for text in (
        "ends soon",
        "expired",
        "revoked",
        "rotated, still works",
        "2 that no longer work",
    ):
        assert shows(page, text), text
    assert shows(page, "by bob@example.com")
    rotate = "/teams/acme/panel-keys/%s/rotate/"
    assert rotate % turned.id not in page.content.decode()
    assert page.content.decode().count("/rotate/") == 2  # near, and the new one


def test_what_its_creator_has_lost_is_said(bob: Person, account: Account) -> None:
    issue(bob, account)
    Membership.objects.filter(user=bob.user).update(role="viewer")
    page = bob.get(URL)
    assert shows(page, "look only")
    assert shows(page, "no longer: create, edit, start, stop and reboot")


def test_only_the_servers_of_both_are_named(bob: Person, account: Account) -> None:
    issue(bob, account, reach=with_servers("12345"))
    Membership.objects.filter(user=bob.user).update(reach_kind="labels", reach_labels=["env:prod"])
    page = bob.get(URL)
    assert shows(page, "servers with env:prod")
    assert shows(page, "1 chosen server")


def test_others_are_seen_with_the_right(adam: Person, bob: Person, account: Account) -> None:
    key = issue(bob, account).key
    page = adam.get(URL)
    assert shows(page, "Other people’s keys")
    assert shows(page, "Bob")
    assert shows(page, key.fingerprint)
    assert f"{URL}{key.id}/revoke/" in page.content.decode()
    assert f"{URL}{key.id}/rotate/" not in page.content.decode()


def test_others_are_not_seen_without_it(vera: Person, bob: Person, account: Account) -> None:
    key = issue(bob, account).key
    page = vera.get(URL)
    assert not shows(page, key.fingerprint)
    assert not shows(page, "Other people’s keys")


def test_its_name_leads_to_what_was_done_to_it(adam: Person, bob: Person, account: Account) -> None:
    key = issue(bob, account).key
    timeline = f"/teams/acme/audit/?q=target%3Apanel_key%2F{key.id}"
    assert timeline in adam.get(URL).content.decode()
    assert timeline not in bob.get(URL).content.decode()
    assert shows(adam.get(timeline), "issued the panel key")


def test_a_suspended_persons_key_may_nothing(adam: Person, bob: Person, account: Account) -> None:
    issue(bob, account)
    Membership.objects.filter(user=bob.user).update(suspended_at=clock.now())
    page = adam.get(URL)
    assert shows(page, "nothing")
    assert shows(page, "no longer: look, create, edit, start, stop and reboot")


def test_another_teams_are_not_seen(
    alice: Person, charlie: Person, account: Account, other_account: Account
) -> None:
    key = issue(charlie, other_account, "theirs").key
    assert not shows(alice.get(URL), key.fingerprint)


def test_it_asks_as_often_for_many(adam: Person, bob: Person, account: Account) -> None:
    adam.get("/healthz")
    issue(bob, account, "one")
    few = queries(adam, URL)
    for n in range(20):
        issue(bob, account, f"key-{n}")
    assert queries(adam, URL) == few


def test_hostile_names_stay_text(bob: Person, account: Account) -> None:
    issue(bob, account, "<script>alert(1)</script>")
    page = bob.get(URL).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_it_takes_no_post(bob: Person, account: Account) -> None:
    assert bob.post(URL).status_code == 405


def test_it_requires_the_right(team: Team, vera: Person, account: Account) -> None:
    TeamRole.objects.create(team=team, slug="web", name="Web", permissions=["servers.view"])
    Membership.objects.filter(user=vera.user).update(role="web")
    assert vera.get(URL).status_code == 403
    assert f'href="{URL}"' not in vera.get("/teams/acme/servers/").content.decode()


def test_seeing_others_is_enough(team: Team, vera: Person, bob: Person, account: Account) -> None:
    rights = ["servers.view", "keys.others"]
    TeamRole.objects.create(team=team, slug="watch", name="Watch", permissions=rights)
    Membership.objects.filter(user=vera.user).update(role="watch")
    key = issue(bob, account).key
    page = vera.get(URL)
    assert shows(page, key.fingerprint)
    assert NEW not in page.content.decode()


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")


def test_it_hides_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404
