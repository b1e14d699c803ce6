"""Every code that the gateway answers with by itself, as data: for the OpenAPI document, for the
page that shows it, and for docs/gateway.md. A test finds a code that is missing here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from django.utils.translation import gettext_noop as _

from controlpanel.gateway.routes import Route

# Which calls can end so: all; those that ask for a right, that name one thing in their address,
# with or without a body, that reach VPS.org; reads and changes, and among these a create.
Where = Literal[
    "nowhere", "every", "right", "one", "body", "no_body", "provider", "read", "change", "create"
]


@dataclass(frozen=True, slots=True)
class Known:
    """`where`: "nowhere" for what is said of an address that is not served."""

    status: int
    code: str
    where: Where
    meaning: str
    remedy: str


KNOWN: Final = (
    Known(
        400, "bad_json", "body", _("The body is no JSON object in UTF-8."), _("Send one object.")
    ),
    Known(
        400,
        "bad_field",
        "body",
        _("A field is not documented, of another type, or too long. The answer names it."),
        _("Leave it out, or mend it."),
    ),
    Known(
        400, "duplicate_field", "body", _("A field stands twice in the body."), _("Send it once.")
    ),
    Known(400, "too_deep", "body", _("The JSON is nested too deeply."), _("Send a plain object.")),
    Known(
        400,
        "no_body",
        "no_body",
        _("This call has no body."),
        _("Send it without one, or with {}."),
    ),
    Known(
        400,
        "unknown_parameter",
        "every",
        _("The address has a parameter that this call does not take."),
        _("Leave it out. Changes take none."),
    ),
    Known(
        400,
        "bad_parameter",
        "read",
        _("A parameter of the address stands twice, or is no whole number where it must be one."),
        _("Give it once, as documented."),
    ),
    Known(
        400,
        "reason_required",
        "change",
        _("The team's policy asks for a reason for this change."),
        _("Send it in X-Reason."),
    ),
    Known(
        400,
        "bad_label",
        "create",
        _("X-Labels does not hold labels."),
        _("Send key or key:value, with spaces between them."),
    ),
    Known(
        400,
        "bad_idempotency_key",
        "change",
        _("The Idempotency-Key is longer than 255 characters, or not visible ASCII."),
        _("Send a UUID, or a name of your own."),
    ),
    Known(
        400,
        "bad_request",
        "every",
        _("The request cannot be read: it has more parameters than anything asks for."),
        _("Send fewer and plainer ones."),
    ),
    Known(
        400,
        "unknown_host",
        "every",
        _("The panel does not answer under this host name."),
        _("Use the address at which people open the panel."),
    ),
    Known(
        401,
        "key_not_accepted",
        "every",
        _(
            "The panel key is missing, misspelt, unknown, expired, revoked, or used from an "
            "address that it is not for: all are answered alike."
        ),
        _("Look under Panel keys whether it is in force, and from where. Issue another."),
    ),
    Known(
        403,
        "permission_denied",
        "right",
        _("The key, or its creator's role by now, lacks the right; “permission” names it."),
        _("Issue a key that has it, or ask an owner of the team."),
    ),
    Known(
        403,
        "https_required",
        "every",
        _("The key came over plain http, where anybody on the way can read it."),
        _("Use https. Revoke this key and issue another."),
    ),
    Known(
        403,
        "right_gone",
        "change",
        _("The right was withdrawn between asking and sending. Nothing was sent."),
        _("Ask an owner of the team."),
    ),
    Known(
        404,
        "not_found",
        "one",
        _("There is no such server or operation, or it is not within the key's reach."),
        _("Look at the id, and at which servers the key is for."),
    ),
    Known(
        404,
        "slash_missing",
        "nowhere",
        _("The address lacks the slash at its end. Nothing is redirected."),
        _("Add the slash."),
    ),
    Known(
        404,
        "no_such_address",
        "nowhere",
        _("The gateway has no such address."),
        _("/api/v1/openapi.json lists all of them."),
    ),
    Known(
        405,
        "method_not_allowed",
        "nowhere",
        _("The address has other methods; Allow names them."),
        _("Use one of those. Headers that ask for another method are ignored."),
    ),
    Known(
        408,
        "too_slow",
        "every",
        _("The body did not arrive within ten seconds. Nothing was done."),
        _("Send it once more."),
    ),
    Known(
        409,
        "locked",
        "change",
        _("The server is locked in the panel. Nothing was sent."),
        _("Somebody with the right to do so releases the lock on the server's page."),
    ),
    Known(
        409,
        "already_creating",
        "change",
        _("A create of that name is under way, or its end is unknown; “operation” is its address."),
        _("Look at that operation. It may have made the server."),
    ),
    Known(
        409,
        "already_sending",
        "change",
        _("Another change of this server is being sent at this moment."),
        _("Send it again when that has ended."),
    ),
    Known(
        409,
        "already_deleting",
        "change",
        _("The server is being deleted."),
        _("Look at the operation that the answer names."),
    ),
    Known(
        409,
        "still_running",
        "change",
        _("The first request with this Idempotency-Key is still running."),
        _("Send the same again after Retry-After, and get its answer."),
    ),
    Known(
        409,
        "out_of_reach",
        "create",
        _("The key is for servers with some labels, and the new one would have none of them."),
        _("Send one of those labels in X-Labels."),
    ),
    Known(
        409,
        "changed_meanwhile",
        "change",
        _(
            "VPS.org shows another server under this id than the panel knew, by name or time of "
            "creation. The deletion was not sent."
        ),
        _("Read the server, and delete it only if it is the one you mean."),
    ),
    Known(
        409,
        "label_decides_access",
        "create",
        _("One of the labels decides which servers somebody else sees, and a key cannot give it."),
        _("Leave it out of X-Labels, or use a key that is for servers with that label."),
    ),
    Known(
        409,
        "no_token",
        "change",
        _("The key's creator keeps no API token for this account."),
        _("They add one under API tokens."),
    ),
    Known(
        409,
        "token_unreadable",
        "change",
        _("The stored API token cannot be opened."),
        _("Its owner enters it again under API tokens."),
    ),
    Known(
        409,
        "disconnected",
        "change",
        _("The VPS.org account is not connected any more."),
        _("Somebody who connects accounts connects it again."),
    ),
    Known(
        409,
        "read_only",
        "change",
        _("The account speaks a dialect of the API that the panel only reads."),
        _("Change it at VPS.org."),
    ),
    Known(
        409,
        "conflict",
        "change",
        _("What is asked for cannot be, as things are."),
        _("Read the server, and see."),
    ),
    Known(
        409,
        "too_old",
        "change",
        _("It waited too long for its turn, and was not sent."),
        _("Send it again if it is still wanted."),
    ),
    Known(
        409,
        "member_removed",
        "change",
        _("The key's creator was removed from the team before it was sent."),
        _("Use somebody else's key."),
    ),
    Known(
        411,
        "length_required",
        "every",
        _("The body came in pieces, without its length."),
        _("Send Content-Length."),
    ),
    Known(413, "too_large", "every", _("The body is larger than 64 KB."), _("Send less.")),
    Known(
        415,
        "unsupported_media_type",
        "body",
        _("The body is not declared as JSON in UTF-8."),
        _("Send Content-Type: application/json."),
    ),
    Known(
        422,
        "idempotency_key_reused",
        "change",
        _("This Idempotency-Key was used for another request. Nothing was done."),
        _("Take a new one for a new request."),
    ),
    Known(
        422,
        "inner_failure",
        "change",
        _("VPS.org answered with a success code, and says in its words that it did nothing."),
        _("Read its words in “detail”. Send it again if it is still wanted."),
    ),
    Known(
        429,
        "too_many_requests",
        "every",
        _("The key asks too often, or VPS.org asks for fewer calls. Nothing was done."),
        _("Wait for Retry-After seconds."),
    ),
    Known(
        500,
        "panel_error",
        "every",
        _("The panel had an error of its own."),
        _("Look at the server and its operations before you repeat a change."),
    ),
    Known(
        502,
        "upstream_token_refused",
        "provider",
        _("VPS.org refuses the API token that the panel has stored. Your key is fine."),
        _("Whose token it is replaces it under API tokens."),
    ),
    Known(
        502,
        "server_error",
        "read",
        _("VPS.org had an error of its own. Nothing was changed."),
        _("Try again later."),
    ),
    Known(
        502,
        "connection_lost",
        "read",
        _("The connection to VPS.org broke. Nothing was changed."),
        _("Try again."),
    ),
    Known(
        502,
        "unreadable",
        "read",
        _(
            "The answer of VPS.org was of no use; also “truncated”, “too_large”, “redirect” and "
            "“unexpected_status”. Nothing was changed."
        ),
        _("Try again later."),
    ),
    Known(
        503,
        "nothing_was_done",
        "every",
        _("The panel cannot record anything at the moment, and does nothing without a record."),
        _("Send it again after Retry-After seconds."),
    ),
    Known(
        503,
        "busy",
        "provider",
        _("Too many requests wait for VPS.org. Nothing was done."),
        _("Send it again after Retry-After seconds."),
    ),
    Known(
        503,
        "no_sync_token",
        "provider",
        _(
            "The panel has no API token with which it can read this account; also “no_token”, "
            "“token_unreadable” and “disconnected”."
        ),
        _("Somebody who connects accounts chooses one."),
    ),
    Known(
        503,
        "connection_refused",
        "provider",
        _(
            "VPS.org could not be reached, so nothing was done; also “name_resolution”, "
            "“connect_timeout”, “tls”, “spoke_first” and “unreachable”."
        ),
        _("Send it again: this is safe."),
    ),
    Known(
        503,
        "not_sent",
        "change",
        _("VPS.org did not show the server just before it was to be deleted. Nothing was sent."),
        _("Send it again: this is safe."),
    ),
    Known(
        504,
        "timeout",
        "read",
        _("VPS.org did not answer in time. Without a “state” beside it, nothing was changed."),
        _("Try again."),
    ),
    Known(
        504,
        "unknown",
        "change",
        _(
            "No clear answer came, so nobody knows yet whether it was done: “state” is “unknown”, "
            "and “code” says why, such as “timeout”, “server_error” or “lost”."
        ),
        _("Do not send it again. Ask the operation that the answer names: the panel finds out."),
    ),
    Known(
        504,
        "not_sent_yet",
        "change",
        _("It is recorded, and waits for a worker to send it."),
        _("Ask the operation that the answer names before you repeat anything."),
    ),
)


def of(route: Route) -> Iterable[Known]:
    """What the panel may say by itself to this call."""
    here = _where(route)
    return (known for known in KNOWN if known.where in here)


def statuses(route: Route) -> list[int]:
    """All that the call is answered with: the provider's as documented, and the panel's."""
    return sorted({*route.codes, *(known.status for known in of(route))})


def _where(route: Route) -> frozenset[Where]:
    found: set[Where] = {"every", "no_body" if route.body is None else "body"}
    if route.permission:
        found.add("right")
    if not route.own:
        found |= {"provider", "change" if route.record == "change" else "read"}
    if route.name == "servers.create":
        found.add("create")
    if "{" in route.path:
        # A change of a server that the panel has not seen yet begins with a look at it.
        found |= {"one"} if route.own else {"one", "read"}
    return frozenset(found)
