"""Workers send what waits: each message by one of them, again and again until it has expired."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from structlog.testing import capture_logs

from controlpanel.keys import cipher, readiness, rotation
from controlpanel.keys.ring import KeyRing
from controlpanel.lib import clock
from controlpanel.outgoing import channels, queue, sealed_bodies, sender
from controlpanel.outgoing.channels import Channel, Refused, Unreachable
from controlpanel.outgoing.models import Outgoing

pytestmark = [pytest.mark.databases, pytest.mark.django_db]
SECRET = "canary-3141"


class Other:
    """A channel of a test's own."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.trouble: Exception | None = None

    def deliver(self, body: str) -> None:
        if self.trouble:
            raise self.trouble
        self.got.append(body)


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[Other]:
    found = Other()
    monkeypatch.setitem(channels._channels, "other", Channel("other", found.deliver))
    return found  # type: ignore[return-value]


def due_in() -> list[float]:
    """Seconds until each is tried next, whole."""
    now = clock.now()
    found = Outgoing.objects.order_by("next_at").values_list("next_at", flat=True)
    return [round((one - now).total_seconds()) for one in found]


def test_it_works(other: Other) -> None:
    for body in ("one", "two", "three"):
        queue.put("other", body)
    assert sender.send_due() == 3
    assert other.got == ["one", "two", "three"]
    assert not Outgoing.objects.exists()


def test_it_is_rung_again_and_again(settings: object) -> None:
    periodic = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}  # type: ignore[attr-defined]
    assert "controlpanel.outgoing.tasks.send_due" in periodic


def test_what_fails_is_tried_again_and_less_often(other: Other) -> None:
    queue.put("other", "one", clock.now() + timedelta(days=2))
    other.trouble = Refused("busy", for_good=False)
    waits = []
    for _try in range(9):
        assert sender.send_due() == 0
        waits += due_in()
        clock.shift(timedelta(seconds=waits[-1] + 1))
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    other.trouble = None
    assert sender.send_due() == 1


def test_what_is_refused_for_good_is_given_up_soon(other: Other) -> None:
    queue.put("other", "one")
    other.trouble = Refused("recipient", for_good=True)
    for left in (1, 1, 0):
        sender.send_due()
        assert Outgoing.objects.count() == left
        clock.shift(timedelta(minutes=10))


def test_one_that_is_refused_does_not_hold_up_others(other: Other) -> None:
    queue.put("unheard-of", "one")
    queue.put("other", "two")
    assert sender.send_due() == 1
    assert other.got == ["two"]
    assert Outgoing.objects.get().channel == "unheard-of"


def test_a_silent_server_is_asked_once_and_not_for_each(other: Other) -> None:
    asked = []

    def deliver(body: str) -> None:
        asked.append(body)
        raise Unreachable("timeout")

    channels.register(Channel("other", deliver))
    for body in ("one", "two", "three"):
        queue.put("other", body)
    sender.send_due()
    assert asked == ["one"]
    assert due_in() == [30, 30, 30]
    channels.register(Channel("other", other.deliver))
    clock.shift(timedelta(seconds=31))
    assert sender.send_due() == 3


def test_one_channel_that_is_silent_does_not_hold_up_another(other: Other) -> None:
    channels.register(Channel("silent", Other().deliver))
    silent = Other()
    silent.trouble = Unreachable("timeout")
    channels.register(Channel("silent", silent.deliver))
    queue.put("silent", "one")
    queue.put("other", "two")
    assert sender.send_due() == 1
    assert other.got == ["two"]


def test_what_has_expired_is_deleted_and_not_sent(other: Other) -> None:
    queue.put("other", "one", clock.now() + timedelta(minutes=30))
    clock.shift(timedelta(minutes=30))
    assert sender.send_due() == 0
    assert other.got == []
    assert not Outgoing.objects.exists()


def test_what_cannot_be_opened_is_never_sent(other: Other) -> None:
    queue.put("other", "one")
    message = Outgoing.objects.get()
    later = message.expires_at + timedelta(days=1)
    Outgoing.objects.update(expires_at=later)
    assert sender.send_due() == 0
    assert other.got == []


def test_a_worker_that_died_is_taken_over_from_later(other: Other) -> None:
    """At least once: whether the other side took it before that, nobody knows."""
    queue.put("other", "one")

    class Died(BaseException):
        pass

    other.trouble = Died()  # type: ignore[assignment]
    with pytest.raises(Died):
        sender.send_due()
    other.trouble = None
    assert sender.send_due() == 0
    clock.shift(sender._LEASE)
    assert sender.send_due() == 1


@pytest.mark.parametrize(
    "trouble",
    [
        Refused("busy", for_good=False),
        Refused("recipient", for_good=True),
        Unreachable("timeout"),
        ValueError(SECRET),
        UnicodeError(SECRET),
    ],
)
def test_logs_hold_nothing_of_it(other: Other, trouble: Exception) -> None:
    queue.put("other", SECRET)
    other.trouble = trouble
    with capture_logs() as lines:
        sender.send_due()
        clock.shift(timedelta(days=1))
        sender.send_due()
    assert len(lines) == 2
    assert SECRET not in str(lines)


@pytest.mark.django_db(transaction=True)
def test_of_workers_at_once_one_sends_each(other: Other, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of several processes: the lock of one process does not count."""

    class NoLock:
        def acquire(self, *, blocking: bool) -> bool:
            return not blocking

        def release(self) -> None:
            pass

    monkeypatch.setattr(sender, "_sending", NoLock())
    for number in range(20):
        queue.put("other", str(number))
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        try:
            sender.send_due()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(other.got, key=int) == [str(number) for number in range(20)]
    assert not Outgoing.objects.exists()


def test_one_thread_of_a_process_waits_at_most(other: Other) -> None:
    queue.put("other", "one")
    with sender._sending:
        assert sender.send_due() == 0
    assert sender.send_due() == 1


def test_waiting_messages_are_sealed_again(own_ring: KeyRing, other: Other) -> None:
    readiness.refuse_unless_ready()
    queue.put("other", "one")
    key = rotation.add("outgoing")
    rotation.promote(key.id, timedelta(seconds=5))
    clock.shift(timedelta(seconds=5))
    queue.put("other", "two")
    with pytest.raises(rotation.NotNow, match=r"1 \(outgoing messages\)"):
        rotation.retire("outgoing-1")
    done = {one.holder: one.done for one in rotation.rewrap()}
    assert done["outgoing messages"] == 1
    bodies = Outgoing.objects.values_list("body", flat=True)
    assert {cipher.key_id(body) for body in bodies} == {"outgoing-2"}
    clock.shift(rotation.SETTLED)
    rotation.retire("outgoing-1")
    assert sender.send_due() == 2


def test_a_start_without_the_key_of_a_waiting_message_is_refused(
    own_ring: KeyRing, other: Other
) -> None:
    readiness.refuse_unless_ready()
    queue.put("other", "one")
    assert set(sealed_bodies.needed()) == {"outgoing-1"}
