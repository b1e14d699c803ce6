from datetime import timedelta
from urllib.parse import quote

from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Membership, Team
from controlpanel.lib import clock
from tests.people import Person


def test_it_leads_to_the_servers_of_the_first_team(alice: Person) -> None:
    assertRedirects(alice.get("/"), "/teams/acme/servers/", fetch_redirect_response=False)


def test_of_several_it_leads_to_the_one_where_they_last_were(
    alice: Person, other_team: Team
) -> None:
    yesterday = clock.now() - timedelta(days=1)
    Membership.objects.create(
        user=alice.user, team=other_team, role="viewer", last_active_at=yesterday
    )
    assertRedirects(alice.get("/"), "/teams/acme/servers/", fetch_redirect_response=False)
    Membership.objects.filter(team=alice.team).update(last_active_at=yesterday)
    alice.get("/teams/globex/servers/")
    assertRedirects(alice.get("/"), "/teams/globex/servers/", fetch_redirect_response=False)


def test_who_reviews_and_changes_nothing_begins_with_the_audit_log(
    audrey: Person, vera: Person, team: Team
) -> None:
    for address in ("/", "/teams/acme/"):
        answer = audrey.get(address)
        assertRedirects(answer, "/teams/acme/audit/today/", fetch_redirect_response=False)
        answer = vera.get(address)
        assertRedirects(answer, "/teams/acme/servers/", fetch_redirect_response=False)
    Membership.objects.filter(user=vera.user).update(role="gone")
    assertRedirects(vera.get("/"), "/teams/acme/servers/", fetch_redirect_response=False)


def test_a_team_alone_leads_to_its_servers(alice: Person) -> None:
    answer = alice.get("/teams/acme/")
    assertRedirects(answer, "/teams/acme/servers/", fetch_redirect_response=False)


def test_without_a_team_it_says_what_to_do(alice: Person) -> None:
    Membership.objects.all().delete()
    page = alice.get("/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "You are in no team yet" in text
    assert 'href="/teams/new/"' in text


def test_it_requires_sign_in(db: None, nobody: Client) -> None:
    assertRedirects(nobody.get("/"), f"/accounts/login/?next={quote('/', safe='')}")


def test_it_hides_teams_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get("/teams/acme/").status_code == 404


def test_it_rejects_post(alice: Person) -> None:
    assert alice.post("/").status_code == 405


def test_signed_in_pages_are_kept_nowhere(alice: Person) -> None:
    page = alice.get("/teams/acme/members/")
    assert page["Cache-Control"] == "no-store"
    assert {name.strip() for name in page["Vary"].split(",")} >= {"HX-Request", "Cookie"}
    assert "'unsafe" not in page["Content-Security-Policy"]
    assert "default-src 'none'" in page["Content-Security-Policy"]


def test_a_request_id_comes_back(nobody: Client, db: None) -> None:
    given = nobody.get("/healthz", headers={"X-Request-Id": "from-the-browser-1"})
    assert given["X-Request-Id"].startswith("from-the-browser-1-")
    odd = nobody.get("/healthz", headers={"X-Request-Id": "a\tb<c>"})
    assert odd["X-Request-Id"].isalnum()
