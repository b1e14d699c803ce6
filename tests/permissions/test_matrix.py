"""Every route × every verb × six people and nobody × own, foreign and absent objects."""

import pytest
from django.urls import get_resolver, reverse

from controlpanel.accounts.policy import permissions_of
from controlpanel.audit.models import AuditEvent
from controlpanel.operations.models import Operation
from tests.operations.asks import NEW, create, fresh, power, sent
from tests.people import HTMX, look
from tests.permissions.routes import OPEN_ROUTES, TEAM_ROUTES, World

ROLES = {
    "vera": "viewer",
    "audrey": "auditor",
    "bob": "operator",
    "adam": "admin",
    "alice": "owner",
}
FROM_LEAST_TO_MOST = tuple(ROLES)
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DONE = {200, 302, 303, 409, 422}


@pytest.fixture
def world(synced, other_account, alice, bob, charlie, server, sandbox):
    look(other_account)
    sandbox.fault("drop_after", "POST", "/servers/$")
    unknown_create = sent(create(bob, synced, name="lost-01"))
    twin = sandbox.world.create(
        "acme", hostname="", ssh_key_id=None, backups_enabled=False, **{**NEW, "name": "lost-01"}
    )
    look(synced)
    sandbox.fault("drop_after", "POST", "/reboot/$")
    unknown_reboot = sent(power(bob, "reboot", server("db-server-01")))
    foreign = sent(create(charlie, other_account))
    assert [unknown_create.state, unknown_reboot.state] == ["unknown", "unknown"]
    sandbox.journal.clear()
    return World(
        account=synced,
        foreign_account=other_account,
        unknown_create=unknown_create,
        unknown_reboot=unknown_reboot,
        foreign_operation=foreign,
        event=AuditEvent.objects.filter(chain=bob.team.chain)[0],
        candidate=str(twin.id),
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


@pytest.mark.parametrize("name", TEAM_ROUTES)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_members(request, world, sandbox, name, headers):
    route = TEAM_ROUTES[name]
    for person in FROM_LEAST_TO_MOST:
        client, rights = request.getfixturevalue(person), permissions_of(ROLES[person])
        for verb in VERBS:
            before, changes = denials(), len(sandbox.changes())
            response = ask(client, name, verb, route.ids(world), route.body(world), **headers)
            right = needed(route, verb)
            if not right:
                assert response.status_code == 405
                assert denials() == before
            elif right in rights:
                assert response.status_code in DONE | ({204} if headers else set())
                assert denials() == before
            else:
                assert response.status_code == 403
                assert denials() == before + 1
                assert len(sandbox.changes()) == changes


@pytest.mark.parametrize("name", TEAM_ROUTES)
def test_an_outsider(world, sandbox, charlie, name):
    route = TEAM_ROUTES[name]
    for headers in ({}, HTMX):
        for verb in VERBS:
            expected = 404 if needed(route, verb) else 405
            response = ask(charlie, name, verb, route.ids(world), route.body(world), **headers)
            assert response.status_code == expected
    assert not sandbox.changes()


@pytest.mark.parametrize("name", TEAM_ROUTES)
def test_nobody(world, sandbox, nobody, name):
    route = TEAM_ROUTES[name]
    for verb in VERBS:
        response = ask(nobody, name, verb, route.ids(world), route.body(world))
        if not needed(route, verb):
            assert response.status_code == 405
            continue
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")
        response = ask(nobody, name, verb, route.ids(world), route.body(world), **HTMX)
        assert response["HX-Redirect"].startswith("/accounts/login/")
    assert not sandbox.changes()


@pytest.mark.parametrize("name", [name for name, route in TEAM_ROUTES.items() if route.absent])
def test_foreign_and_absent_objects_are_the_same_404(request, world, sandbox, name):
    route = TEAM_ROUTES[name]
    for person in FROM_LEAST_TO_MOST:
        client, rights = request.getfixturevalue(person), permissions_of(ROLES[person])
        for verb in ("GET", "POST"):
            if needed(route, verb) not in rights:
                continue
            absent = ask(client, name, verb, route.absent, route.body(world))
            assert absent.status_code == 404
            if route.foreign:
                foreign = ask(client, name, verb, route.foreign(world), route.body(world))
                assert foreign.status_code == 404
                assert _words(foreign) == _words(absent)
    assert not sandbox.changes()


def test_every_route_is_in_the_table():
    assert _names() == set(TEAM_ROUTES) | set(OPEN_ROUTES)


def test_every_team_route_goes_through_the_door():
    for name, pattern in _patterns():
        if name in TEAM_ROUTES:
            route = TEAM_ROUTES[name]
            assert pattern.callback.permission in {route.get, route.post, "servers.view"}


@pytest.mark.django_db
@pytest.mark.parametrize("name", OPEN_ROUTES)
def test_open_routes_hold_nothing_of_a_team(nobody, name):
    ids = {"uidb36": "x", "key": "y-z"} if name == "account_reset_password_from_key" else {}
    assert nobody.get(reverse(name, kwargs=ids)).status_code == OPEN_ROUTES[name]


@pytest.mark.parametrize("name", [name for name, route in TEAM_ROUTES.items() if route.post])
def test_a_forged_post_is_refused(world, sandbox, alice, name):
    alice.handler.enforce_csrf_checks = True
    route = TEAM_ROUTES[name]
    response = ask(alice, name, "POST", route.ids(world), route.body(world))
    assert response.status_code == 403
    assert not sandbox.changes()


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_method_overrides_are_ignored(world, sandbox, alice, header):
    address = reverse("server-delete", kwargs={"team": "acme", "provider_id": "12345"})
    alice.get(address, headers={header: "POST"})
    alice.get(f"{address}?_method=POST&confirm_name=web-server-01")
    assert not sandbox.changes()


def test_a_stale_tab_after_demotion_does_nothing(world, sandbox, bob):
    bob.user.memberships.update(role="viewer")
    address = reverse("server-reboot", kwargs={"team": "acme", "provider_id": "12345"})
    assert bob.post(address).status_code == 403
    assert not sandbox.changes()


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
    def walk(patterns):
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                yield from walk(pattern.url_patterns)
            else:
                yield pattern.name, pattern

    return list(walk(get_resolver().url_patterns))


def _names():
    return {name for name, _pattern in _patterns()}


def _words(response):
    return response.content.count(b"<p>"), response.templates[0].name
