"""Ways in which nothing can be recorded, each as the database or the machine would do it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import override_settings

from controlpanel.audit.log import triggers
from controlpanel.audit.models import ChainHead
from tests.audit.writing import change, triggers_aside
from tests.tools.breaking import broken_audit

Way = Callable[[str], AbstractContextManager[None]]


@contextmanager
def refused(_chain: str) -> Iterator[None]:
    with broken_audit():
        yield


@contextmanager
def read_only(_chain: str) -> Iterator[None]:
    """Not one table takes anything; in tests with real transactions."""
    if connection.vendor == "sqlite":
        change("PRAGMA query_only = ON")
    else:
        change("SET default_transaction_read_only = on")
    try:
        yield
    finally:
        if connection.vendor == "sqlite":
            change("PRAGMA query_only = OFF")
        else:
            change("SET default_transaction_read_only = off")


@contextmanager
def without_keys(_chain: str) -> Iterator[None]:
    with override_settings(PANEL_KEYS_FILE=Path("/nonexistent/keys.json")):
        yield


@contextmanager
def changed_head(chain: str) -> Iterator[None]:
    """As the database's owner can do it, who has not the key."""
    with _as_owner():
        before = ChainHead.objects.filter(chain=chain).values("mac").get()
        _edit_head(chain, mac="0" * 64)
    try:
        yield
    finally:
        with _as_owner():
            _edit_head(chain, **before)


@contextmanager
def head_put_back(chain: str) -> Iterator[None]:
    """To an older state, which its MAC fits."""
    from controlpanel.audit import hashing
    from controlpanel.audit.log.append import PURPOSE
    from controlpanel.keys import macs

    columns = ("seq", "hash", "mac_key_id", "mac")
    before = ChainHead.objects.filter(chain=chain).values(*columns).get()
    old = ChainHead(chain=chain, seq=0, hash=hashing.GENESIS)
    old.mac_key_id, old.mac = macs.mac(PURPOSE, hashing.head_message(chain, 0, hashing.GENESIS))
    with _as_owner():
        _edit_head(chain, **{name: getattr(old, name) for name in columns})
    try:
        yield
    finally:
        with _as_owner():
            _edit_head(chain, **before)


def _edit_head(chain: str, **columns: Any) -> None:
    setting = ", ".join(f"{name} = %s" for name in columns)
    change(
        f"UPDATE audit_chainhead SET {setting} WHERE chain = %s",  # noqa: S608
        *columns.values(),
        chain,
    )


@contextmanager
def _as_owner() -> Iterator[None]:
    triggers_aside()
    yield
    triggers.make()
