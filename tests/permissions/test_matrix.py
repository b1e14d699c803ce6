"""Every route × every verb × nine actors × own, foreign and absent objects, by page and by HTMX.

What each right is needed for stands in routes.py; who has it, in the roles.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.urls import get_resolver, reverse

from controlpanel.accounts import access, permissions
from controlpanel.accounts.access import MEMBER
from controlpanel.accounts.models import Invitation, Membership, OwnershipOffer, TeamRole
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential, PanelKey
from controlpanel.lib import clock, request_id
from controlpanel.operations.models import Operation
from controlpanel.servers.models import ServerLabel
from tests.credentials.keyring import issue
from tests.operations.asks import NEW, create, fresh, power, sent
from tests.people import HTMX, join, look, with_labels
from tests.permissions.routes import OPEN_ROUTES, OWN_ROUTES, TEAM_ROUTES, World

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DONE = {200, 302, 303, 409, 422}
# What a role of the team's own is good for with the servers of one label: with that reach, the
# rights about the whole team that it carries as well are without effect.
SCOPED = frozenset({"servers.view", "servers.create", "servers.reboot", "labels.edit"})


@dataclass(frozen=True)
class Actor:
    """`rights`: None for whoever is no active member: everything is a 404 to them."""

    name: str
    rights: frozenset[str] | None
    scoped: bool = False


def _built_in(name: str, role: str) -> Actor:
    return Actor(name, permissions.ROLES[role].permissions | {MEMBER})


# From least to most, so that what the first do leaves something for the next.
MEMBERS = (
    _built_in("vera", "viewer"),
    Actor("sam", SCOPED | {MEMBER}, scoped=True),
    _built_in("audrey", "auditor"),
    _built_in("bob", "operator"),
    _built_in("adam", "admin"),
    _built_in("alice", "owner"),
)
OUTSIDERS = (Actor("susan", None), Actor("charlie", None))
ACTORS = (*MEMBERS, *OUTSIDERS)  # and nobody


@pytest.fixture
def sam(alice, team):
    carried = sorted(SCOPED | permissions.TEAM_WIDE)
    TeamRole.objects.create(team=team, slug="web", name="Web", permissions=carried)
    return join(team, "sam", "web", with_labels("env:prod"))


@pytest.fixture
def susan(team):
    """Once an owner, and suspended."""
    person = join(team, "susan", "owner")
    Membership.objects.filter(user=person.user).update(suspended_at=clock.now())
    return person


def _invitation(team, role):
    return Invitation.objects.create(
        team=team,
        email=f"spare@{team.slug}.example",
        role=role,
        digest=team.slug,
        invited_by_id="x",
        invited_by_name="alice@example.com",
        expires_at=clock.now() + timedelta(hours=1),
    )


def _renewer(team, invitation) -> Callable[[], None]:
    """What an actor has changed is as it was before the next one comes."""
    people = list(Membership.objects.filter(team=team))
    columns = [field.name for field in Membership._meta.fields if field.name != "id"]
    tokens = list(Credential.objects.filter(account__team=team))

    def renew() -> None:
        Membership.objects.bulk_create(
            people, update_conflicts=True, unique_fields=["id"], update_fields=columns
        )
        Credential.objects.bulk_create(tokens, ignore_conflicts=True)
        TeamRole.objects.exclude(slug__in=["web", "theirs"]).delete()
        TeamRole.objects.create(team=team, slug="spare", name="Spare", permissions=[])
        Invitation.objects.filter(id=invitation.id).update(revoked_at=None)
        OwnershipOffer.objects.all().delete()
        PanelKey.objects.exclude(name="ci-deploy").delete()
        PanelKey.objects.update(revoked_at=None)

    return renew


@pytest.fixture
def world(
    synced, other_account, alice, bob, charlie, sam, susan, team, other_team, server, sandbox
):
    look(other_account)
    ServerLabel.objects.create(server=server("web-server-01"), key="env", value="prod")
    sandbox.fault("drop_after", "POST", "/servers/$")
    with request_id.bound("request-of-bob"):
        unknown_create = sent(create(bob, synced, name="lost-01"))
    twin = sandbox.world.create(
        "acme", hostname="", ssh_key_id=None, backups_enabled=False, **{**NEW, "name": "lost-01"}
    )
    look(synced)
    sandbox.fault("drop_after", "POST", "/reboot/$")
    unknown_reboot = sent(power(bob, "reboot", server("db-server-01")))
    with request_id.bound("request-of-charlie"):
        foreign = sent(create(charlie, other_account))
    assert [unknown_create.state, unknown_reboot.state] == ["unknown", "unknown"]
    sandbox.journal.clear()
    TeamRole.objects.create(team=other_team, slug="theirs", name="Theirs", permissions=[])
    spare, invitation = join(team, "spare", "viewer"), _invitation(team, "viewer")
    return World(
        account=synced,
        foreign_account=other_account,
        unknown_create=unknown_create,
        unknown_reboot=unknown_reboot,
        foreign_operation=foreign,
        event=AuditEvent.objects.filter(chain=bob.team.chain)[0],
        candidate=str(twin.id),
        spare=spare.user,
        stranger=charlie.user,
        invitation=invitation,
        foreign_invitation=_invitation(other_team, "viewer"),
        key=issue(spare, synced).key,
        foreign_key=issue(charlie, other_account).key,
        renew=_renewer(team, invitation),
    )


def ask(client, name, verb, ids, body, **headers):
    address = reverse(name, kwargs={"team": "acme", **ids})
    return client.generic(
        verb,
        address,
        "&".join(f"{key}={value}" for key, value in body.items()),
        content_type="application/x-www-form-urlencoded",
        headers=headers,
    )


def denials():
    return AuditEvent.objects.filter(event="authz_fail").count()


def needed(route, verb):
    return {"GET": route.get, "POST": route.post}.get(verb, "")


def expected(actor, route, verb):
    """The status codes of a cell, as data says."""
    right = needed(route, verb)
    if actor.rights is None:
        return {404}
    if right not in actor.rights:
        return {403}
    if actor.scoped and not route.in_scope:
        return {404}
    return DONE | route.also


@pytest.mark.parametrize("name", TEAM_ROUTES)
def test_cells(request, world, sandbox, name):
    route = TEAM_ROUTES[name]
    world.renew()
    for headers, actor, verb in itertools.product(({}, HTMX), ACTORS, ("GET", "POST")):
        if not needed(route, verb):
            continue  # below, for all routes at once
        client = request.getfixturevalue(actor.name)
        before, changes = denials(), len(sandbox.changes())
        response = ask(client, name, verb, route.ids(world), route.body(world), **headers)
        codes = expected(actor, route, verb)
        if codes >= DONE and headers:
            codes = codes | {204}
        assert response.status_code in codes, (actor.name, verb, headers, response.status_code)
        if codes >= DONE:
            world.renew()
        else:
            assert len(sandbox.changes()) == changes
        refused = codes == {403} or (codes == {404} and actor.rights is None)
        assert denials() == before + refused, (actor.name, verb)


@pytest.mark.parametrize("actor", ACTORS, ids=lambda actor: actor.name)
def test_no_route_has_another_verb(request, world, sandbox, actor):
    client = request.getfixturevalue(actor.name)
    before = denials()
    for (name, route), verb, headers in itertools.product(TEAM_ROUTES.items(), VERBS, ({}, HTMX)):
        if not needed(route, verb):
            response = ask(client, name, verb, route.ids(world), route.body(world), **headers)
            assert response.status_code == 405, (name, verb)
    assert not sandbox.changes()
    assert denials() == before


def test_nobody(world, sandbox, nobody):
    for (name, route), verb in itertools.product(TEAM_ROUTES.items(), VERBS):
        response = ask(nobody, name, verb, route.ids(world), route.body(world))
        if not needed(route, verb):
            assert response.status_code == 405, (name, verb)
            continue
        assert response.status_code == 302, (name, verb)
        assert response["Location"].startswith("/accounts/login/")
        response = ask(nobody, name, verb, route.ids(world), route.body(world), **HTMX)
        assert response["HX-Redirect"].startswith("/accounts/login/"), (name, verb)
    assert not sandbox.changes()


def test_there_are_enough_cells():
    assert len(ACTORS) + 1 == 9
    assert len(TEAM_ROUTES) * len(VERBS) * 9 * 2 >= 600


ABSENT = {name: route for name, route in TEAM_ROUTES.items() if route.absent}


@pytest.mark.parametrize("actor", MEMBERS, ids=lambda actor: actor.name)
def test_foreign_and_absent_objects_are_the_same_404(request, world, sandbox, actor):
    client = request.getfixturevalue(actor.name)
    for (name, route), verb in itertools.product(ABSENT.items(), ("GET", "POST")):
        if needed(route, verb) not in (actor.rights or ()):
            continue
        absent = ask(client, name, verb, route.absent, route.body(world))
        assert absent.status_code == 404, (name, verb)
        if route.foreign:
            foreign = ask(client, name, verb, route.foreign(world), route.body(world))
            assert foreign.status_code == 404, (name, verb)
            assert _words(foreign) == _words(absent), (name, verb)
    assert not sandbox.changes()


def test_what_is_out_of_reach_is_the_same_404(world, sandbox, sam, server):
    of_servers = [name for name, route in ABSENT.items() if "provider_id" in route.absent]
    ids = {"provider_id": server("db-server-01").provider_id}
    for name, verb, headers in itertools.product(of_servers, ("GET", "POST"), ({}, HTMX)):
        route = ABSENT[name]
        if needed(route, verb) not in SCOPED:
            continue
        response = ask(sam, name, verb, ids, route.body(world), **headers)
        absent = ask(sam, name, verb, route.absent, route.body(world), **headers)
        assert response.status_code == absent.status_code == 404, (name, verb)
        assert _words(response) == _words(absent), (name, verb)
    assert not sandbox.changes()


def test_every_route_is_in_the_table():
    assert _names() == set(TEAM_ROUTES) | set(OPEN_ROUTES) | set(OWN_ROUTES)


def test_every_team_route_goes_through_the_door():
    for name, pattern in _patterns():
        if name in TEAM_ROUTES:
            route = TEAM_ROUTES[name]
            assert pattern.callback.permission in {route.get, route.post, "servers.view", MEMBER}


@pytest.mark.django_db
@pytest.mark.parametrize("name", OPEN_ROUTES)
def test_open_routes_hold_nothing_of_a_team(nobody, name):
    ids = {
        "account_reset_password_from_key": {"uidb36": "x", "key": "y-z"},
        "account_confirm_email": {"key": "x"},
        "invitation": {"token": "x"},
    }.get(name, {})
    assert nobody.get(reverse(name, kwargs=ids)).status_code == OPEN_ROUTES[name]


@pytest.mark.django_db
@pytest.mark.parametrize("name", OWN_ROUTES)
@pytest.mark.parametrize("verb", VERBS)
def test_own_pages_are_for_somebody_who_is_signed_in(nobody, name, verb):
    answer = nobody.generic(verb, reverse(name, kwargs=dict(OWN_ROUTES[name])))
    if answer.status_code != 405:
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")


def test_a_forged_post_is_refused(world, sandbox, alice):
    alice.handler.enforce_csrf_checks = True
    for name, route in TEAM_ROUTES.items():
        if route.post:
            response = ask(alice, name, "POST", route.ids(world), route.body(world))
            assert response.status_code == 403, name
    assert not sandbox.changes()


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_method_overrides_are_ignored(world, sandbox, alice, header):
    address = reverse("server-delete", kwargs={"team": "acme", "provider_id": "12345"})
    alice.get(address, headers={header: "POST"})
    alice.get(f"{address}?_method=POST&confirm_name=web-server-01")
    assert not sandbox.changes()


def test_a_stale_tab_after_demotion_does_nothing(world, sandbox, bob):
    address = reverse("server-reboot", kwargs={"team": "acme", "provider_id": "12345"})
    assert bob.get(address).status_code == 200
    bob.user.memberships.update(role="viewer")
    assert bob.post(address).status_code == 403
    assert not sandbox.changes()


def test_a_replayed_form_is_one_change(world, sandbox, bob):
    address = reverse("server-reboot", kwargs={"team": "acme", "provider_id": "12345"})
    receipts = {bob.post(address, {"form_id": "the-same-form"})["Location"] for _ in range(3)}
    assert len(receipts) == 1
    assert len(sandbox.changes()) == 1


def test_ids_of_another_team_in_a_form_are_not_taken(world, sandbox, alice):
    adopt = {"team": "acme", "operation_id": world.unknown_create.id}
    answer = alice.post(reverse("operation-adopt", kwargs=adopt), {"server": "12353"})
    assert answer.status_code == 422
    invitation = {"email": "new@acme.example", "role": "viewer", "reach": "servers"}
    invite = reverse("invite", kwargs={"team": "acme"})
    assert alice.post(invite, invitation | {"servers": "12353"}).status_code == 422
    assert alice.post(invite, invitation | {"role": "theirs"}).status_code == 422
    assert fresh(world.unknown_create.id).state == "unknown"
    assert not Invitation.objects.filter(email="new@acme.example").exists()
    assert not sandbox.changes()


@pytest.mark.parametrize("name", ["server-delete", "server-stop", "audit", "members", "invite"])
def test_a_view_that_asks_for_no_right_is_noticed(monkeypatch, request, world, sandbox, name):
    """The table is no decoration: after a careless edit its cells are wrong."""
    monkeypatch.setattr(access, "require", lambda *_asked: None)
    with pytest.raises(AssertionError):
        test_cells(request, world, sandbox, name)


def test_fields_that_no_form_has_change_nothing(world, bob):
    """Mass assignment: a role, a team or a state sent along."""
    extra = {"role": "owner", "team": "globex", "state": "observed", "user": "x", "via": "worker"}
    address = reverse("server-reboot", kwargs={"team": "acme", "provider_id": "12345"})
    bob.post(address, extra)
    operation = Operation.objects.get(kind="reboot", provider_id="12345")
    assert fresh(operation.id).state == "accepted"
    assert (operation.actor_role, operation.via) == ("operator", "page")
    assert bob.user.memberships.get().role == "operator"


def _patterns():
    def iterate(patterns):
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                yield from iterate(pattern.url_patterns)
            else:
                yield pattern.name, pattern

    return list(iterate(get_resolver().url_patterns))


def _names():
    return {name for name, _pattern in _patterns()}


def _words(response):
    return response.content.count(b"<p>"), response.templates[0].name
