"""The page that says what somebody may do, on which servers, by which rule; and why they cannot."""

import re

import pytest

from controlpanel.accounts import permissions
from controlpanel.accounts.models import Membership
from controlpanel.accounts.teams import members, roles
from controlpanel.servers.models import ServerLabel
from tests.credentials.keyring import issue
from tests.people import Person, join, with_labels, with_servers
from tests.web.asking import shows

RIGHT = re.compile(r'data-right="([\w.]+)"\s+data-allowed="(yes|no)"')


def url(person: Person, right: str = "") -> str:
    query = f"?right={right}" if right else ""
    return f"/teams/acme/members/{person.user.id}/access/{query}"


def said(asker: Person, about: Person) -> dict[str, bool]:
    found = RIGHT.findall(asker.get(url(about)).content.decode())
    return {name: word == "yes" for name, word in found}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("alice", "owner"),
        ("adam", "admin"),
        ("bob", "operator"),
        ("vera", "viewer"),
        ("audrey", "auditor"),
    ],
)
def test_it_says_what_the_role_says(request, alice: Person, name: str, role: str) -> None:
    person = request.getfixturevalue(name)
    rights = permissions.ROLES[role].permissions
    expected = {right: right in rights for right in permissions.PERMISSIONS}
    assert said(person, person) == expected
    assert said(alice, person) == expected


def test_it_answers_why(vera: Person, alice: Person, adam: Person) -> None:
    page = vera.get(url(vera, "servers.delete"))
    text = page.content.decode()
    assert "Delete servers:" in text
    assert "the role Viewer does not have it" in text
    assert "Alice or Adam can give it." in " ".join(text.split())
    assert page.context["asked"].name == "servers.delete"


def test_who_lacks_a_right_cannot_give_it(vera: Person, alice: Person, adam: Person) -> None:
    assert vera.get(url(vera, "policies.manage")).context["asked"].helpers == "Alice"


def test_a_right_that_there_is_not_is_not_answered(vera: Person) -> None:
    page = vera.get(url(vera, "servers.fly<script>"))
    assert page.context["asked"] is None
    assert "fly" not in page.content.decode().partition("<main")[2]


def test_it_names_the_servers_within_reach(team, alice: Person, server) -> None:
    ServerLabel.objects.create(server=server("web-server-01"), key="env", value="prod")
    pat = join(team, "pat", "operator", with_labels("env:prod"))
    page = pat.get(url(pat))
    assert [name for name, _url in page.context["servers"]] == ["web-server-01"]
    assert page.context["number"] == 1
    assert "servers with env:prod" in page.content.decode()
    assert "db-server-01" not in page.content.decode()


def test_whoever_asks_sees_no_more_than_their_own(team, synced) -> None:
    """The names of servers that somebody else reaches are theirs."""
    looker = join(team, "lena", "viewer", with_servers("12345"))
    other = join(team, "omar", "viewer")
    page = looker.get(url(other))
    assert [name for name, _url in page.context["servers"]] == ["web-server-01"]
    assert page.context["number"] == 1


def test_a_suspended_member_may_nothing(alice: Person, bob: Person) -> None:
    members.suspend(alice.scope(), bob.membership)
    assert set(said(alice, bob).values()) == {False}
    assert "suspended: may do nothing here" in alice.get(url(bob)).content.decode()


def test_ones_own_page_needs_no_right(alice: Person, bob: Person, vera: Person) -> None:
    roles.add(alice.scope(), "Nothing", [])
    Membership.objects.filter(user=bob.user).update(role="nothing")
    assert set(said(bob, bob).values()) == {False}
    assert bob.get(url(vera)).status_code == 403


def test_whoever_may_not_look_reads_no_names_there(alice: Person, bob: Person, server) -> None:
    web = server("web-server-01")
    roles.add(alice.scope(), "Nothing", ["members.view"])
    Membership.objects.filter(user=bob.user).update(role="nothing")
    for asker, about in ((bob, bob), (bob, alice), (alice, bob)):
        page = asker.get(url(about))
        assert page.context["number"] == 0
        assert web.name not in page.content.decode()


def test_disabled_buttons_and_refusals_lead_there(vera: Person, synced) -> None:
    own = f"/teams/acme/members/{vera.user.id}/access/"
    for page in ("/teams/acme/servers/", "/teams/acme/servers/12345/"):
        assert own in vera.get(page).content.decode()
    refused = vera.get("/teams/acme/servers/12345/delete/")
    assert refused.status_code == 403
    assert f"{own}?right=servers.delete#right-servers.delete" in refused.content.decode()


def test_what_it_says_is_what_the_door_does(
    alice: Person, adam: Person, bob: Person, vera: Person, audrey: Person, synced
) -> None:
    pages = {
        "servers.view": "servers/12345/",
        "servers.create": "servers/new/",
        "servers.edit": "servers/12345/edit/",
        "servers.delete": "servers/12345/delete/",
        "servers.lock": "servers/12345/lock/",
        "servers.unlock": "servers/12345/unlock/",
        "labels.edit": "servers/12345/labels/",
        "accounts.connect": "accounts/connect/",
        "audit.view": "audit/",
        "members.view": "members/",
        "members.manage": "members/invite/",
        "team.manage": "roles/",
    }
    for person in (alice, adam, bob, vera, audrey):
        allowed = said(person, person)
        for right, page in pages.items():
            code = person.get(f"/teams/acme/{page}").status_code
            assert (code == 200) is allowed[right], (person.user.email, right, code)


def test_it_names_the_panel_keys(adam: Person, bob: Person, vera: Person, account) -> None:
    assert shows(bob.get(url(bob)), "none: no script acts in your name")
    assert shows(adam.get(url(bob)), "none: no script acts in their name")
    issue(bob, account, permissions=frozenset({"servers.view"}))
    for asker in (bob, adam):
        page = asker.get(url(bob))
        assert shows(page, "ci-deploy")
        assert shows(page, "look only · all servers")
    assert not shows(vera.get(url(bob)), "ci-deploy")
    assert not shows(vera.get(url(bob)), "no script acts")


def test_it_hides_from_outsiders(alice: Person, charlie: Person) -> None:
    assert charlie.get(url(alice)).status_code == 404
    assert alice.get(url(charlie)).status_code == 404
