"""Of the panel itself."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from controlpanel.audit.events.event_type import EventType, event_type

PANEL: Final[tuple[EventType, ...]] = (
    event_type(
        "audit.exported",
        _("Audit log exported"),
        _("%(actor)s exported %(what)s from the audit log"),
        required=("format", "what"),
        optional=("query", "count", "first", "last", "sha256"),
    ),
    event_type(
        "gateway.reads",
        _("Reads by a script"),
        _("%(actor)s asked for %(route)s %(count)s times within a minute, with the key %(target)s"),
        required=("route", "minute", "count"),
        # Of the counts that it takes in: process and number.
        optional=("numbers",),
    ),
    event_type(
        "gateway.reads_unproven",
        _("Reads that nothing proves"),
        _(
            "The key %(target)s asked for %(route)s %(count)s times within a minute, says a count "
            "that was changed, or comes from before counts were signed"
        ),
        required=("route", "minute", "count", "numbers"),
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
        required=("how", "chains", "events", "place"),
        optional=("who", "kind"),
    ),
    event_type(
        "panel_key.rewrapped",
        _("Panel key digested anew"),
        _("The digest of the panel key %(target)s was made anew with %(with)s"),
        required=("with",),
    ),
    event_type(
        "tables.baseline",
        _("Rows as they were found"),
        _(
            "What %(target)s had beside the log was written down as it was found (%(rows)s rows); "
            "that proves nothing about the time before"
        ),
        required=("rows",),
    ),
    event_type(
        "tables.differ",
        _("Rows differ from the log"),
        _("Somebody changed rows of %(target)s past the panel (%(count)s): %(what)s"),
        required=("what", "count"),
    ),
    event_type(
        "tables.confirmed",
        _("Rows confirmed"),
        _("%(actor)s confirmed rows of %(target)s as they are (%(count)s): %(what)s"),
        required=("what", "count"),
    ),
    event_type(
        "review.signed_off",
        _("Signed off"),
        _("%(actor)s looked at %(target)s again and signed off event %(seqs)s"),
        required=("seqs", "rules"),
    ),
    event_type(
        "review.rules_changed",
        _("Review rules changed"),
        _("%(actor)s changed what waits for review in %(target)s"),
        required=("before", "after"),
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
        "panel.started",
        _("Panel started"),
        {
            "same": _("The process “%(target)s” started, version %(version)s, settings as before"),
            "changed": _(
                "The process “%(target)s” started, version %(version)s, with other settings: "
                "%(changed)s"
            ),
        },
        required=("phase", "version", "settings", "changed", "before"),
    ),
    event_type(
        "panel.migrated",
        _("Database migrated"),
        _("The shape of the database was changed (%(apps)s)"),
        required=("apps", "before", "after"),
    ),
    event_type(
        "panel.clock_jumped",
        _("Clock jumped"),
        {
            "forward": _("The clock of the panel jumped forward by %(seconds)s seconds"),
            "back": _(
                "The clock of the panel jumped back by %(seconds)s seconds: times of events before "
                "and after it are not in order"
            ),
        },
        required=("phase", "seconds", "expected", "found"),
    ),
    event_type(
        "panel.closed",
        _("Panel read-only"),
        _("The panel is read-only: somebody changed what the chain %(chain)s holds"),
        required=("why", "since", "chain"),
    ),
    event_type(
        "panel.recovered",
        _("Panel writable again"),
        _("From %(since)s on the panel could not write its record; now it can again"),
        required=("why", "since"),
    ),
    event_type(
        "panel.reopened",
        _("Panel opened again"),
        _("%(actor)s looked into why the panel was read-only and opened it again"),
        required=("why", "since", "chain"),
    ),
    event_type(
        "authn_not_recorded",
        _("Sign-ins not recorded"),
        _(
            "%(count)s sign-ins, sign-outs and failed tries from %(since)s to %(until)s were not "
            "recorded one by one: the panel could not write"
        ),
        required=("count", "since", "until", "events", "people"),
    ),
    event_type(
        "demo.loaded",
        _("Demo data loaded"),
        _("%(actor)s loaded the demo data"),
        optional=("people", "servers", "teams"),
    ),
)
