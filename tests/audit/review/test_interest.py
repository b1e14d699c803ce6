"""Whoever profits from an event does not sign it off, nor does any key or account of theirs."""

from collections.abc import Callable
from typing import Any

import pytest

from controlpanel.accounts.models import Account, TeamRole
from controlpanel.accounts.teams import invitations, members, ownership_transfer, roles
from controlpanel.audit.models import AuditEvent, ReviewItem
from controlpanel.audit.review import queue as review_queue
from controlpanel.audit.review import scanner
from controlpanel.lib.scope import EVERYTHING
from controlpanel.servers import labels, locks, reviewing
from controlpanel.servers.models import Server
from tests.credentials.keyring import issue
from tests.operations.asks import power
from tests.people import OPERATOR_TOKEN, Person, join, keep_token, with_labels
from tests.web.asking import shows

Server_ = Callable[[str], Server]
WEB, DB = "web-server-01", "db-server-01"
WHY = "Agreed in the morning meeting."


@pytest.fixture
def rita(team: Any, account: Account) -> Person:
    """Reviews, and changes servers."""
    TeamRole.objects.create(
        team=team,
        slug="reviewer",
        name="Reviewer",
        permissions=["audit.review", "audit.view", "keys.own", "labels.edit", "servers.reboot",
                     "servers.stop", "servers.view"],
    )  # fmt: skip
    person = join(team, "rita", "reviewer")
    keep_token(person.user, account, OPERATOR_TOKEN)
    return person


def only(event: str) -> AuditEvent:
    return AuditEvent.objects.filter(event=event).latest("seq")


def signs(person: Person, event: AuditEvent) -> bool:
    while scanner.advance(event.chain):
        pass
    assert ReviewItem.objects.filter(seq=event.seq).exists(), f"{event.event} does not wait"
    scope = person.scope("audit.review")
    (entry,) = [one for one in review_queue.page(scope).entries if one.event.seq == event.seq]
    signed = reviewing.sign_off(scope, {event.seq: event.seq}, WHY)
    assert (event.seq in signed.own) is entry.is_of(scope), "the page says otherwise"
    return event.seq in signed.done


def promoted(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    rita.user.memberships.update(role="viewer")
    members.change(alice.scope(), rita.membership, "reviewer", EVERYTHING)
    return "member.changed"


def wider(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    rita.user.memberships.update(reach_kind="servers", reach_servers=["12345"])
    members.change(alice.scope(), rita.membership, "reviewer", EVERYTHING)
    return "member.changed"


def restored(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    members.suspend(alice.scope(), rita.membership)
    members.restore(alice.scope(), rita.membership)
    return "member.restored"


def more_in_their_role(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    role = TeamRole.objects.get(slug="reviewer")
    roles.change(alice.scope(), role, "Reviewer", [*role.permissions, "servers.edit"])
    return "role.changed"


def more_in_the_role_they_had(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    more_in_their_role(alice, rita, bob, server)
    members.change(alice.scope(), rita.membership, "auditor", EVERYTHING)
    return "role.changed"


def offered(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    ownership_transfer.offer(alice.scope(), rita.membership)
    return "ownership.offered"


def invited(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    """They took part as somebody who was invited, before their address was another one."""
    role = rita.membership.role
    rita.user.memberships.all().delete()
    _one, token = invitations.invite(alice.scope(), rita.user.email, "auditor", EVERYTHING)
    invitations.accept(token.reveal(), rita.user, alice.scope().origin)
    rita.user.memberships.update(role=role)
    rita.user.email = "rita@elsewhere.example"
    rita.user.save()
    return "invitation.sent"


def labelled_for_them(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    rita.user.memberships.update(reach_kind="labels", reach_labels=["env:prod"])
    return _moved(alice, server)


def labelled_for_their_key(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    account = server(WEB).account
    issue(rita, account, permissions=frozenset({"servers.view"}), reach=with_labels("env:prod"))
    return _moved(alice, server)


def _moved(alice: Person, server: Server_) -> str:
    """From one guarded label to another: such a change waits."""
    join(alice.team, "tess", "viewer", with_labels("env:test"))
    labels.put(alice.scope(), server(WEB), frozenset({"env:test"}))
    labels.put(alice.scope(), server(WEB), frozenset({"env:prod"}))
    return "server.labelled"


def _unlocked(alice: Person, server: Server_) -> str:
    locks.lock(alice.scope(), server(WEB), "changes", "Keep it.")
    locks.release(alice.scope(), server(WEB), "Over.")
    return "server.unlocked"


def unlocked_and_used(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    _unlocked(alice, server)
    power(rita, "reboot", server(WEB))
    return "server.unlocked"


PROFITS = [
    promoted,
    wider,
    restored,
    more_in_their_role,
    more_in_the_role_they_had,
    offered,
    invited,
    labelled_for_them,
    labelled_for_their_key,
    unlocked_and_used,
]


def another_promoted(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    members.change(alice.scope(), bob.membership, "admin", EVERYTHING)
    return "member.changed"


def another_role(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    roles.add(alice.scope(), "Other", ["servers.view"])
    role = TeamRole.objects.get(slug="other")
    roles.change(alice.scope(), role, "Other", ["servers.view", "servers.stop"])
    return "role.changed"


def another_invited(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    invitations.invite(alice.scope(), "nora@example.com", "viewer", EVERYTHING)
    return "invitation.sent"


def unlocked(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    return _unlocked(alice, server)


def unlocked_and_used_by_another(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    _unlocked(alice, server)
    power(bob, "reboot", server(WEB))
    return "server.unlocked"


def used_before(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    power(rita, "reboot", server(WEB))
    return _unlocked(alice, server)


def used_elsewhere(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    _unlocked(alice, server)
    power(rita, "stop", server(DB))
    return "server.unlocked"


def labelled_for_another(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    join(alice.team, "pat", "viewer", with_labels("env:prod"))
    return _moved(alice, server)


def already_seen(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    rita.user.memberships.update(reach_kind="labels", reach_labels=["env"])
    return _moved(alice, server)


def by_id(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    rita.user.memberships.update(reach_kind="servers", reach_servers=["12345"])
    return _moved(alice, server)


def removed(alice: Person, rita: Person, bob: Person, server: Server_) -> str:
    members.remove(alice.scope(), bob.membership)
    return "member.removed"


OTHERS = [
    another_promoted,
    another_role,
    another_invited,
    unlocked,
    unlocked_and_used_by_another,
    used_before,
    used_elsewhere,
    labelled_for_another,
    already_seen,
    by_id,
    removed,
]


@pytest.mark.parametrize("happens", PROFITS)
def test_what_is_to_their_advantage_is_for_somebody_else(
    alice: Person, rita: Person, bob: Person, audrey: Person, server: Server_, happens: Any
) -> None:
    event = only(happens(alice, rita, bob, server))
    assert not signs(rita, event)
    assert ReviewItem.objects.filter(seq=event.seq, signed_at=None).exists()
    assert signs(audrey, event)


@pytest.mark.parametrize("happens", OTHERS)
def test_what_is_not_they_sign_off(
    alice: Person, rita: Person, bob: Person, server: Server_, happens: Any
) -> None:
    assert signs(rita, only(happens(alice, rita, bob, server)))


def test_the_page_says_so(alice: Person, rita: Person, server: Server_) -> None:
    members.change(alice.scope(), rita.membership, "auditor", EVERYTHING)
    event = only("member.changed")
    while scanner.advance(event.chain):
        pass
    url = "/teams/acme/audit/review/"
    assert shows(rita.get(url), "To your advantage: somebody else must look at it")
    choice = f"{event.seq}.{event.seq}"
    rita.post(url, {"event": choice, "note": WHY})
    assert shows(rita.get(url), f"so somebody else must look at it: #{event.seq}.")
