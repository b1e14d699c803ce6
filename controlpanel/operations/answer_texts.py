"""What came back of a change, in words that say no more than is known: VPS.org's own words first,
then what the panel makes of them, as a guess where it is one.

| what came back | it was |
| --- | --- |
| never sent: no address, no connection, no TLS | not done |
| 4xx but 408 | not done: VPS.org said no, and maybe why |
| 408, 3xx, 5xx, a success that is not the documented one, or that cannot be read | not known |
| nothing: no answer in time, a broken connection, a dead process of the panel | not known |
"""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.lib.text import clean
from controlpanel.operations.models import Operation

_NOT_REACHED: Final = _l("VPS.org could not be reached, so nothing was sent. Try again in a while.")
_NOT_SENT: Final[Mapping[str, Promise]] = {
    "name_resolution": _NOT_REACHED,
    "connection_refused": _NOT_REACHED,
    "connect_timeout": _NOT_REACHED,
    "unreachable": _NOT_REACHED,
    "spoke_first": _NOT_REACHED,
    "asked_to_wait": _l(
        "VPS.org asked the panel to wait before it asks again, so nothing was sent. The list of "
        "servers says for how long."
    ),
    "tls": _l(
        "No secure connection to VPS.org could be made, so nothing was sent. If this lasts, tell "
        "whoever runs this panel."
    ),
    "not_sent": _l(
        "The panel looks at a server before it deletes it, and VPS.org did not show this one, so "
        "the deletion was not sent. Try again in a while."
    ),
    "bad_id": _l("The id of this server cannot be sent to VPS.org, so nothing was sent."),
}
_NO_ANSWER: Final[Mapping[str, Promise]] = {
    "timeout": _l("VPS.org did not answer in time."),
    "connection_lost": _l("The connection broke before VPS.org answered."),
    "lost": _l("The panel was interrupted while it sent this."),
}
# Said after "VPS.org answered 503."
_UNCLEAR: Final[Mapping[str, Promise]] = {
    "timeout": _l("Its answer did not arrive whole."),
    "connection_lost": _l("Its answer did not arrive whole."),
    "truncated": _l("Its answer did not arrive whole."),
    "too_large": _l("Its answer was too large to be read."),
    "unreadable": _l("Its answer could not be understood."),
    "redirect": _l("That is a redirect, which the panel does not follow."),
    "unexpected_status": _l("VPS.org does not document that code for this."),
}
_ADVICE: Final[Mapping[str, Promise]] = {
    "unauthorized": _l(
        "It does not accept your API token. Replace it under API tokens, then ask again."
    ),
    "payment_required": _l(
        "The account's credit at VPS.org does not cover this server. Add credit there, or "
        "choose a smaller plan."
    ),
    "forbidden": _l(
        "Our guess, if its words say nothing else: your API token lacks the permission for this. "
        "Then make one with it at VPS.org and replace yours under API tokens."
    ),
    "not_found": _l(
        "Either the server no longer exists, or your API token cannot see it. The panel looks "
        "again whether it is still there."
    ),
    "conflict": _l("It conflicts with how things are there now. Look at the server again."),
    "too_many_requests": _l("VPS.org asks to slow down. Try again in some minutes."),
}
_SERVICE_ADVICE: Final[Mapping[str, Promise]] = {
    "unauthorized": _l(
        "It does not accept the service token “%(name)s”. %(owner)s can replace it under API "
        "tokens; or add one of your own there, then ask again."
    ),
    "forbidden": _l(
        "Our guess, if its words say nothing else: the service token “%(name)s” lacks the "
        "permission for this. Then %(owner)s can replace it under API tokens; or add one of your "
        "own there."
    ),
}


def answered(operation: Operation) -> str:
    """What came back, without what follows from it."""
    if operation.provider_status:
        return f"{_quoted(operation)} {_why_unclear(operation)}".strip()
    known = _NOT_SENT.get(operation.code) or _NO_ANSWER.get(operation.code)
    said = str(known) if known else _("VPS.org's answer was lost.")
    words = clean(operation.provider_words, 300)
    quoted = _("VPS.org said: “%(words)s”") % {"words": words} if words else ""
    return f"{quoted} {said}".strip()


def failure(operation: Operation) -> str:
    """Why a change was not done, and what helps."""
    if not operation.provider_status:
        return answered(operation)
    if operation.code in _NOT_SENT:
        return f"{_quoted(operation)} {_NOT_SENT[operation.code]}"
    return f"{_quoted(operation)} {_advice(operation)}".strip()


def step(operation: Operation) -> str:
    """The same in two words, where an answer is expected that says yes or no."""
    if operation.provider_status:
        return _("Answered %(status)s") % {"status": operation.provider_status}
    return _("Interrupted") if operation.code == "lost" else _("Answer lost")


def _quoted(operation: Operation) -> str:
    words = clean(operation.provider_words, 300)
    if words:
        said = _("VPS.org answered %(status)s: “%(words)s”") % {
            "status": operation.provider_status,
            "words": words,
        }
        return said if words[-1] in ".!?…" else f"{said}."
    return _("VPS.org answered %(status)s, without a reason.") % {
        "status": operation.provider_status
    }


def _why_unclear(operation: Operation) -> str:
    if operation.provider_status == 408:
        return _("It stopped waiting for the request.")
    return str(_UNCLEAR.get(operation.code, ""))


def _advice(operation: Operation) -> str:
    if operation.service_token and operation.code in _SERVICE_ADVICE:
        token: dict[str, str] = operation.service_token
        return str(_SERVICE_ADVICE[operation.code]) % token
    return str(_ADVICE.get(operation.code, ""))
