"""What a call can end in: never sent, refused, or nobody knows.

An error carries no request, no header and no cause, so it may be logged, pickled and shown.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

Sent = Literal["never", "refused", "ambiguous"]


def gettext_noop(text: str) -> str:
    """Marks a sentence for translation; who shows it translates it."""
    return text


SENTENCES: Final[Mapping[str, str]] = {
    # Never sent
    "name_resolution": gettext_noop("The address of VPS.org could not be found."),
    "connection_refused": gettext_noop("VPS.org does not accept connections."),
    "connect_timeout": gettext_noop("VPS.org could not be reached in time."),
    "tls": gettext_noop("A safe connection to VPS.org could not be made."),
    "unreachable": gettext_noop("VPS.org could not be reached."),
    "spoke_first": gettext_noop("VPS.org answered before it was asked, so it was not asked."),
    "asked_to_wait": gettext_noop("VPS.org asked the panel to wait, so it was not asked."),
    "bad_id": gettext_noop("This id cannot be that of a server."),
    # Refused
    "bad_request": gettext_noop("VPS.org did not accept this."),
    "unauthorized": gettext_noop("VPS.org does not accept this API token."),
    "payment_required": gettext_noop("The VPS.org account has too little credit for this."),
    "forbidden": gettext_noop(
        "VPS.org answered 403, perhaps because this API token may not do that."
    ),
    "not_found": gettext_noop("VPS.org does not know this server, or not for this API token."),
    "conflict": gettext_noop("VPS.org says that this conflicts with how things are now."),
    "unprocessable": gettext_noop("VPS.org could not use what was sent."),
    "too_many_requests": gettext_noop("VPS.org asks for fewer calls."),
    "refused": gettext_noop("VPS.org refused the call."),
    # Nobody knows
    "timeout": gettext_noop("VPS.org did not answer in time."),
    "connection_lost": gettext_noop("The connection to VPS.org broke before it answered."),
    "server_error": gettext_noop("VPS.org had an error of its own."),
    "redirect": gettext_noop("VPS.org answered with another address, which is not followed."),
    "unexpected_status": gettext_noop("VPS.org answered with a code that it does not document."),
    "unreadable": gettext_noop("The answer of VPS.org could not be understood."),
    "too_large": gettext_noop("The answer of VPS.org was too large to be read."),
    "inner_failure": gettext_noop("VPS.org answered with a success code, and says that it failed."),
    "truncated": gettext_noop("The answer of VPS.org ended too early."),
}


class ApiError(Exception):
    """Only its subclasses are raised.

    `words`: the provider's own, cleaned, at most 300 characters. `fields`: its complaints by
    field. `retry_after`: whole seconds, from 1 to 86,400. `content`: the JSON of a refusal as it
    may be passed on, where it is one and not large.
    """

    sent: ClassVar[Sent]

    def __init__(
        self,
        code: str,
        *,
        status: int | None = None,
        words: str = "",
        fields: Mapping[str, list[str]] | None = None,
        retry_after: int | None = None,
        content: bytes = b"",
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.words = words
        self.fields: dict[str, list[str]] = dict(fields or {})
        self.retry_after = retry_after
        self.content = content

    @property
    def sentence(self) -> str:
        """The panel's own words, in English; translated by who shows them."""
        return SENTENCES[self.code]

    def __str__(self) -> str:
        return f"{self.sentence} It said: {self.words}" if self.words else self.sentence

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code!r}, status={self.status})"


class NeverSent(ApiError):
    """No byte of the request left: nothing was done, and it may be sent again."""

    sent = "never"


class Refused(ApiError):
    """The provider said no: nothing was done."""

    sent = "refused"


class BadRequest(Refused):
    pass


class Unauthorized(Refused):
    pass


class PaymentRequired(Refused):
    pass


class Forbidden(Refused):
    pass


class NotFound(Refused):
    pass


class Conflict(Refused):
    pass


class Unprocessable(Refused):
    pass


class TooManyRequests(Refused):
    pass


class Ambiguous(ApiError):
    """It may have been done. Never send again: look."""

    sent = "ambiguous"


_REFUSALS: Final[Mapping[int, tuple[type[Refused], str]]] = {
    400: (BadRequest, "bad_request"),
    401: (Unauthorized, "unauthorized"),
    402: (PaymentRequired, "payment_required"),
    403: (Forbidden, "forbidden"),
    404: (NotFound, "not_found"),
    409: (Conflict, "conflict"),
    422: (Unprocessable, "unprocessable"),
    429: (TooManyRequests, "too_many_requests"),
}


def for_status(status: int, **details: Any) -> ApiError:
    """The error for an answer that is not the documented success."""
    if status == 408:  # the provider gave up waiting; how much it had read, nobody knows
        return Ambiguous("timeout", status=status, **details)
    if 400 <= status < 500:
        kind, code = _REFUSALS.get(status, (Refused, "refused"))
        return kind(code, status=status, **details)
    if 500 <= status < 600:
        return Ambiguous("server_error", status=status, **details)
    code = "redirect" if 300 <= status < 400 else "unexpected_status"
    return Ambiguous(code, status=status, **details)
