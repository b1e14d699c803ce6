"""Rights about the whole team, by actor × reach × target: they need access to all servers."""

from collections.abc import Callable

import pytest
from django.urls import reverse

from controlpanel.accounts import access
from controlpanel.accounts.models import (
    Account,
    Invitation,
    Membership,
    Team,
    TeamPolicy,
    TeamRole,
)
from controlpanel.accounts.permissions import PERMISSIONS, ROLES, TEAM_WIDE
from controlpanel.accounts.teams import invitations, members
from controlpanel.accounts.teams.invitations import InvitationUnusable
from controlpanel.audit.log import refusals
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential, PanelKey
from controlpanel.lib.scope import EVERYTHING, Reach
from tests.credentials.keyring import enter, issue
from tests.people import Person, join, with_labels, with_servers
from tests.permissions.routes import TEAM_ROUTES, World
from tests.permissions.test_matrix import DONE, ask
from tests.web.asking import denials

# By name, so that a failing cell says which.
PARTS = {
    "label": with_labels("env:prod"),
    "key": with_labels("env"),
    "labels": with_labels("env:prod", "env:staging", "web"),
    "label-of-none": with_labels("nowhere"),
    "server": with_servers("12345"),
    "servers": with_servers("12345", "12346"),
    "absent-server": with_servers("999999"),
    "nothing-of-labels": Reach("labels"),
    "nothing-of-servers": Reach("servers"),
    "both": Reach("labels", labels=frozenset({"env"}), servers=frozenset({"12345"})),
}
ROLE = "every-right"
# Routes and verbs for which such a right is asked.
ASKED = [
    (name, verb)
    for name, route in TEAM_ROUTES.items()
    for verb, right in (("GET", route.get), ("POST", route.post))
    if right in TEAM_WIDE
]
# For every member, about their own: the right is asked once it is somebody else's.
OWN_TOO = {"panel-key-revoke"}


@pytest.fixture
def hired(team) -> Callable[[str, Reach], Person]:
    """Somebody with every right, by a role of the team's own or a built-in one."""
    TeamRole.objects.create(team=team, slug=ROLE, name="Every", permissions=sorted(PERMISSIONS))
    TeamRole.objects.create(team=team, slug="spare", name="Spare", permissions=[])
    return lambda role, reach: join(team, "wanda", role, reach)


def team_now(world: World) -> str:
    """All that such a right could have changed."""
    tables = (Membership, TeamRole, TeamPolicy, Invitation, PanelKey, Credential)
    rows = [list(map(vars, table.objects.order_by("pk"))) for table in tables]
    for row in [row for rows_of_table in rows for row in rows_of_table]:
        row.pop("_state")
        row.pop("last_active_at", None)
    world.account.refresh_from_db()
    return f"{rows} {world.account.team.name} {world.account.disconnected_at}"


@pytest.mark.parametrize(("part", "role"), [("label", ROLE), ("server", ROLE), ("key", "owner")])
def test_with_a_part_of_the_servers_they_open_nothing(
    world: World, hired: Callable[[str, Reach], Person], part: str, role: str
) -> None:
    """Every page and form; foreign and absent targets are the same refusal as the team's own."""
    wanda = hired(role, PARTS[part])
    before = team_now(world)
    for name, verb in ASKED:
        route = TEAM_ROUTES[name]
        targets = [route.ids(world), *([route.absent] if route.absent else [])]
        targets += [route.foreign(world)] if route.foreign else []
        for ids in targets:
            refused = denials()
            refusals.tally.forget()  # each is told by itself, as if a minute lay between them
            answer = ask(wanda, name, verb, ids, route.body(world))
            hidden = name in OWN_TOO and ids != targets[0]
            assert answer.status_code == (404 if hidden else 403), (name, verb, ids)
            assert denials() == refused + (not hidden), (name, verb)
    assert team_now(world) == before


def test_with_all_servers_they_open_everything(
    world: World, hired: Callable[[str, Reach], Person]
) -> None:
    wanda = hired(ROLE, EVERYTHING)
    for name, verb in ASKED:
        if verb == "GET":
            route = TEAM_ROUTES[name]
            answer = ask(wanda, name, verb, route.ids(world), {})
            assert answer.status_code in DONE | route.also, name


@pytest.mark.parametrize("right", sorted(PERMISSIONS))
@pytest.mark.parametrize("part", PARTS)
def test_the_door_gives_what_the_reach_is_for(
    hired: Callable[[str, Reach], Person], part: str, right: str
) -> None:
    wanda = hired(ROLE, PARTS[part])
    found = access.scope_at_work(wanda.user.id, wanda.team.id, right)
    assert (found is not None) is (right not in TEAM_WIDE)


@pytest.mark.parametrize("right", sorted(TEAM_WIDE))
def test_whoever_reaches_a_part_is_not_named_as_a_help(
    alice: Person, vera: Person, hired: Callable[[str, Reach], Person], right: str
) -> None:
    hired("owner", with_labels("env"))
    assert [user.email for user in access.who_can(vera.scope(), right)] == ["alice@example.com"]
    granting = access.who_grants(vera.scope(), [right, "servers.stop"])
    assert {user.email for users in granting.values() for user in users} == {"alice@example.com"}


def test_a_narrower_reach_acts_on_the_next_request(
    alice: Person, adam: Person, synced: Account
) -> None:
    page = reverse("invite", args=["acme"])
    assert adam.get(page).status_code == 200
    _invitation, token = invitations.invite(adam.scope(), "nora@example.com", "viewer", EVERYTHING)
    assert invitations.find(token.reveal(), None)
    held = adam.scope("members.manage")
    members.change(alice.scope(), adam.membership, "admin", with_servers("12345"))
    assert adam.get(page).status_code == 403
    assert not access.as_now(held).allows("members.manage")
    assert access.as_now(held).allows("servers.delete")
    # What they sent before is worth no more than they are now.
    with pytest.raises(InvitationUnusable, match="inviter"):
        invitations.find(token.reveal(), None)


@pytest.mark.parametrize("of_person", [EVERYTHING, PARTS["server"]], ids=["all", "part"])
def test_a_panel_keys_reach_is_a_reach_too(team: Team, synced: Account, of_person: Reach) -> None:
    person = join(team, "wanda", "owner", of_person)
    issued = issue(person, synced, reach=PARTS["server"])
    # No form gives a key such a right; a row may say so all the same.
    PanelKey.objects.update(permissions=sorted(PERMISSIONS))
    scope = enter(issued).scope
    assert scope.permissions == ROLES["owner"].permissions - TEAM_WIDE
    assert not access.as_now(scope).permissions & TEAM_WIDE


def test_a_key_for_all_servers_is_worth_no_more_than_its_creator(
    team: Team, synced: Account
) -> None:
    person = join(team, "wanda", "owner")
    issued = issue(person, synced)
    PanelKey.objects.update(permissions=sorted(PERMISSIONS))
    assert enter(issued).scope.permissions == ROLES["owner"].permissions
    person.user.memberships.update(reach_kind="labels", reach_labels=["env"])
    assert not enter(issued).scope.permissions & TEAM_WIDE


def test_pages_offer_what_the_door_lets_through(
    alice: Person, world: World, hired: Callable[[str, Reach], Person]
) -> None:
    wanda = hired(ROLE, with_servers("12345"))
    for page, offered in {
        "/teams/acme/members/": ("/members/invite/", "/roles/", 'popovertarget="menu-'),
        "/teams/acme/tokens/": ("/accounts/connect/", "/sync/"),
        "/teams/acme/panel-keys/": ("ci-deploy",),
        "/teams/acme/policies/": ('<button class="button primary"',),
        "/teams/acme/audit/review/rules/": ('<button class="button primary"',),
    }.items():
        answer = wanda.get(page)
        assert answer.status_code == 200, page
        main = answer.content.decode().partition("<main")[2]
        for text in offered:
            assert text not in main, (page, text)


@pytest.mark.parametrize("right", sorted(TEAM_WIDE))
def test_the_page_of_ones_rights_says_why(
    alice: Person, hired: Callable[[str, Reach], Person], right: str
) -> None:
    wanda = hired(ROLE, with_labels("env:prod"))
    url = reverse("access", args=["acme", wanda.user.id]) + f"?right={right}"
    for asker in (wanda, alice):
        asked = asker.get(url).context["asked"]
        assert not asked.allowed
        assert asked.rule == (
            "the role Every has it, but it is about the whole team and counts only with access to "
            "all servers, not with servers with env:prod"
        )
        assert asked.helpers == "Alice"


def test_the_record_of_a_refusal_names_the_right(hired: Callable[[str, Reach], Person]) -> None:
    wanda = hired("owner", with_labels("env:prod"))
    assert wanda.get("/teams/acme/roles/").status_code == 403
    (event,) = AuditEvent.objects.filter(event="authz_fail")
    assert event.data == {"permission": "team.manage", "path": "/teams/acme/roles/"}
