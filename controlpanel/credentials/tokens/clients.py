"""The only place that opens an API token and builds a client with it."""

import math
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction

from controlpanel.accounts.models import Account, User
from controlpanel.accounts.selectors import is_connected
from controlpanel.audit.log.recorder import AuditUnavailable, Target, record
from controlpanel.credentials.models import Credential
from controlpanel.credentials.tokens import selectors
from controlpanel.keys import cipher
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin
from controlpanel.lib.secret import Secret
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.connections import connections
from controlpanel.vpsorg.errors import ApiError, NeverSent

log = structlog.get_logger(__name__)

PURPOSE = "credential"
# A page waits this long for the provider, in all its calls; a worker may wait longer.
PAGE_SECONDS = 8.0
WORKER_SECONDS = 15.0
_ASKING_TO_WAIT = frozenset({429, 503})


class NoClient(Exception):
    """No call can be made for this account.

    `code`: "no_token", "no_sync_token", "token_unreadable" or "disconnected".
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Busy(Exception):
    """Three of four threads of this process already wait for the provider."""


# A queue rather than a semaphore of threading, whose waiting is written in Python.
_slots: Final[queue.SimpleQueue[None]] = queue.SimpleQueue()
for _ in range(max(1, settings.PANEL_WEB_THREADS * 3 // 4)):
    _slots.put(None)


@contextmanager
def page_slot(wait: float = 0.0) -> Iterator[None]:
    """A place in which a request may wait for the provider; raises Busy when none is free, or
    becomes free in `wait` seconds."""
    try:
        _slots.get(block=wait > 0, timeout=wait)
    except queue.Empty:
        raise Busy from None
    try:
        yield
    finally:
        _slots.put(None)


@contextmanager
def persons_client(
    user_id: UUID,
    account: Account,
    seconds: float,
    lent: Callable[[Credential], object] | None = None,
) -> Iterator[Client]:
    """Client with this person's own token: for what they change. Raises NoClient.

    Without one it is the account's service token, where policy lets it be used at this moment:
    then `lent` hears of it before anything is sent. `seconds` bounds all its calls together.
    """
    credential = selectors.for_changes(account.team_id, user_id).get(account.id)
    with _opened(credential, account, "no_token", seconds) as client:
        if credential and credential.user_id != user_id and lent:
            lent(credential)
        yield client


@contextmanager
def sync_client(
    account: Account, seconds: float, credential: Credential | None = None
) -> Iterator[Client]:
    """Client with the account's sync token: for every read, whoever looks. Raises NoClient.

    `credential`: that token, where it was read in this very request."""
    if credential is None:
        credential = Credential.objects.filter(account=account, is_sync=True).first()
    with _opened(credential, account, "no_sync_token", seconds) as client:
        yield client


def forget_connections(credential: Credential) -> None:
    """Once its token is another, or it is no more: this process closes what it keeps open with it
    when the transaction commits. Others do when they next use it, or 20 s after they last did."""
    forgotten = str(credential.id)
    transaction.on_commit(lambda: connections().forget(forgotten))


def new_client(token: Secret, seconds: float) -> Client:
    """Client with a token that somebody has just typed, to check it before it is kept."""
    return Client(settings.VPSORG_API_ORIGIN, token, together=seconds)


def binding(credential: Credential, account: Account) -> dict[str, str]:
    """What a sealed token is bound to: a moved row or a changed address makes it unreadable."""
    return {
        "credential": str(credential.id),
        "user": str(credential.user_id),
        "team": str(account.team_id),
        "origin": account.origin,
    }


@contextmanager
def _opened(
    credential: Credential | None, account: Account, missing: str, seconds: float
) -> Iterator[Client]:
    if not is_connected(account):
        raise NoClient("disconnected")
    if credential is None:
        raise NoClient(missing)
    try:
        token = cipher.open_sealed(PURPOSE, credential.sealed, binding(credential, account))
    except cipher.Unreadable:
        raise NoClient("token_unreadable") from None
    left = seconds_left(account)
    if left:
        raise NeverSent("asked_to_wait", retry_after=left)
    try:
        yield Client(account.origin, token, together=seconds, credential=str(credential.id))
    except ApiError as error:
        _note(credential, account, error.code)
        if error.retry_after and error.status in _ASKING_TO_WAIT:
            _keep_wait(account, error.retry_after)
        raise
    _note(credential, account, "ok")


def seconds_left(account: Account) -> int:
    """Of the time for which VPS.org asked to be left alone for this account; 0 when it is over."""
    if account.wait_until is None:
        return 0
    return max(0, math.ceil((account.wait_until - clock.now()).total_seconds()))


def _keep_wait(account: Account, seconds: int) -> None:
    """For everybody who asks for this account: reads, changes and workers."""
    until = clock.now() + timedelta(seconds=seconds)
    try:
        Account.objects.filter(id=account.id).update(wait_until=until)
    except (DatabaseError, InterfaceError):
        log.exception("account.wait_not_kept", account=str(account.id))


def _note(credential: Credential, account: Account, result: str) -> None:
    """Last use and result, written once a minute at most unless the result changed."""
    now = clock.now()
    last = credential.last_used_at
    if credential.last_result == result and last and now - last < timedelta(minutes=1):
        return
    # A token that replaced this one meanwhile must not get its result.
    unchanged = Credential.objects.filter(
        id=credential.id,
        fingerprint=credential.fingerprint,
        last_result=credential.last_result,
    )
    try:
        with transaction.atomic():
            written = unchanged.update(last_used_at=now, last_result=result)
            if written and result == "unauthorized":
                _record_refused(credential, account)
    except (DatabaseError, InterfaceError, AuditUnavailable):
        # The call itself is over: what it did must reach its caller, not this.
        log.exception("credential.note_failed", credential=str(credential.id))


def _record_refused(credential: Credential, account: Account) -> None:
    # Not through the credential, which requests share: it would keep the person as they are now.
    owner = User.objects.get(id=credential.user_id)
    record(
        "token.refused",
        chain=str(account.team_id),
        actor=Actor(kind="worker", id="worker", name="worker"),
        origin=Origin(via="worker", request_id=request_id.current()),
        target=Target("credential", str(credential.id), credential.fingerprint),
        result="failure",
        data={"account": account.name, "owner": owner.email},
    )
