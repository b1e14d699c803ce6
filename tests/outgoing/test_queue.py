"""A message waits in its row: sealed, bound to the row, in the transaction of what it tells."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction

from controlpanel.keys import cipher, ring
from controlpanel.lib import clock
from controlpanel.outgoing import enqueue, queue, sealed_bodies
from controlpanel.outgoing.models import Outgoing

pytestmark = [pytest.mark.databases, pytest.mark.django_db]
BODY = "a link for nora@example.com"


def test_it_works() -> None:
    message_id = queue.put("mail", BODY)
    message = Outgoing.objects.get()
    assert (message.id, message.channel, message.attempts) == (message_id, "mail", 0)
    assert message.expires_at - message.created_at == timedelta(hours=24)
    assert sealed_bodies.open_body(message).reveal() == BODY


def test_nothing_stands_in_the_table_in_clear() -> None:
    queue.put("mail", BODY)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM outgoing")
        row = "|".join(map(str, cursor.fetchone()))
    assert "nora" not in row
    assert "link" not in row


def test_it_is_queued_only_with_what_it_tells() -> None:
    class Undone(Exception):
        pass

    def undo() -> None:
        with transaction.atomic():
            queue.put("mail", BODY)
            raise Undone

    with pytest.raises(Undone):
        undo()
    assert not Outgoing.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_told_after_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[bool] = []
    monkeypatch.setattr(queue, "_ring", lambda: rung.append(True))
    with transaction.atomic():
        queue.put("mail", BODY)
        assert not rung
    assert rung == [True]


def test_the_bell_carries_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[object, ...]] = []
    monkeypatch.undo()
    monkeypatch.setattr("controlpanel.outgoing.enqueue._silent_until", 0.0)
    monkeypatch.setattr(
        "celery.app.base.Celery.send_task",
        lambda _app, name, args, **_options: sent.append((name, *args)),
    )
    enqueue.enqueue("outgoing.tasks.send_due")
    assert sent == [("controlpanel.outgoing.tasks.send_due",)]


def _other_row(message: Outgoing) -> None:
    Outgoing.objects.filter(id=message.id).update(id=uuid4())


def _other_channel(message: Outgoing) -> None:
    Outgoing.objects.filter(id=message.id).update(channel="webhook")


def _longer(message: Outgoing) -> None:
    expires_at = message.expires_at + timedelta(days=1)
    Outgoing.objects.filter(id=message.id).update(expires_at=expires_at)


def _other_body(_message: Outgoing) -> None:
    queue.put("mail", "another")
    first, second = Outgoing.objects.order_by("created_at")
    Outgoing.objects.filter(id=second.id).delete()
    Outgoing.objects.filter(id=first.id).update(body=second.body)


def _cut(message: Outgoing) -> None:
    Outgoing.objects.filter(id=message.id).update(body=message.body[:-4])


def _in_clear(message: Outgoing) -> None:
    Outgoing.objects.filter(id=message.id).update(body='{"to": ["eve@example.com"]}')


@pytest.mark.parametrize(
    "change", [_other_row, _other_channel, _longer, _other_body, _cut, _in_clear]
)
def test_a_body_opens_in_its_row_alone(change: object) -> None:
    queue.put("mail", BODY)
    change(Outgoing.objects.get())  # type: ignore[operator]
    with pytest.raises(cipher.Unreadable):
        sealed_bodies.open_body(Outgoing.objects.get())


def test_nothing_is_queued_without_a_key(own_ring: ring.KeyRing, ring_file: object) -> None:
    ring_file.unlink()  # type: ignore[attr-defined]
    with pytest.raises(ring.KeysNotReady):
        queue.put("mail", BODY)


def test_it_may_expire_sooner() -> None:
    queue.put("mail", BODY, clock.now() + timedelta(minutes=30))
    message = Outgoing.objects.get()
    assert message.expires_at - message.created_at < timedelta(minutes=31)
