"""A lock per server: with who, when and why; releasing it needs the higher right."""

import pytest

from controlpanel.accounts.access import Denied
from controlpanel.audit.models import AuditEvent
from controlpanel.servers import labels, locks, selectors
from controlpanel.servers.locks import LockRefused
from controlpanel.servers.models import ServerLock

WEB = "web-server-01"


def held(server):
    return ServerLock.objects.filter(server=server(WEB)).first()


def test_it_works(bob, adam, server):
    labels.put(bob.scope(), server(WEB), frozenset({"env:prod"}))
    locks.lock(bob.scope(), server(WEB), "changes", "  Black\u202e Friday ")
    lock = held(server)
    assert (lock.level, lock.by_name, lock.reason) == ("changes", "bob@example.com", "Black Friday")
    locks.release(adam.scope(), server(WEB), "It is over.")
    assert held(server) is None
    locked, unlocked = AuditEvent.objects.filter(event__contains="locked").order_by("seq")
    assert (locked.data, locked.content["reason"]) == ({"level": "changes"}, "Black Friday")
    assert unlocked.data == {"level": "changes", "locked_by": "bob@example.com"}
    assert locked.labels == unlocked.labels == "|env|env:prod|"


@pytest.mark.parametrize(
    ("level", "kind", "refused"),
    [
        ("delete", "delete", True),
        ("delete", "stop", False),
        ("delete", "update", False),
        ("delete", "start", False),
        ("changes", "delete", True),
        ("changes", "stop", True),
        ("changes", "reboot", True),
        ("changes", "update", True),
        ("changes", "start", False),
    ],
)
def test_what_each_level_refuses(level, kind, refused):
    assert ServerLock(level=level).refuses(kind) is refused


def test_it_can_become_stronger(bob, adam, server):
    locks.lock(bob.scope(), server(WEB), "delete", "Keep the data.")
    first = held(server).at
    locks.lock(adam.scope(), server(WEB), "changes", "Audit this week.")
    lock = held(server)
    assert (lock.level, lock.by_name, lock.reason) == (
        "changes",
        "adam@example.com",
        "Audit this week.",
    )
    assert lock.at > first


@pytest.mark.parametrize("level", ["delete", "changes"])
def test_nobody_weakens_or_takes_over_a_lock_without_releasing_it(bob, adam, server, level):
    locks.lock(adam.scope(), server(WEB), "changes", "Audit.")
    with pytest.raises(LockRefused, match=r"adam@example\.com has locked it already"):
        locks.lock(bob.scope(), server(WEB), level, "Mine.")
    assert (held(server).level, held(server).by_name) == ("changes", "adam@example.com")


def test_it_needs_a_level_and_a_reason(bob, server):
    for level in ("", "everything", "start"):
        with pytest.raises(LockRefused):
            locks.lock(bob.scope(), server(WEB), level, "Why.")
    for reason in ("", "  ", "\u200b"):
        with pytest.raises(LockRefused, match="Say why"):
            locks.lock(bob.scope(), server(WEB), "delete", reason)
    assert held(server) is None


def test_to_lock_and_to_release_are_two_rights(vera, bob, server):
    with pytest.raises(Denied):
        locks.lock(vera.scope(), server(WEB), "delete", "Why.")
    locks.lock(bob.scope(), server(WEB), "delete", "Why.")
    with pytest.raises(Denied):
        locks.release(bob.scope(), server(WEB), "Over.")
    assert held(server)


def test_a_lock_that_is_gone_is_not_released_again(adam, server):
    with pytest.raises(LockRefused, match="no lock"):
        locks.release(adam.scope(), server(WEB), "Over.")


def test_it_comes_with_the_server(bob, server, django_assert_num_queries):
    locks.lock(bob.scope(), server(WEB), "delete", "Why.")
    scope, provider_id = bob.scope(), server(WEB).provider_id
    with django_assert_num_queries(1):
        held = selectors.get(scope, provider_id).held_by
    assert held is not None
    assert held.reason == "Why."
