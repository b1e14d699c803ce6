"""Large exports of the audit log: asked for on a page, prepared by a worker, taken within a day.

The row is the queue. Each start writes a file of its own, and only a whole one is offered.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from controlpanel.accounts import access
from controlpanel.accounts.models import User
from controlpanel.audit.checkpoints import checkpoint_file, checkpoints
from controlpanel.audit.export import bundle, exports
from controlpanel.audit.export.exports import Taken, Wish
from controlpanel.audit.models import Export
from controlpanel.lib import clock
from controlpanel.lib.scope import Reach, Scope

log = structlog.get_logger(__name__)

RIGHT: Final = "audit.export"
KEPT: Final = timedelta(hours=24)
# An export that has ended is listed for so long.
LISTED: Final = timedelta(days=7)
# A worker says more often than this that it still works.
CLAIM: Final = timedelta(minutes=1)
ATTEMPTS: Final = 3
# Of one person in one team, not yet ended.
AT_ONCE: Final = 3
_OPEN: Final = ("waiting", "working")


class NotAsked(Exception):
    """Nothing was begun; the message is a sentence that says why."""


class NotGiven(Exception):
    """There is no such file for this person any more; the message is a sentence that says why."""


class _Lost(Exception):
    """Another worker has taken over."""


@dataclass(frozen=True, slots=True)
class Given:
    name: str
    file: IO[bytes]


@transaction.atomic
def ask(scope: Scope, wish: Wish) -> Export:
    """The same that is under way already is not begun twice."""
    assert scope.user_id is not None
    # One at a time for each person: two clicks are two requests.
    User.objects.select_for_update(no_key=True).get(id=scope.user_id)
    under_way = own(scope).filter(state__in=_OPEN)
    same = under_way.filter(form=wish.form, query=wish.query).first()
    if same:
        return same
    if under_way.count() >= AT_ONCE:
        raise NotAsked(_("Three of your exports are being prepared. Wait until one is ready."))
    return Export.objects.create(
        team_id=scope.team_id,
        user_id=scope.user_id,
        form=wish.form,
        asked=_packed(wish.asked),
        query=wish.query,
        asked_at=clock.now(),
    )


def own(scope: Scope) -> QuerySet[Export]:
    """The person's own in this team, newest first: nobody else's exist for them."""
    assert scope.user_id is not None
    mine = Export.objects.filter(team_id=scope.team_id, user_id=scope.user_id)
    return mine.order_by("-asked_at")


def give(scope: Scope, export: Export) -> Given:
    """Opens the file, once it is on record that this person takes it. NotGiven."""
    if export.state != "ready" or export.expires_at is None or export.expires_at <= clock.now():
        raise NotGiven(_("This file is not there any more. Let it be prepared again."))
    if not (scope.reach.is_all or export.reach == _reach(scope.reach)):
        raise NotGiven(
            _("What you may see has changed since this file was made. Let it be prepared again.")
        )
    try:
        file = _path(export).open("rb")
    except OSError:
        raise NotGiven(
            _("This file is not on this machine's disk any more. Let it be prepared again.")
        ) from None
    try:
        _refuse_unless_unchanged(file, export)
        taken = Taken(export.count, export.first, export.last, export.sha256)
        exports.record(scope, _wish(export), taken)
    except BaseException:
        file.close()
        raise
    return Given(exports.file_name(scope, export.form), file)


def work() -> None:
    """One after the other, and only one worker at a time: following servers must not wait."""
    tidy()
    for _round in range(AT_ONCE):
        export = _claimed()
        if export is None:
            return
        _prepare(export)


def tidy() -> None:
    """Files go when their time is over, or their person may not take them any more."""
    now = clock.now()
    for export in Export.objects.filter(state="ready"):
        over = export.expires_at is None or export.expires_at <= now
        if over or access.scope_at_work(export.user_id, export.team_id, RIGHT) is None:
            Export.objects.filter(id=export.id, state="ready").update(state="expired")
    Export.objects.exclude(state__in=(*_OPEN, "ready")).filter(asked_at__lt=now - LISTED).delete()
    _remove_strangers()


def folder() -> Path:
    return Path(settings.PANEL_VAR) / "exports"


def _claimed() -> Export | None:
    now = clock.now()
    if Export.objects.filter(state="working", claimed_until__gte=now).exists():
        return None
    due = Export.objects.filter(Q(state="waiting") | Q(state="working", claimed_until__lt=now))
    for export in due.order_by("asked_at"):
        if export.form == "bundle" and not _can_be_proven(export):
            continue
        mine = due.filter(id=export.id, attempt=export.attempt).update(
            state="working", attempt=F("attempt") + 1, claimed_until=now + CLAIM, percent=0
        )
        if mine:
            export.refresh_from_db()
            return export
    return None


def _can_be_proven(export: Export) -> bool:
    """There is a checkpoint since it was asked for, or one may be made now."""
    covered = checkpoints.first_since(export.asked_at) is not None
    return covered or not checkpoints.is_too_soon()


def _prepare(export: Export) -> None:
    path = _path(export)
    part = path.with_name(f"{path.name}.part")
    try:
        if export.attempt > ATTEMPTS:
            _fail(export, _("It was interrupted too often. Let it be prepared again."))
            return
        scope = access.scope_at_work(export.user_id, export.team_id, RIGHT)
        if scope is None:
            _fail(export, _("The right to export was withdrawn before it was prepared."))
            return
        taken = _written(part, scope, export)
        part.replace(path)
        _finish(export, scope, taken, path.stat().st_size)
    except _Lost:
        log.warning("export.lost", export=str(export.id))
    except bundle.TooSoon:  # another one was quicker
        _move(export, state="waiting", claimed_until=None)
    except (bundle.NoBundle, checkpoint_file.RolledBack) as error:
        _fail(export, str(error))
    except Exception:
        log.exception("export.failed", export=str(export.id), attempt=export.attempt)
        _move(export, state="waiting", claimed_until=None)
    finally:
        part.unlink(missing_ok=True)


def _written(part: Path, scope: Scope, export: Export) -> Taken:
    part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        taken = exports.write(file, scope, _wish(export), _teller(export))
        file.flush()
        os.fsync(file.fileno())
    return taken


def _teller(export: Export) -> Callable[[float], None]:
    def told(share: float) -> None:
        if not _move(export, percent=int(share * 100), claimed_until=clock.now() + CLAIM):
            raise _Lost

    return told


def _finish(export: Export, scope: Scope, taken: Taken, size: int) -> None:
    ready = _move(
        export,
        state="ready",
        percent=100,
        claimed_until=None,
        reach=_reach(scope.reach),
        count=taken.count,
        first=taken.first,
        last=taken.last,
        sha256=taken.sha256,
        bytes=size,
        expires_at=clock.now() + KEPT,
    )
    if not ready:
        raise _Lost


def _fail(export: Export, problem: str) -> None:
    _move(export, state="failed", problem=problem, claimed_until=None)


def _move(export: Export, **fields: Any) -> bool:
    """False if somebody else has begun it again."""
    mine = Export.objects.filter(id=export.id, attempt=export.attempt, state="working")
    return mine.update(**fields) == 1


def _remove_strangers() -> None:
    """What belongs to no row, or to an attempt that is over."""
    if not folder().is_dir():
        return
    # Looked at first: whoever claims a row does so before making its file.
    there = list(folder().iterdir())
    live = Export.objects.filter(state__in=("working", "ready"))
    known = {_path(export).name for export in live}
    for path in there:
        if path.name.removesuffix(".part") not in known:
            path.unlink(missing_ok=True)


def _path(export: Export) -> Path:
    return folder() / f"{export.id}.{export.attempt}"


def _refuse_unless_unchanged(file: IO[bytes], export: Export) -> None:
    digest = sha256()
    for part in iter(lambda: file.read(1 << 16), b""):
        digest.update(part)
    file.seek(0)
    if digest.hexdigest() != export.sha256:
        raise NotGiven(_("This file was changed on the panel's disk. Let it be prepared again."))


def _wish(export: Export) -> Wish:
    return Wish(export.form, _unpacked(export.asked), export.query, export.asked_at)


def _reach(reach: Reach) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": reach.kind, "labels": sorted(reach.labels), "servers": sorted(reach.servers),
    }  # fmt: skip
    return found | {"also": _reach(reach.also)} if reach.also else found


def _packed(asked: Any) -> Any:
    """As JSON; a time is an object of its own."""
    if isinstance(asked, datetime):
        return {"$time": asked.isoformat()}
    if isinstance(asked, Mapping):
        return {str(name): _packed(value) for name, value in asked.items()}
    if isinstance(asked, list | tuple | set | frozenset):
        return [_packed(value) for value in asked]
    if isinstance(asked, UUID):
        return str(asked)
    if asked is None or isinstance(asked, bool | int | float | str):
        return asked
    raise TypeError(f"{type(asked).__name__} does not go into a row")


def _unpacked(packed: Any) -> Any:
    if isinstance(packed, dict):
        if packed.keys() == {"$time"}:
            return datetime.fromisoformat(packed["$time"])
        return {name: _unpacked(value) for name, value in packed.items()}
    return [_unpacked(value) for value in packed] if isinstance(packed, list) else packed
