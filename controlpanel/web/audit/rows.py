"""How one audit event is shown: as a sentence with links, and opened to all that it holds."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts import permissions
from controlpanel.audit.events import sentences
from controlpanel.audit.log.content import requested_as
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.reading.query_language import KINDS
from controlpanel.audit.review import rules as review_rules
from controlpanel.lib.scope import Scope
from controlpanel.servers.selectors import visible
from controlpanel.web.audit.filters import address_of
from controlpanel.web.core.links import server_url

_FACTS: Final[Mapping[str, Promise]] = {
    "account": _l("Account"),
    "owner": _l("Whose token"),
    "fingerprint": _l("Fingerprint"),
    "sent_with": _l("Sent with the service token"),
    "name": _l("Name"),
    "previous": _l("Token before"),
    "permission": _l("Missing right"),
    "path": _l("Address asked for"),
    "role": _l("Role"),
    "phase": _l("Step"),
    "state": _l("State of the operation"),
    "note": _l("Note"),
    "kind": _l("Kind"),
    "keys": _l("Keys"),
    "since": _l("In force from"),
    "values": _l("What was sealed anew"),
    "count": _l("How many"),
    "format": _l("Format"),
    "query": _l("Filters in force"),
    "first": _l("Number of the first"),
    "last": _l("Number of the last"),
    "sha256": _l("SHA-256 of the file"),
    "replaced": _l("Replaced meanwhile"),
    "unreadable": _l("Could not be read"),
    "provider_status": _l("VPS.org’s status code"),
    "provider_words": _l("VPS.org’s words"),
    "code": _l("Kind of error"),
    "seen": _l("What VPS.org showed"),
    "fields": _l("What was changed"),
    "what": _l("What was done"),
    "seq": _l("Number of its event"),
    "why": _l("Why"),
    "seqs": _l("Numbers of the events"),
    "rules": _l("Why they waited"),
    "known": _l("Servers known"),
    "listed": _l("Servers in the list"),
}
_STEPS: Final[Mapping[str, Promise]] = {
    "intent": _l("asked for, before anything was sent"),
    "outcome": _l("what came of sending it"),
    "observed": _l("seen at VPS.org afterwards"),
    "reconciled": _l("looked for afterwards, since no clear answer came"),
    "confirmed": _l("confirmed by a person, from what VPS.org showed"),
}
# Shown elsewhere: as a table of their own, or as a link.
_APART: Final = {"before", "body", "operation"}
_FIELDS: Final[Mapping[str, Promise]] = {
    "name": _l("Name"),
    "colour": _l("Colour"),
    "hostname": _l("Hostname"),
    "backups_enabled": _l("Backups"),
    "plan_id": _l("Plan"),
    "os_id": _l("System"),
    "location": _l("Location"),
    "ssh_key_id": _l("SSH key"),
    "status": _l("Status"),
    "ip_address": _l("IPv4 address"),
    "ipv6_address": _l("IPv6 address"),
    "plan_name": _l("Name of the plan"),
    "os_name": _l("Name of the system"),
    "in_a_row": _l("How many refusals in a row"),
    "minutes": _l("Within so many minutes"),
    "night_from": _l("Night begins at"),
    "night_to": _l("Night ends at"),
    "time_zone": _l("The team's clock"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the sentence; an empty `url` is plain text."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    url: str = ""
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Row:
    """`is_there`: the server that it is about still has a page."""

    event: AuditEvent
    scope: Scope
    is_there: bool = False

    @property
    def parts(self) -> list[Part]:
        return [self._part(part) for part in sentences.parts(self.event)]

    @property
    def sentence(self) -> str:
        return sentences.sentence(self.event)

    @property
    def actor(self) -> str:
        return sentences.actor_name(self.event)

    @property
    def label(self) -> str:
        return sentences.label(self.event)

    @property
    def result(self) -> str:
        return sentences.result(self.event)

    @property
    def via(self) -> str:
        return sentences.via(self.event)

    @property
    def url(self) -> str:
        return reverse("audit-event", args=[self.scope.team_slug, self.event.seq])

    @property
    def server_url(self) -> str:
        return server_url(self.scope, self.event.target_id)

    @property
    def changes(self) -> list[Change]:
        """What an operation set, beside what was there before where that is known."""
        before, after = self._before, self._after
        names = [*after, *(name for name in before if name not in after)]
        return [
            Change(
                str(_FIELDS.get(name) or _rule(name)),
                _value(before[name]) if name in before else "",
                _value(after[name]) if name in after else "",
            )
            for name in names
        ]

    @property
    def has_before(self) -> bool:
        return bool(self._before)

    @property
    def has_after(self) -> bool:
        return bool(self._after)

    @property
    def facts(self) -> list[Fact]:
        return list(self._facts())

    @property
    def proof(self) -> list[Fact]:
        """What the chain says of it."""
        event = self.event
        number = str(event.target_seq) if event.target_seq else ""
        return [
            *(
                [Fact(_("Number in its target’s history"), number, self._timeline)]
                if number
                else []
            ),
            Fact(_("Number in the chain"), str(event.seq)),
            Fact(_("Hash"), event.hash, mono=True),
            Fact(_("Hash before"), event.prev_hash, mono=True),
            Fact(_("Key of the MAC"), event.mac_key_id, mono=True),
        ]

    def _facts(self) -> Iterator[Fact]:
        event = self.event
        if event.reason:
            yield Fact(_("Reason"), event.reason)
        for name, value in event.data.items():
            if name == "after" and isinstance(value, dict):
                continue  # a table of its own
            if name not in _APART and value not in (None, "", [], {}):
                yield Fact(str(_FACTS.get(name, name)), _fact_value(name, value))
        operation = self._operation_url()
        if operation:
            yield Fact(_("Operation"), _("Receipt"), operation)
        if event.actor_role:
            yield Fact(_("Role at the time"), _role(event.actor_role))
        if event.request_id:
            url = reverse("audit-request", args=[self.scope.team_slug, event.request_id])
            yield Fact(_("Request"), event.request_id, url, mono=True)
        if event.user_agent:
            yield Fact(_("Browser"), event.user_agent)

    @property
    def _before(self) -> dict[str, Any]:
        return _mapping(self.event.data.get("before"))

    @property
    def _after(self) -> dict[str, Any]:
        data = self.event.data
        return _mapping(data.get("body")) or _mapping(data.get("after"))

    def _asking(self, **values: str) -> str:
        return reverse("audit", args=[self.scope.team_slug]) + address_of(**values)

    def _part(self, part: sentences.Part) -> Part:
        if part.kind == "actor" and self.event.actor_id:
            return Part(part.text, self._asking(actor=self.event.actor_id))
        if part.kind == "target":
            return Part(part.text, self._target_url())
        return Part(part.text)

    def _target_url(self) -> str:
        """A server's page; for anything else, and one that has none any more, its timeline."""
        event = self.event
        if self.is_there:
            return self.server_url
        if event.event == "server.create" and event.target_id == requested_as(event.operation_id):
            return self._operation_url()  # it has no page of its own yet
        if event.target_kind == "operation":
            return self._operation_url()
        return self._timeline

    @property
    def _timeline(self) -> str:
        event = self.event
        if event.target_id and event.target_kind in KINDS:
            return self._asking(target=f"{event.target_kind}/{event.target_id}")
        return self._asking(target=event.target_name) if event.target_name else ""

    def _operation_url(self) -> str:
        try:
            operation = UUID(self.event.operation_id)
        except ValueError:
            return ""
        return reverse("operation", args=[self.scope.team_slug, operation])


def rows(scope: Scope, found: list[AuditEvent]) -> list[Row]:
    """Those of servers lead to the server's page where this person finds one there."""
    ids = {event.target_id for event in found if event.target_kind == "server"}
    there = set(visible(scope).filter(provider_id__in=ids).values_list("provider_id", flat=True))
    may_view = scope.allows("servers.view")
    return [
        Row(event, scope, may_view and event.target_kind == "server" and event.target_id in there)
        for event in found
    ]


def _fact_value(name: str, value: Any) -> str:
    if name == "permission" and value in permissions.PERMISSIONS:
        return str(permissions.PERMISSIONS[value])
    if name == "sent_with" and isinstance(value, dict):
        return _("“%(name)s” of %(owner)s (%(fingerprint)s)") % _Token(value)
    if name == "phase":
        return str(_STEPS.get(value, value))
    if name == "rules" and isinstance(value, list):
        return ", ".join(_rule(slug) for slug in value)
    return _role(value) if name == "role" else _value(value)


class _Token(dict[str, Any]):
    """An older or a newer panel may have written other parts of it."""

    def __missing__(self, key: str) -> str:
        return "–"


def _rule(slug: Any) -> str:
    known = review_rules.RULES.get(slug)
    return str(known.label) if known else str(slug)


def _role(slug: str) -> str:
    known = permissions.ROLES.get(slug)
    return str(known.label) if known else slug


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
