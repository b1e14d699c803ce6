"""The pages of a team's roles: the list, a new one, changing one, removing one."""

import pytest

from controlpanel.accounts import permissions
from controlpanel.accounts.models import TeamRole
from controlpanel.accounts.teams import roles
from tests.people import Person, join

URL = "/teams/acme/roles/"
DEPLOY = ["servers.view", "servers.reboot"]


@pytest.fixture
def deployer(alice: Person) -> TeamRole:
    return roles.add(alice.scope(), "Deployer", DEPLOY)


def test_the_list_shows_both_kinds(alice: Person, deployer: TeamRole) -> None:
    text = alice.get(URL).content.decode()
    for role in permissions.ROLES.values():
        assert f"/roles/new/?from={role.slug}" in text
        assert f"/roles/{role.slug}/" not in text
    assert "/roles/deployer/" in text
    assert "nobody has it" in text


def test_a_copy_begins_with_the_rights_of_the_other(alice: Person) -> None:
    form = alice.get(f"{URL}new/?from=operator").context["form"]
    assert set(form["permissions"].value()) == permissions.ROLES["operator"].permissions
    assert form["name"].value() == "Operator (copy)"
    assert alice.get(f"{URL}new/?from=absent").context["form"]["permissions"].value() == []


def test_a_new_one(alice: Person) -> None:
    answer = alice.post(f"{URL}new/", {"name": "Deployer", "permissions": DEPLOY})
    assert (answer.status_code, answer["Location"]) == (303, URL)
    assert TeamRole.objects.get().permissions == sorted(DEPLOY)


def test_a_change(alice: Person, deployer: TeamRole) -> None:
    body = {"name": "Looker", "permissions": ["servers.view"]}
    assert alice.post(f"{URL}deployer/", body).status_code == 303
    deployer.refresh_from_db()
    assert (deployer.slug, deployer.name, deployer.permissions) == (
        "deployer",
        "Looker",
        ["servers.view"],
    )


def test_what_is_wrong_is_said(alice: Person, deployer: TeamRole) -> None:
    for page, body, words in (
        ("new/", {"name": ""}, "Give the role a name."),
        ("new/", {"name": "Owner"}, "has a role of that name"),
        ("new/", {"name": "New", "permissions": ["servers.fly"]}, "Choose rights from the list."),
        ("deployer/", {"name": "admin"}, "has a role of that name"),
    ):
        answer = alice.post(f"{URL}{page}", body)
        assert answer.status_code == 422
        assert words in answer.content.decode()
    assert TeamRole.objects.get().name == "Deployer"


def test_rights_that_one_lacks_are_not_offered(alice: Person, team) -> None:
    roles.add(alice.scope(), "Keeper", ["team.manage", "servers.view"])
    keeper = join(team, "kim", "keeper")
    assert "servers.delete" not in keeper.get(f"{URL}new/").content.decode()
    body = {"name": "More", "permissions": ["servers.delete"]}
    assert keeper.post(f"{URL}new/", body).status_code == 422


def test_removing_one(alice: Person, deployer: TeamRole) -> None:
    assert "Remove the role Deployer?" in alice.get(f"{URL}deployer/remove/").content.decode()
    assert alice.post(f"{URL}deployer/remove/").status_code == 303
    assert not TeamRole.objects.exists()


def test_one_in_use_stays(alice: Person, deployer: TeamRole, team) -> None:
    join(team, "dora", "deployer")
    answer = alice.post(f"{URL}deployer/remove/")
    assert answer.status_code == 409
    assert "1 person has this role" in answer.content.decode()
    assert TeamRole.objects.exists()


@pytest.mark.parametrize("slug", [*permissions.ROLES, "absent"])
def test_the_built_in_ones_are_nobodys_to_change(alice: Person, slug: str) -> None:
    for page in (f"{URL}{slug}/", f"{URL}{slug}/remove/"):
        assert alice.get(page).status_code == 404
        assert alice.post(page, {"name": "Mine"}).status_code == 404


def test_it_asks_again_after_a_while(alice: Person, deployer: TeamRole) -> None:
    alice.signed_in_ago(minutes=16)
    assert alice.get(URL).status_code == 200
    for page in ("new/", "deployer/", "deployer/remove/"):
        assert alice.post(f"{URL}{page}", {"name": "X"}).status_code == 302


def test_it_requires_the_right(adam: Person, deployer: TeamRole) -> None:
    for page in ("", "new/", "deployer/", "deployer/remove/"):
        assert adam.get(f"{URL}{page}").status_code == 403


def test_it_hides_from_outsiders(charlie: Person, deployer: TeamRole) -> None:
    for page in ("", "new/", "deployer/", "deployer/remove/"):
        assert charlie.get(f"{URL}{page}").status_code == 404
    assert charlie.get("/teams/globex/roles/deployer/").status_code == 404


def test_hostile_names_are_inert(alice: Person) -> None:
    roles.add(alice.scope(), "<script>alert(1)</script>", ["servers.view"])
    for page in (URL, "/teams/acme/members/", "/teams/acme/members/invite/"):
        assert "<script>alert" not in alice.get(page).content.decode()
