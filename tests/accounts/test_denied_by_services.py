"""A right that was taken away between the door and the service: answered as the door does."""

from dataclasses import replace
from uuid import uuid4

import pytest

from controlpanel.accounts import access
from controlpanel.accounts.access import Denied
from controlpanel.accounts.models import Membership
from controlpanel.accounts.teams import invitations, roles
from controlpanel.audit.models import AuditEvent
from controlpanel.lib.scope import EVERYTHING
from controlpanel.operations.leaving import disconnecting
from controlpanel.servers import acknowledge, labels, locks
from tests.people import HTMX

WEB = "web-server-01"
ACTS = {
    "servers.lock": lambda scope, server: locks.lock(scope, server(WEB), "delete", "Why."),
    "servers.unlock": lambda scope, server: locks.release(scope, server(WEB), "Over."),
    "labels.edit": lambda scope, server: labels.put(scope, server(WEB), frozenset({"web"})),
    "members.manage": lambda scope, _server: invitations.invite(
        scope, "new@example.com", "viewer", EVERYTHING
    ),
    "team.manage": lambda scope, _server: roles.add(scope, "Mine", ["servers.view"]),
    "audit.review": lambda scope, _server: acknowledge.acknowledge(scope, [uuid4()], "Known."),
}


@pytest.mark.parametrize("right", ACTS)
def test_it_is_denied_and_recorded(alice, server, right):
    scope = replace(alice.scope(), permissions=alice.scope().permissions - {right})
    with pytest.raises(Denied) as denied:
        ACTS[right](scope, server)
    assert denied.value.permission == right
    assert AuditEvent.objects.get(event="authz_fail").data["permission"] == right


@pytest.mark.parametrize("act", ["close", "disconnect"])
def test_whoever_was_demoted_closes_nothing_and_that_is_recorded(alice, adam, account, act):
    scope = alice.scope()
    Membership.objects.filter(user=adam.user).update(role="owner")
    Membership.objects.filter(user=alice.user).update(role="viewer")
    with pytest.raises(Denied):
        disconnecting.close(scope) if act == "close" else disconnecting.disconnect(scope, account)
    event = AuditEvent.objects.get(event="authz_fail")
    assert (event.actor_name, event.actor_role) == ("alice@example.com", "viewer")


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_the_page_is_a_403_that_names_the_right(alice, server, monkeypatch, headers):
    real = access.scope_for

    def just_before(request, slug, permission, **more):
        scope = real(request, slug, permission, **more)
        return replace(scope, permissions=scope.permissions - {"servers.lock"})

    url = f"/teams/acme/servers/{server(WEB).provider_id}/lock/"
    monkeypatch.setattr(access, "scope_for", just_before)
    answer = alice.post(url, {"level": "delete", "reason": "Why."}, headers=headers)
    assert answer.status_code == 403
    assert b"lock" in answer.content
