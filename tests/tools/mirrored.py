"""What the panel's first look at an account leaves in the database: done once a process, and then
written again, as of now, for each test that begins with the same account at the same provider."""

from copy import copy
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import DateTimeField

from controlpanel.accounts.models import Account
from controlpanel.credentials.models import Credential
from controlpanel.lib import clock
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import AccountSync, CatalogueItem, Server

_WRITTEN: Final = (AccountSync, CatalogueItem, Server)
_PROVIDERS: Final = {"created_at", "updated_at"}
_looks: Final[dict[str, tuple[datetime, list[Any]]]] = {}


def keep(account: Account, sandbox: Sandbox) -> None:
    """After a look at an account of which nothing was known before."""
    if sandbox.desk.faults.all():
        return
    rows = [row for model in _WRITTEN for row in model.objects.filter(account=account)]
    _looks[_begun_with(account, sandbox)] = (clock.now(), rows)


def write(account: Account, sandbox: Sandbox) -> bool:
    """False if nobody has looked at this yet, or a fault is set: then somebody has to look."""
    kept = _looks.get(_begun_with(account, sandbox))
    if kept is None or sandbox.desk.faults.all():
        return False
    at, rows = kept
    for model in _WRITTEN:
        written = [_as_of(clock.now() - at, row) for row in rows if isinstance(row, model)]
        for row in written:
            row.account = account
        model.objects.bulk_create(written)
    Credential.objects.filter(account=account, is_sync=True).update(
        last_used_at=clock.now(), last_result="ok"
    )
    return True


def _begun_with(account: Account, sandbox: Sandbox) -> str:
    return f"{account.name} {account.origin} {sandbox.world!r}"


def _as_of(since: timedelta, row: Any) -> Any:
    """A new row, with the times that the panel wrote moved on; the provider's stay."""
    row = copy(row)
    row._state = copy(row._state)
    row._state.adding = True
    row.pk = row._meta.pk.get_default()
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if isinstance(field, DateTimeField) and field.name not in _PROVIDERS and value:
            setattr(row, field.attname, value + since)
    return row
