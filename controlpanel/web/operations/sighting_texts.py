"""What is said of the things that VPS.org showed after a change was sent."""

from django.utils.translation import gettext as _

from controlpanel.lib.text import clean
from controlpanel.operations import sightings
from controlpanel.operations.models import Operation
from controlpanel.operations.sightings import Sighting
from controlpanel.web.operations.field_labels import FIELD_LABELS


def shown(one: Sighting) -> str:
    """ "rebooting", or "Name web-2, Backups on" for the fields of an edit."""
    if one.status:
        return clean(one.status, 64)
    return ", ".join(f"{FIELD_LABELS.get(name, name)} {_value(v)}" for name, v in one.shows.items())


def since(operation: Operation) -> str:
    """What an unknown change's server has shown since, and what can be said from that; empty if
    nothing was seen."""
    seen = [shown(one) for one in sightings.of(operation)]
    if not seen:
        return ""
    words = _("Since it was sent, VPS.org has shown: %(words)s.") % {
        "words": sightings.one_after_another(seen)
    }
    return f"{words} {_follows(operation)}".strip()


def confirmed(operation: Operation) -> str:
    """What an operation that a person confirmed was said from."""
    seen = [shown(one) for one in sightings.of(operation)]
    return _("VPS.org’s answer did not say. Afterwards VPS.org showed: %(words)s.") % {
        "words": sightings.one_after_another(seen)
    }


def _follows(operation: Operation) -> str:
    if not sightings.signs(operation):
        return ""
    if sightings.may_be_of_another(operation):
        return _(
            "Another change of this server was on its way in the same time, so this may have come "
            "from that."
        )
    if sightings.can_be_confirmed(operation):
        return _(
            "That is what this change looks like. VPS.org does not say whose doing it was: if you "
            "are sure that it was this one, confirm it."
        )
    return ""


def _value(value: object) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return clean(value, 255)
