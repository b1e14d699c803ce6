"""Labels of a server: the panel's own, for finding servers and for saying whom they are for."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from controlpanel.accounts import access
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.lib.scope import Reach, Scope
from controlpanel.lib.text import clean
from controlpanel.servers import label_access, selectors
from controlpanel.servers.models import Server, ServerLabel

_Row = TypeVar("_Row", bound=Model)

MOST: Final = 20
# Enough to choose from; whoever has more finds them by typing.
MOST_KNOWN: Final = 500
_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}(:[a-z0-9][a-z0-9._-]{0,59})?")


class LabelRefused(Exception):
    """Nothing was changed; the message is a sentence about this field."""

    def __init__(self, sentence: str, field: str = "labels") -> None:
        super().__init__(sentence)
        self.field = field


def read(text: str, before: Collection[str] = ()) -> frozenset[str]:
    """Labels from what somebody typed, separated by spaces or commas. Raises LabelRefused.

    `before`: those that the server has. Joined from two accounts they may be too many; then some
    can be taken off, and none added."""
    labels = frozenset(word.lower() for word in re.split(r"[\s,]+", text) if word)
    for label in sorted(labels):
        if not _LABEL.fullmatch(label):
            raise LabelRefused(
                _(
                    "“%(label)s” is no label: write key or key:value, with letters, digits, "
                    "dots, _ and -."
                )
                % {"label": label[:80]}
            )
    if len(labels) > MOST and not labels <= frozenset(before):
        raise LabelRefused(_("A server has at most %(most)d labels.") % {"most": MOST})
    return labels


def of(server: Server) -> frozenset[str]:
    return frozenset(str(label) for label in server.labels.all())


def on(servers: Iterable[Server]) -> dict[UUID, list[str]]:
    """The labels of many servers, by their ids, in one query."""
    found: dict[UUID, list[str]] = {}
    rows = ServerLabel.objects.filter(server__in=[server.id for server in servers])
    for server_id, key, value in rows.values_list("server_id", "key", "value"):
        found.setdefault(server_id, []).append(f"{key}:{value}" if value else key)
    return found


def to_text(labels: Iterable[str]) -> str:
    """ "|env:prod|web|", for a column that `mentions` looks through. Empty for none."""
    listed = "|".join(sorted(labels))
    return f"|{listed}|" if listed else ""


def from_text(text: str) -> frozenset[str]:
    return frozenset(label for label in text.split("|") if label)


def mentions(column: str, wanted: Iterable[str]) -> Q:
    """Rows whose column, written by `to_text`, has one of the wanted labels."""
    found = Q(pk__in=[])
    for label in wanted:
        found |= Q(**{f"{column}__contains": f"|{label}|"})
        if ":" not in label:
            found |= Q(**{f"{column}__contains": f"|{label}:"})
    return found


def within(reach: Reach, rows: QuerySet[_Row]) -> QuerySet[_Row]:
    """What was asked for or happened at servers within reach: by the labels as of then, so that
    history stays. `rows` have a `provider_id`, and `labels` written by `to_text`."""
    for part in reach.parts:
        if part.kind == "labels":
            rows = rows.filter(mentions("labels", part.labels))
        else:
            rows = rows.filter(provider_id__in=part.servers)
    return rows


def known(scope: Scope) -> list[str]:
    """What there is within reach: each label, and each key that has several values."""
    # From the labels to their servers: the other way round reads every server of the team.
    theirs = selectors.visible(scope).filter(gone_at=None, id=OuterRef("server_id"))
    pairs = ServerLabel.objects.filter(Exists(theirs)).order_by().values_list("key", "value")
    found = {f"{key}:{value}" if value else key for key, value in pairs.distinct()[:MOST_KNOWN]}
    keys = Counter(label.partition(":")[0] for label in found)
    return sorted(found | {key for key, number in keys.items() if number > 1})


def missing(reach: Reach, labels: Collection[str]) -> frozenset[str] | None:
    """Of which labels something with these lacks one to be within reach, as far as labels decide
    it. None: it lacks nothing."""
    for part in reach.parts:
        if part.kind == "labels" and not any(part.covers(label) for label in labels):
            return part.labels
    return None


def put(scope: Scope, server: Server, labels: frozenset[str], reason: str = "") -> None:
    """The server's labels from now on. Raises LabelRefused, access.Denied.

    A reason is needed for what a policy names, and `label_access.RIGHT` for what decides who sees
    the server: whether it is added or taken off.
    """
    access.require(scope, "labels.edit", "")
    _refuse_losing_it(scope, labels)
    if label_access.deciding(scope.team_id, of(server) ^ labels):
        # Outside of the transaction, which would take the record of a refusal back with it.
        access.require(access.as_now(scope), label_access.RIGHT, "")
    with transaction.atomic():
        Server.objects.select_for_update().get(id=server.id)
        before = of(server)
        if before == labels:
            return
        guarded = _guarded(scope, before ^ labels, clean(reason, 500)) - labels
        effects = label_access.effects(scope.team_id, server.provider_id, before, labels)
        gains = sorted({one.person for one in effects if one.gains and one.person})
        replace(server, labels)
        told: dict[str, Any] = {"guarded": sorted(guarded)} if guarded else {}
        told |= {"gains": gains} if gains else {}
        record_by(
            scope,
            "server.labelled",
            Target("server", server.provider_id, str(server)),
            reason=clean(reason, 500),
            labels=before | labels,
            before=sorted(before),
            after=sorted(labels),
            **told,
        )


def _guarded(scope: Scope, changed: Collection[str], reason: str) -> frozenset[str]:
    """Those that a policy or anybody's reach names. Raises LabelRefused."""
    deciding = label_access.deciding(scope.team_id, changed)
    if deciding and not scope.allows(label_access.RIGHT):
        raise LabelRefused(label_access.refusal(deciding))
    asking = label_access.asking_for_a_reason(scope.team_id, changed)
    if asking and not reason:
        raise LabelRefused(
            _("Your team asks for a reason before these labels are added or taken off: %(labels)s.")
            % {"labels": ", ".join(sorted(asking))},
            field="reason",
        )
    return deciding | asking


def replace(server: Server, labels: Collection[str]) -> None:
    """Without a record: for a new server, whose create says its labels."""
    ServerLabel.objects.filter(server=server).delete()
    parts = [label.partition(":") for label in sorted(labels)]
    ServerLabel.objects.bulk_create(
        [ServerLabel(server=server, key=key, value=value) for key, _sign, value in parts]
    )


def _refuse_losing_it(scope: Scope, labels: Collection[str]) -> None:
    lacking = missing(scope.reach, labels)
    if lacking is not None:
        raise LabelRefused(
            _("One of your own labels must stay, or you would no longer see it: %(labels)s.")
            % {"labels": ", ".join(sorted(lacking))}
        )
