"""Processes tell each other through Redis that the panel is read-only; others may write there."""

import json
from datetime import timedelta

import pytest
import redis
from django.core import signing
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from controlpanel.accounts.models import Account
from controlpanel.audit.log import read_only, read_only_state
from controlpanel.lib import clock
from tests.faults.changes import BASE, REBOOT, post
from tests.people import Person
from tests.tools import unwritable
from tests.tools.valkey import ValkeyServer
from tests.web.profile.ways import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def write_something(person: Person) -> None:
    """So that the team has a chain whose head can be changed."""
    person.post(f"{BASE}/roles/new/", {"name": "x", "permissions": "servers.view"})


NOW = "2026-01-01T00:00:00+00:00"
MESSAGES = [
    {"state": "open", "at": "2999-01-01T00:00:00+00:00", "by": "person"},
    {"state": "open", "at": NOW},
    {"state": "closed", "at": NOW, "why": "changed", "chain": "x"},
    {"state": "closed", "at": NOW, "why": "locked", "chain": ""},
    {"state": "closed"},
    {"at": "yesterday"},
    {},
]
FORGED = [
    *MESSAGES,
    *(json.dumps(message) for message in MESSAGES),
    *(signing.dumps(message) for message in MESSAGES),
    *(
        signing.dumps(m, salt="controlpanel.audit.log.read_only_state", key="guessed")
        for m in MESSAGES[:2]
    ),
    *("", ":", "a:b:c", "\u0000", 0, 1, 10**30, -1.5, True, [], [1], ["open", NOW]),
]


def test_what_others_write_in_the_cache_opens_nothing_and_closes_nothing(
    fleet: Account, alice: Person
) -> None:
    for forged in FORGED:
        cache.set("audit-closure", forged)
        assert read_only.closed() is None, forged
    read_only_state.close(read_only_state.CHANGED, fleet.team.chain)
    found = read_only.closed()
    for forged in FORGED:
        cache.set("audit-closure", forged)
        assert read_only.closed() == found, forged
    assert alice.get(f"{BASE}/servers/").status_code == 200


UNREADABLE = [
    b"", b"\xff\xfe", b"{", b"[" * 100_000, b"nothing", b'"', b"9" * 5000, b"\x80\x04.",
    b"{'a': 1}", b"\x00", b"]", b"tru",
]  # fmt: skip


def test_what_cannot_be_read_in_redis_is_not_there(
    valkey: ValkeyServer, fleet: Account, alice: Person, nobody: Client
) -> None:
    sign_in(nobody, alice, "wrong-horse-9")  # so that there are limits as well
    alice.sign_in()
    assert alice.get(f"{BASE}/servers/").status_code == 200
    read_only_state.close("locked")
    read_only_state.forget()
    with redis.Redis.from_url(valkey.url) as client:
        names = client.keys()
        assert any(b"allauth:rl:" in name for name in names)
        assert any(b"audit-closure" in name for name in names)
        for written in UNREADABLE:
            for name in names:
                client.set(name, written)
            assert read_only.closed() is None, written
            assert alice.get(f"{BASE}/servers/").status_code == 200, written
            assert sign_in(nobody, alice, "wrong-horse-9").status_code in {200, 429}, written


def test_a_message_from_before_it_was_opened_is_put_right_by_the_log(
    fleet: Account, alice: Person
) -> None:
    write_something(alice)
    with unwritable.changed_head(fleet.team.chain):
        post(alice, REBOOT)
        assert read_only.closed()
        told_then = cache.get("audit-closure")
    call_command("reopen", reason="Seen to.")
    read_only_state.forget()
    cache.set("audit-closure", told_then)
    assert read_only.closed() is None


def test_that_a_person_opened_it_is_read_in_the_log_alone(fleet: Account, alice: Person) -> None:
    write_something(alice)
    with unwritable.changed_head(fleet.team.chain):
        post(alice, REBOOT)
        assert read_only.closed()
    own = read_only_state._Own.closed
    read_only_state.open_again(clock.now() + timedelta(days=1))  # as if another process had said so
    read_only_state._Own.closed = own
    assert read_only.closed() == own
    call_command("reopen", reason="Seen to.")
    read_only_state._Own.closed = own
    cache.clear()
    assert read_only.closed() is None


def test_one_that_was_never_told_finds_in_the_log_that_it_is_closed(
    fleet: Account, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_something(alice)
    with unwritable.changed_head(fleet.team.chain):
        post(alice, REBOOT)
        assert read_only.closed()
    read_only_state.forget()
    cache.clear()
    monkeypatch.setattr(read_only_state, "READ_EVERY", 0.0)
    found = read_only.closed()
    assert found is not None
    assert found.why == read_only_state.CHANGED
