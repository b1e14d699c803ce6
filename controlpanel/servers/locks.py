"""A lock per server, with who, when and why.

It binds every way in; `operations.checks.preconditions` asks it.
"""

from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.accounts import access
from controlpanel.audit.log.content import Said
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.servers import identity, labels, projections
from controlpanel.servers.models import Server, ServerLock


class LockRefused(Exception):
    """Nothing was changed; the message is a sentence for the person."""


def lock(scope: Scope, server: Server, level: str, reason: str) -> None:
    """`level`: "delete" or "changes". Raises LockRefused."""
    access.require(scope, "servers.lock", "")
    if level not in dict(ServerLock.LEVELS):
        raise LockRefused(_("Choose what the lock is against."))
    reason = clean(reason, 500)
    if not reason:
        raise LockRefused(_("Say why, for whoever stands before the lock later."))
    with transaction.atomic():
        Server.objects.select_for_update().get(id=server.id)
        held = ServerLock.binding(server.account, server.provider_id)
        if held and (held.level == level or level == "delete"):
            # A weaker lock in place of a stronger one is a release, and who locked first stays.
            raise LockRefused(
                _("%(person)s has locked it already, against that or more.")
                % {"person": held.by_name}
            )
        made, _new = ServerLock.objects.update_or_create(
            server=held.server if held else server,  # one lock, however many copies there are
            defaults={
                "level": level,
                "by_id": scope.actor.id,
                "by_name": scope.actor.name,
                "reason": reason,
                "at": clock.now(),
            },
        )
        said = [projections.of_lock(made)]
        _record(scope, "server.locked", server, reason, said, level=level)


def release(scope: Scope, server: Server, reason: str) -> None:
    """Needs the higher right. Raises LockRefused when there is no lock any more."""
    access.require(scope, "servers.unlock", "")
    with transaction.atomic():
        copies = identity.copies(server.account, server.provider_id).values("id")
        locked = ServerLock.objects.select_for_update().filter(server__in=copies)
        held = ServerLock.strictest(locked)
        if held is None:
            raise LockRefused(_("There is no lock on this server any more."))
        facts = {"level": held.level, "locked_by": held.by_name}
        said = [projections.no_lock(server)]
        _record(scope, "server.unlocked", server, reason, said, **facts)
        locked.delete()


def _record(
    scope: Scope, event: str, server: Server, reason: str, rows: list[Said], **data: str
) -> None:
    record_by(
        scope,
        event,
        Target("server", server.provider_id, str(server)),
        reason=reason,
        labels=labels.of(server),
        rows=rows,
        **data,
    )
