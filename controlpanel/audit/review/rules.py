"""What deserves a second look, as data. A team switches each on or off, and sets the numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, tzinfo
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.translation import gettext_lazy as _

from controlpanel.audit.events.event_type import Words
from controlpanel.audit.models import AuditEvent

# Events by name, each with the "phase.result" that count; none: all of that name.
Events = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Rule:
    """`events`: what it matches. A rule without them looks at more than one event at a time."""

    slug: str
    label: Words
    sentence: Words
    on: bool = True
    events: Events = field(default_factory=dict)
    # What was found out has to be said, also for one.
    asks_note: bool = False
    # Only events whose data has something there.
    with_data: str = ""


def _all(*names: str) -> Events:
    return dict.fromkeys(names, ())


_OPERATIONS: Final = tuple(
    f"server.{kind}" for kind in ("create", "update", "delete", "start", "stop", "reboot")
)
REFUSALS: Final = "refusals"
_MANY_REFUSED: Final = "authz_many_refused"
ADDRESSES: Final = "addresses"
NIGHT: Final = "night"
OUTSIDE: Final = "outside"

RULES: Final[Mapping[str, Rule]] = {
    rule.slug: rule
    for rule in (
        Rule(
            "deletes",
            _("Deletions"),
            _("A server was deleted, or a VPS.org account was disconnected."),
            events={
                "server.delete": ("outcome.success", "reconciled.success"),
                **_all("account.disconnected"),
            },
        ),
        Rule(
            "grants",
            _("Grants and roles"),
            _("Somebody was invited, added or restored, or what somebody may do was changed."),
            events=_all(
                "invitation.sent",
                "member.added",
                "member.changed",
                "member.restored",
                "ownership.offered",
                "ownership.transferred",
                "role.added",
                "role.changed",
                "role.removed",
                "account.service_token_chosen",
            ),
        ),
        Rule(
            "removals",
            _("Removed members"),
            _("Somebody was removed from the team."),
            events=_all("member.removed"),
        ),
        Rule(
            "unlocks",
            _("Released locks"),
            _("A server's lock was released."),
            events=_all("server.unlocked"),
        ),
        Rule(
            "labels",
            _("Guarded labels"),
            _(
                "A label was taken off a server that a policy names, or that decides what somebody "
                "or a panel key sees."
            ),
            events=_all("server.labelled"),
            with_data="guarded",
        ),
        Rule(
            "rules",
            _("Changed rules"),
            _("The team's policies, these rules, or where checkpoints are sent were changed."),
            events=_all("policy.changed", "review.rules_changed", "audit.delivery_changed"),
        ),
        Rule(
            REFUSALS,
            _("Refusals in a row"),
            _("Somebody was refused, or failed to sign in, several times within a short while."),
        ),
        Rule(
            "unknown",
            _("Unknown outcomes"),
            _("Nobody knows whether a change was done, or somebody closed such an operation."),
            events={
                **dict.fromkeys(_OPERATIONS, ("outcome.unknown",)),
                **_all("operation.closed"),
            },
        ),
        Rule(
            OUTSIDE,
            _("Outside changes"),
            _("Something was changed at VPS.org without this panel, or its list was not believed."),
            events=_all(
                "outside.appeared", "outside.vanished", "outside.changed", "provider.suspicious"
            ),
            asks_note=True,
        ),
        Rule(
            ADDRESSES,
            _("New addresses"),
            _(
                "Somebody, or a key, signed in, used a token or changed something from an address "
                "that was never seen of them before. The first address of somebody new is learned."
            ),
        ),
        Rule(
            NIGHT,
            _("Work at night"),
            _("Somebody changed something at night by the team's clock."),
        ),
        Rule(
            "tokens",
            _("API tokens and panel keys"),
            _(
                "An API token was stored or replaced, or VPS.org refused one, or a panel key was "
                "issued."
            ),
            on=False,
            events=_all("token.stored", "token.replaced", "token.refused", "panel_key.issued"),
        ),
        Rule(
            "exports",
            _("Exports"),
            _("Somebody took records out of the audit log."),
            on=False,
            events=_all("audit.exported"),
        ),
    )
}

_BY_EVENT: Final[Mapping[str, list[tuple[str, tuple[str, ...]]]]] = {
    name: [(slug, rule.events[name]) for slug, rule in RULES.items() if name in rule.events]
    for name in {name for rule in RULES.values() for name in rule.events}
}
_FAILED_SIGN_INS: Final = {"authn_login_fail", "authn_mfa_fail"}
# What shows that somebody really came from an address; a wrong password shows nothing.
_CAME: Final = {"authn_login_success", "authn_reauth_success", "token.stored", "token.replaced"}
# The part before the dot of what is work; reviewing and reading are none.
_WORK: Final = {
    "account",
    "invitation",
    "member",
    "operation",
    "ownership",
    "panel_key",
    "policy",
    "role",
    "server",
    "team",
    "token",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """As a team has set them. `switched`: only what differs from the rule's default."""

    switched: Mapping[str, bool] = field(default_factory=dict)
    in_a_row: int = 5
    minutes: int = 10
    night_from: int = 22
    night_to: int = 6
    time_zone: str = "UTC"

    def is_on(self, slug: str) -> bool:
        return self.switched.get(slug, RULES[slug].on)

    @property
    def on(self) -> list[str]:
        return [slug for slug in RULES if self.is_on(slug)]

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


def settings_from(data: Mapping[str, Any]) -> Settings:
    """What another version of the panel wrote and this one does not know is left aside."""
    known = Settings.__dataclass_fields__
    return Settings(**{name: value for name, value in data.items() if name in known})


def by_itself(event: AuditEvent, settings: Settings) -> list[str]:
    """Slugs of the rules that are on and match this event, whatever came before it."""
    found = [
        slug
        for slug, counting in _BY_EVENT.get(event.event, ())
        if _counts(event, counting) and _has(event, RULES[slug].with_data)
    ]
    if _is_at_night(event, settings):
        found.append(NIGHT)
    return [slug for slug in found if settings.is_on(slug)]


def is_refusal(event: AuditEvent) -> bool:
    return event.result == "denied" or event.event in _FAILED_SIGN_INS


def refusals_in(event: AuditEvent) -> int:
    """How many refusals a refusal tells of: one that counts many holds their number."""
    count = event.data.get("count") if event.event == _MANY_REFUSED else None
    return count if type(count) is int and count > 0 else 1


def came_from(event: AuditEvent) -> str:
    """Who came from the event's address: a person by a page, or by a key. Empty if that does not
    show."""
    if event.actor_kind != "user" or not event.address or event.result in {"failure", "denied"}:
        return ""
    if event.via == "gateway" or event.event in _CAME or _is_work(event):
        person = f"{event.via}:{event.actor_id}"
        return f"{person}:{sha256(event.key.encode()).hexdigest()[:16]}" if event.key else person
    return ""


def _counts(event: AuditEvent, counting: tuple[str, ...]) -> bool:
    return not counting or f"{event.phase}.{event.result}" in counting


def _has(event: AuditEvent, name: str) -> bool:
    return not name or bool(event.data.get(name))


def _is_at_night(event: AuditEvent, settings: Settings) -> bool:
    if event.actor_kind != "user" or event.result not in {"success", "unknown"}:
        return False
    if not _is_work(event):
        return False
    hour = event.at.astimezone(_zone(settings.time_zone)).hour
    begins, ends = settings.night_from, settings.night_to
    if begins < ends:
        return begins <= hour < ends
    return hour >= begins or hour < ends


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # this machine's table has lost it
        return UTC


def _is_work(event: AuditEvent) -> bool:
    return event.event.partition(".")[0] in _WORK
