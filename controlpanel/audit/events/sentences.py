"""An event as a sentence, whole or in parts whose actor and target a template can link."""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from django.utils.translation import gettext as _

from controlpanel.audit.events import registry
from controlpanel.audit.models import AuditEvent

_PLACE: Final = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Part:
    kind: Literal["text", "actor", "target"]
    text: str


def sentence(event: AuditEvent) -> str:
    return "".join(part.text for part in parts(event))


def parts(event: AuditEvent) -> list[Part]:
    found: list[Part] = []
    for place, text in enumerate(_PLACE.split(_template(event))):
        if place % 2 == 0:
            if text:
                found.append(Part("text", text))
        elif text == "actor":
            found.append(Part("actor", actor_name(event)))
        elif text == "target":
            found.append(Part("target", target_name(event)))
        else:
            found.append(Part("text", _shown(event.data.get(text))))
    return found


def actor_name(event: AuditEvent) -> str:
    if event.actor_kind == "worker":
        return _("The panel")
    if event.actor_kind == "command":
        return _("Somebody on the command line")
    return event.actor_name or _("Somebody")


def target_name(event: AuditEvent) -> str:
    return event.target_name or event.target_id or _("something without a name")


def label(event: AuditEvent) -> str:
    known = registry.EVENTS.get(event.event)
    return str(known.label) if known else event.event


def result(event: AuditEvent) -> str:
    """Word of the chip."""
    return str(registry.RESULTS.get(event.result, event.result))


def via(event: AuditEvent) -> str:
    if event.key:
        return _("key “%(name)s”") % {"name": event.key}
    return str(registry.VIAS.get(event.via, event.via))


def _template(event: AuditEvent) -> str:
    known = registry.EVENTS.get(event.event)
    if known is None:  # written by a newer or an older version of the panel
        return f"{event.event}: %(actor)s, %(target)s"
    return str(known.sentence_for(event.phase, event.result))


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)
