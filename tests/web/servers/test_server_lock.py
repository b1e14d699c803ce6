"""Locking a server and releasing it: the pages, and what they forbid on the others."""

import pytest

from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import Server, ServerLock
from tests.people import Person

SERVER = "/teams/acme/servers/12345/"
LOCK, UNLOCK = f"{SERVER}lock/", f"{SERVER}unlock/"
CHANGES = {"level": "changes", "reason": "Black <b>Friday</b>."}


@pytest.fixture
def web(server) -> Server:
    found: Server = server("web-server-01")
    return found


def test_it_works(bob: Person, adam: Person, web: Server) -> None:
    answer = bob.post(LOCK, CHANGES)
    assert (answer.status_code, answer["Location"]) == (303, SERVER)
    text = adam.get(SERVER).content.decode()
    assert "bob@example.com locked this server against every change." in text
    assert "Black &lt;b&gt;Friday&lt;/b&gt;." in text
    assert adam.post(UNLOCK, {"reason": "Over."}).status_code == 303
    assert not ServerLock.objects.exists()


def test_it_is_marked_in_the_list(bob: Person, web: Server) -> None:
    bob.post(LOCK, CHANGES)
    assert "locked against changes" in bob.get("/teams/acme/servers/").content.decode()


@pytest.mark.parametrize("action", ["stop", "reboot", "delete", "edit"])
def test_it_binds_the_pages(alice: Person, web: Server, sandbox: Sandbox, action: str) -> None:
    alice.post(LOCK, CHANGES)
    page = alice.get(f"{SERVER}{action}/").content.decode()
    assert "alice@example.com locked this server" in page
    body = {"confirm_name": "web-server-01", "name": "renamed"}
    assert alice.post(f"{SERVER}{action}/", body).status_code == 409
    assert not sandbox.changes()


def test_a_lock_against_deletion_leaves_the_rest(
    alice: Person, web: Server, sandbox: Sandbox
) -> None:
    alice.post(LOCK, {"level": "delete", "reason": "Keep."})
    assert alice.post(f"{SERVER}delete/", {"confirm_name": "web-server-01"}).status_code == 409
    assert not sandbox.changes()
    assert alice.post(f"{SERVER}reboot/").status_code == 303
    assert len(sandbox.changes()) == 1


def test_what_is_wrong_is_said(bob: Person, web: Server) -> None:
    for body, words in (
        ({"level": "delete"}, "Say why"),
        ({"reason": "Why."}, "Choose what the lock is against."),
        ({"level": "start", "reason": "Why."}, "Choose what the lock is against."),
        ({"level": "delete", "reason": "x" * 501}, "room for 500 characters"),
    ):
        answer = bob.post(LOCK, body)
        assert answer.status_code == 422
        assert words in answer.content.decode()
    assert not ServerLock.objects.exists()


def test_who_locked_first_stays(bob: Person, adam: Person, web: Server) -> None:
    bob.post(LOCK, CHANGES)
    answer = adam.post(LOCK, {"level": "delete", "reason": "Mine."})
    assert answer.status_code == 422
    assert "bob@example.com has locked it already" in answer.content.decode()


def test_a_lock_that_is_gone_is_said(adam: Person, web: Server) -> None:
    answer = adam.post(UNLOCK, {"reason": "Over."})
    assert answer.status_code == 422
    assert "no lock on this server any more" in answer.content.decode()


def test_a_release_needs_a_reason_and_the_higher_right(
    bob: Person, adam: Person, web: Server
) -> None:
    bob.post(LOCK, CHANGES)
    assert adam.post(UNLOCK).status_code == 422
    assert bob.post(UNLOCK, {"reason": "Over."}).status_code == 403
    assert ServerLock.objects.exists()


def test_it_requires_the_right(vera: Person, web: Server) -> None:
    assert vera.post(LOCK, CHANGES).status_code == 403


def test_it_hides_from_outsiders(charlie: Person, web: Server) -> None:
    for page in (LOCK, UNLOCK):
        assert charlie.post(page, CHANGES).status_code == 404
