"""Checkpoints sent to where a team wants them: out of the panel's reach, they show a rollback.

A team gets a checkpoint when its chain moved since the last one that arrived, and once a day as a
sign of life. What it gets proves its own chain and tells nothing of another's.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from allauth.account.adapter import get_adapter
from django.conf import settings
from django.db.models import Q

from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.models import Checkpoint, Delivery, SigningKey
from controlpanel.lib import clock, webhook
from controlpanel.outgoing import mail
from controlpanel.outgoing.channels import Refused, Unreachable

log = structlog.get_logger(__name__)

VERSION: Final = 1
WAYS: Final = ("webhook", "mail")
SIGN_OF_LIFE: Final = timedelta(days=1)
# How soon a row is looked at again when there was nothing to send, and when somebody took it and
# died before saying what came of it.
_SOON: Final = timedelta(seconds=30)
_LEASE: Final = timedelta(minutes=2)
_FIRST_RETRY: Final = timedelta(minutes=1)
_LAST_RETRY: Final = timedelta(hours=1)
# Of one run.
_ROWS: Final = 100
_SECONDS: Final = 25.0


def of(chain: str) -> dict[str, Delivery]:
    return {row.way: row for row in Delivery.objects.filter(chain=chain)}


def send_to(chain: str, team: str, way: str, address: str) -> None:
    """From now on; an empty address ends it. Call it in the transaction of the record of it."""
    Delivery.objects.filter(chain=chain, way=way).delete()
    if address:
        Delivery.objects.create(
            chain=chain, way=way, address=address, team=team, next_at=clock.now()
        )


def rename(chain: str, team: str) -> None:
    Delivery.objects.filter(chain=chain).update(team=team)


def end(chain: str) -> None:
    Delivery.objects.filter(chain=chain).delete()


def deliver_due() -> None:
    """Never in a transaction: it waits for others."""
    ends = time.monotonic() + _SECONDS
    point = checkpoints.latest()
    if point is None:
        return
    due = Delivery.objects.filter(next_at__lte=clock.now()).order_by("next_at")
    for row in due[:_ROWS]:
        if time.monotonic() >= ends:
            return
        if _taken(row):
            _deliver(row, point)


def _taken(row: Delivery) -> bool:
    """By this process alone."""
    lease = clock.now() + _LEASE
    mine = _same(row).filter(next_at=row.next_at).update(next_at=lease)
    return bool(mine)


def _deliver(row: Delivery, point: Checkpoint) -> None:
    found = checkpoints.chain_proof(row.chain, point.number)
    now = clock.now()
    if found is None or not _wanted(row, found[0].seq, now):
        _same(row).update(next_at=now + _SOON)
        return
    stood, proof = found
    trouble = _send(row, point, content(row, point, proof))
    if trouble:
        _note_failure(row, trouble)
        return
    _same(row).update(
        number=point.number,
        seq=stood.seq,
        delivered_at=clock.now(),
        next_at=clock.now() + _SOON,
        failures=0,
        failing_since=None,
        trouble="",
    )


def _wanted(row: Delivery, seq: int, now: datetime) -> bool:
    if row.delivered_at is None or seq != row.seq:
        return True
    return now - row.delivered_at >= SIGN_OF_LIFE


def content(row: Delivery, point: Checkpoint, proof: Mapping[str, Any]) -> bytes:
    """Described in `docs/audit-format.md`."""
    key = SigningKey.objects.get(key_id=point.key_id)
    return hashing.canonical(
        {
            "v": VERSION,
            "panel": settings.PANEL_PUBLIC_URL,
            "team": row.team,
            "chain": row.chain,
            "statement": point.statement,
            "signature": point.signature,
            "key": point.key_id,
            "public_key": key.public,
            "proof": proof,
        }
    ).encode()


def _send(row: Delivery, point: Checkpoint, body: bytes) -> str:
    """Why it did not arrive; empty if it did."""
    try:
        if row.way == "webhook":
            webhook.post(row.address, body, private=settings.PANEL_HOOK_PRIVATE)
        else:
            _mail(row, point, body)
    except webhook.HookFailed as failed:
        return f"{failed.code} {failed.status}" if failed.status else failed.code
    except (Refused, Unreachable) as trouble:
        log.warning("checkpoint.mail_not_sent", code=trouble.code)
        return "mail"
    return ""


def _mail(row: Delivery, point: Checkpoint, body: bytes) -> None:
    words = {
        "team": row.team,
        "number": point.number,
        "at": point.at,
        "statement": point.statement,
        "signature": point.signature,
        "key": point.key_id,
        "public": SigningKey.objects.get(key_id=point.key_id).public,
        "panel": settings.PANEL_PUBLIC_URL,
    }
    message = get_adapter().render_mail("audit/mail/checkpoint", row.address, words)
    message.attach(f"checkpoint-{point.number}.json", body, "application/json")
    # Past the queue: the row of the delivery is one, and of several checkpoints only the newest
    # is worth sending.
    mail.hand_over(message)


def _note_failure(row: Delivery, trouble: str) -> None:
    now = clock.now()
    wait = min(_FIRST_RETRY * 2 ** min(row.failures, 10), _LAST_RETRY)
    _same(row).update(
        failures=row.failures + 1,
        failing_since=row.failing_since or now,
        trouble=trouble[:40],
        next_at=now + wait,
    )
    log.warning("checkpoint.not_delivered", way=row.way, trouble=trouble, failures=row.failures + 1)


def _same(row: Delivery) -> Any:
    """The row, unless another address was named meanwhile."""
    return Delivery.objects.filter(Q(chain=row.chain, way=row.way, address=row.address))
