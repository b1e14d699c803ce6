"""The registry of event types: an allow-list of what is recorded, and how it reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise


class InvalidEvent(Exception):
    """Code tried to record what is not registered: a mistake in the code."""


@dataclass(frozen=True, slots=True)
class EventType:
    """`sentences` are found by "phase.result", "phase", "result" or "" in this order.

    `required` and `optional` name the fields of the event's data; others are refused.
    """

    name: str
    label: Words
    sentences: Mapping[str, Words]
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()

    @property
    def sentence(self) -> Words:
        return next(iter(self.sentences.values()))

    def sentence_for(self, phase: str, result: str) -> Words:
        for key in (f"{phase}.{result}", phase, result):
            if key in self.sentences:
                return self.sentences[key]
        return self.sentences.get("", self.sentence)


def _type(
    name: str,
    label: Words,
    sentence: Words | Mapping[str, Words],
    required: Iterable[str] = (),
    optional: Iterable[str] = (),
) -> EventType:
    sentences = sentence if isinstance(sentence, Mapping) else {"": sentence}
    return EventType(name, label, sentences, frozenset(required), frozenset(optional))


_OPERATION_REQUIRED = ("phase", "operation", "account")
_OPERATION_OPTIONAL = (
    "body",
    "before",
    "state",
    "provider_status",
    "provider_words",
    "code",
    "note",
)


def _operation(name: str, label: Words, sentences: Mapping[str, Words]) -> EventType:
    return _type(name, label, sentences, _OPERATION_REQUIRED, _OPERATION_OPTIONAL)


_ALL: Final = (
    _type("authn_login_success", _("Signed in"), _("%(actor)s signed in"), optional=("methods",)),
    _type(
        "authn_new_device",
        _("New device"),
        _("%(actor)s signed in with a browser that was not known before"),
    ),
    _type(
        "authn_reauth_success",
        _("Asked again"),
        _("%(actor)s was asked again and showed that it is them (%(method)s)"),
        required=("method",),
    ),
    _type(
        "authn_login_fail",
        _("Failed sign-in"),
        _("Somebody failed to sign in as %(target)s"),
    ),
    _type("authn_logout", _("Signed out"), _("%(actor)s signed out")),
    _type(
        "server.labelled",
        _("Labels changed"),
        _("%(actor)s changed the labels of %(target)s"),
        required=("before", "after"),
    ),
    _type("server.locked", _("Locked"), _("%(actor)s locked %(target)s"), required=("level",)),
    _type(
        "server.unlocked",
        _("Lock released"),
        _("%(actor)s released the lock of %(target)s"),
        required=("level", "locked_by"),
    ),
    _type(
        "token.revoked_outside",
        _("Token revoked at VPS.org"),
        _("%(actor)s says that the token %(target)s is revoked at VPS.org"),
        ("account", "owner"),
    ),
    _type(
        "member.changed",
        _("Membership changed"),
        _("%(actor)s changed the membership of %(target)s"),
        ("before", "after"),
    ),
    _type("member.suspended", _("Suspended"), _("%(actor)s suspended %(target)s")),
    _type("member.restored", _("Restored"), _("%(actor)s restored %(target)s")),
    _type(
        "member.removed",
        _("Removed"),
        _("%(actor)s removed %(target)s from the team"),
        ("before",),
    ),
    _type("member.left", _("Left"), _("%(target)s left the team"), ("before",)),
    _type("invitation.sent", _("Invited"), _("%(actor)s invited %(target)s"), ("after",)),
    _type(
        "invitation.revoked",
        _("Invitation revoked"),
        _("%(actor)s revoked the invitation of %(target)s"),
    ),
    _type(
        "invitation.accepted",
        _("Invitation accepted"),
        _("%(target)s joined the team"),
        ("role", "invited_by"),
    ),
    _type(
        "invitation.refused",
        _("Invitation refused"),
        _("%(actor)s tried an invitation for %(target)s and was refused"),
        ("why",),
    ),
    _type(
        "ownership.offered",
        _("Ownership offered"),
        _("%(actor)s offered %(target)s to hand the team over"),
    ),
    _type(
        "ownership.withdrawn",
        _("Offer withdrawn"),
        _("%(actor)s no longer offers %(target)s to hand the team over"),
    ),
    _type(
        "ownership.declined",
        _("Offer declined"),
        _("%(target)s declined to take the team over"),
    ),
    _type(
        "ownership.transferred",
        _("Ownership transferred"),
        _("%(target)s took the team over from %(giver)s"),
        ("giver", "before", "after"),
    ),
    _type("role.added", _("Role added"), _("%(actor)s added the role %(target)s"), ("after",)),
    _type(
        "role.changed",
        _("Role changed"),
        _("%(actor)s changed the role %(target)s"),
        ("before", "after"),
    ),
    _type(
        "role.removed", _("Role removed"), _("%(actor)s removed the role %(target)s"), ("before",)
    ),
    _type(
        "authn_password_change",
        _("Password changed"),
        _("The password of %(target)s was changed"),
    ),
    _type(
        "authn_password_reset_asked",
        _("New password asked for"),
        _("Somebody asked for a new password for %(target)s"),
    ),
    _type(
        "authn_mfa_added",
        _("Second factor added"),
        _("%(actor)s added to the sign-in of %(target)s: %(method)s"),
        required=("method",),
    ),
    _type(
        "authn_mfa_removed",
        _("Second factor removed"),
        _("%(actor)s removed from the sign-in of %(target)s: %(method)s"),
        required=("method",),
    ),
    _type(
        "authn_mfa_fail",
        _("Failed second factor"),
        _("Somebody gave a wrong code for %(target)s (%(method)s)"),
        required=("method",),
    ),
    _type(
        "authn_recovery_code_used",
        _("Recovery code used"),
        _("%(target)s used a recovery code"),
    ),
    _type(
        "authn_email_asked",
        _("New address asked for"),
        _("%(actor)s asked to sign in with %(address)s instead"),
        required=("address",),
    ),
    _type(
        "authn_email_changed",
        _("Address changed"),
        _("The e-mail address %(before)s became %(after)s"),
        required=("before", "after"),
    ),
    _type(
        "session.ended",
        _("Session ended"),
        _("%(actor)s ended a session of %(target)s at %(address)s"),
        required=("address", "browser"),
    ),
    _type(
        "authz_fail",
        _("Refused"),
        _("%(actor)s was refused in %(target)s: a right was missing"),
        optional=("permission", "path"),
    ),
    _type(
        "token.stored",
        _("API token stored"),
        _("%(actor)s stored the API token %(target)s for %(account)s"),
        required=("account",),
    ),
    _type(
        "token.replaced",
        _("API token replaced"),
        _("%(actor)s replaced their API token for %(account)s with %(target)s"),
        required=("account", "previous"),
    ),
    _type(
        "token.removed",
        _("API token removed"),
        _("%(actor)s removed the API token %(target)s for %(account)s"),
        required=("account",),
    ),
    _type(
        "token.refused",
        _("API token refused"),
        _("VPS.org refused the API token %(target)s of %(owner)s for %(account)s"),
        required=("account", "owner"),
    ),
    _type(
        "account.connected",
        _("Account connected"),
        _("%(actor)s connected the VPS.org account %(target)s"),
        optional=("writable",),
    ),
    _type(
        "account.sync_token_chosen",
        _("Sync token chosen"),
        _("%(actor)s chose the API token of %(owner)s to read %(target)s with"),
        required=("fingerprint", "owner"),
    ),
    _operation(
        "server.create",
        _("Create server"),
        {
            "intent": _("%(actor)s asked for a new server %(target)s"),
            "outcome.success": _("%(actor)s created %(target)s"),
            "outcome.failure": _("%(actor)s could not create %(target)s"),
            "outcome.denied": _("The request of %(actor)s to create %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked for a new server %(target)s and VPS.org’s answer was lost"
            ),
            "observed": _("%(target)s was seen at VPS.org after it was created"),
            "reconciled.success": _("%(target)s was found: it had been created"),
            "reconciled.failure": _("%(target)s was looked for and had not been created"),
            "reconciled.unknown": _("It is not known whether %(target)s was created"),
        },
    ),
    _operation(
        "server.update",
        _("Edit server"),
        {
            "intent": _("%(actor)s asked to edit %(target)s"),
            "outcome.success": _("%(actor)s edited %(target)s"),
            "outcome.failure": _("%(actor)s could not edit %(target)s"),
            "outcome.denied": _("The request of %(actor)s to edit %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked to edit %(target)s and VPS.org’s answer was lost"
            ),
            "observed": _("The edit of %(target)s was seen at VPS.org"),
            "reconciled.success": _("%(target)s was looked at: it had been edited"),
            "reconciled.failure": _("%(target)s was looked at: it had not been edited"),
            "reconciled.unknown": _("It is not known whether %(target)s was edited"),
        },
    ),
    _operation(
        "server.delete",
        _("Delete server"),
        {
            "intent": _("%(actor)s asked to delete %(target)s"),
            "outcome.success": _("%(actor)s deleted %(target)s"),
            "outcome.failure": _("%(actor)s could not delete %(target)s"),
            "outcome.denied": _("The request of %(actor)s to delete %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked to delete %(target)s and VPS.org’s answer was lost"
            ),
            "observed": _("%(target)s was seen to be gone from VPS.org"),
            "reconciled.success": _("%(target)s was looked for: it had been deleted"),
            "reconciled.failure": _("%(target)s was looked for: it had not been deleted"),
            "reconciled.unknown": _("It is not known whether %(target)s was deleted"),
        },
    ),
    _operation(
        "server.start",
        _("Start server"),
        {
            "intent": _("%(actor)s asked to start %(target)s"),
            "outcome.success": _("%(actor)s started %(target)s"),
            "outcome.failure": _("%(actor)s could not start %(target)s"),
            "outcome.denied": _("The request of %(actor)s to start %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked to start %(target)s and VPS.org’s answer was lost"
            ),
            "observed": _("%(target)s was seen running after it was started"),
            "reconciled.success": _("%(target)s was looked at: it had been started"),
            "reconciled.failure": _("%(target)s was looked at: it had not been started"),
            "reconciled.unknown": _("It is not known whether %(target)s was started"),
        },
    ),
    _operation(
        "server.stop",
        _("Stop server"),
        {
            "intent": _("%(actor)s asked to stop %(target)s"),
            "outcome.success": _("%(actor)s stopped %(target)s"),
            "outcome.failure": _("%(actor)s could not stop %(target)s"),
            "outcome.denied": _("The request of %(actor)s to stop %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked to stop %(target)s and VPS.org’s answer was lost"
            ),
            "observed": _("%(target)s was seen stopped"),
            "reconciled.success": _("%(target)s was looked at: it had been stopped"),
            "reconciled.failure": _("%(target)s was looked at: it had not been stopped"),
            "reconciled.unknown": _("It is not known whether %(target)s was stopped"),
        },
    ),
    _operation(
        "server.reboot",
        _("Reboot server"),
        {
            "intent": _("%(actor)s asked to reboot %(target)s"),
            "outcome.success": _("%(actor)s rebooted %(target)s"),
            "outcome.failure": _("%(actor)s could not reboot %(target)s"),
            "outcome.denied": _("The request of %(actor)s to reboot %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked to reboot %(target)s and VPS.org’s answer was lost"
            ),
            "observed": _("%(target)s was seen running after its reboot"),
            "reconciled.success": _("%(target)s was looked at: it had been rebooted"),
            "reconciled.failure": _("%(target)s was looked at: it had not been rebooted"),
            "reconciled.unknown": _("It is not known whether %(target)s was rebooted"),
        },
    ),
    _type(
        "operation.closed",
        _("Operation closed"),
        _("%(actor)s closed the open operation on %(target)s"),
        required=("operation", "kind"),
    ),
    _type(
        "team.created",
        _("Team created"),
        _("%(actor)s created the team %(target)s"),
        optional=("slug",),
    ),
    _type(
        "member.added",
        _("Member added"),
        _("%(actor)s added %(target)s to the team as %(role)s"),
        required=("role",),
    ),
    _type(
        "keys.created",
        _("Keys created"),
        _("The keys %(keys)s came into use"),
        required=("keys",),
    ),
    _type(
        "keys.added",
        _("Key added"),
        _("%(actor)s added the key %(keys)s to the key ring"),
        required=("keys",),
    ),
    _type(
        "keys.promoted",
        _("Key promoted"),
        _("%(actor)s put the key %(keys)s in force from %(since)s on"),
        required=("keys", "since"),
    ),
    _type(
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
    _type(
        "keys.retired",
        _("Key retired"),
        _("%(actor)s took the key %(keys)s out of the key ring"),
        required=("keys",),
    ),
    _type(
        "demo.loaded",
        _("Demo data loaded"),
        _("%(actor)s loaded the demo data"),
        optional=("people", "servers", "teams"),
    ),
)
EVENTS: Final[Mapping[str, EventType]] = {found.name: found for found in _ALL}

RESULTS: Final[Mapping[str, Words]] = {
    "success": _("done"),
    "failure": _("failed"),
    "denied": _("denied"),
    "unknown": _("unknown"),
    "pending": _("pending"),
}
VIAS: Final[Mapping[str, Words]] = {
    "page": _("page"),
    "gateway": _("panel key"),
    "worker": _("worker"),
    "command": _("command line"),
}


def check(name: str, data: Mapping[str, Any]) -> None:
    """InvalidEvent unless the type is registered and the data has its fields and no others."""
    known = EVENTS.get(name)
    if known is None:
        raise InvalidEvent(f"{name} is not a registered event")
    missing = known.required - data.keys()
    foreign = data.keys() - known.required - known.optional
    if missing or foreign:
        raise InvalidEvent(f"{name}: missing {sorted(missing)}, not registered {sorted(foreign)}")
