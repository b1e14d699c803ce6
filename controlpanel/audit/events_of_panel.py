"""Of the panel itself."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from controlpanel.audit.event_type import EventType, event_type

PANEL: Final[tuple[EventType, ...]] = (
    event_type(
        "audit.exported",
        _("Audit log exported"),
        _("%(actor)s exported %(what)s from the audit log"),
        required=("format", "what"),
        optional=("count",),
    ),
    event_type(
        "audit.delivery_changed",
        _("Delivery of checkpoints changed"),
        _("%(actor)s changed where the checkpoints of %(target)s are sent"),
        required=("before", "after"),
    ),
    event_type(
        "audit.verified",
        _("Audit log verified"),
        {
            "success": _("%(actor)s verified the audit log and found nothing wrong"),
            "failure": _("%(actor)s verified the audit log and found it damaged: %(place)s"),
        },
        required=("how", "chains", "events"),
        optional=("who", "kind", "place"),
    ),
    event_type(
        "keys.created",
        _("Keys created"),
        _("The keys %(keys)s came into use"),
        required=("keys",),
    ),
    event_type(
        "keys.added",
        _("Key added"),
        _("%(actor)s added the key %(keys)s to the key ring"),
        required=("keys",),
    ),
    event_type(
        "keys.promoted",
        _("Key promoted"),
        _("%(actor)s put the key %(keys)s in force from %(since)s on"),
        required=("keys", "since"),
    ),
    event_type(
        "keys.rewrapped",
        _("Sealed anew"),
        {
            "intent": _("%(actor)s began to seal %(values)s anew with the key %(keys)s"),
            "outcome.success": _("%(actor)s sealed %(values)s anew with the key %(keys)s"),
            "outcome.failure": _(
                "%(actor)s sealed %(values)s anew with the key %(keys)s, but could not read all"
            ),
        },
        required=("phase", "keys", "values"),
        optional=("count", "replaced", "unreadable"),
    ),
    event_type(
        "keys.retired",
        _("Key retired"),
        _("%(actor)s took the key %(keys)s out of the key ring"),
        required=("keys",),
    ),
    event_type(
        "demo.loaded",
        _("Demo data loaded"),
        _("%(actor)s loaded the demo data"),
        optional=("people", "servers", "teams"),
    ),
)
