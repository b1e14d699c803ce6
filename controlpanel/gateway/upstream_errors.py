"""When the provider, or the way to it, is the trouble: words that say whether anything was done."""

from typing import Final

from django.utils.translation import gettext as _

from controlpanel.credentials.tokens import clients
from controlpanel.gateway.responses import Answer, Refusal, refuse, said
from controlpanel.vpsorg.errors import ApiError

# Where the provider asks for fewer calls and does not say for how long.
_USUAL_WAIT: Final = 30


def of_read(error: ApiError | clients.NoClient | clients.Busy) -> Refusal:
    if isinstance(error, clients.Busy):
        return refuse(
            503,
            "busy",
            _("Too many requests wait for VPS.org. Nothing was done; send it again in a moment."),
            {"Retry-After": "1"},
        )
    if isinstance(error, clients.NoClient):
        return Refusal(_no_client(error.code))
    return Refusal(_of_error(error))


def unreadable() -> Refusal:
    return refuse(
        502, "unreadable", _("The answer of VPS.org could not be understood. Nothing was changed.")
    )


def _no_client(code: str) -> Answer:
    return said(
        503,
        code,
        _(
            "The panel has no API token of this account that it can use, so VPS.org was not asked. "
            "Somebody who connects accounts chooses one on the panel's pages."
        ),
    )


def _of_error(error: ApiError) -> Answer:
    """Of a read, which changes nothing."""
    if error.code == "asked_to_wait":
        return asked_to_wait(error.retry_after)
    if error.sent == "never":
        return said(503, error.code, f"{_(error.sentence)} {_('Nothing was done.')}")
    if error.sent == "ambiguous":
        status = 504 if error.code == "timeout" else 502
        words = f"{_(error.sentence)} {_('Nothing was changed.')}"
        wait = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        return said(status, error.code, words, wait)
    status = error.status or 502
    return refused(status, error.content, error.words, error.code, error.retry_after)


def _forbidden(words: str) -> str:
    """Its own words first: it may be about anything, such as a host in maintenance."""
    if words:
        answered = _("VPS.org answered 403: “%(words)s”") % {"words": words}
    else:
        answered = _("VPS.org answered 403, without a reason.")
    guess = _(
        "Nothing was done. Our guess, if its words say nothing else: the API token that the panel "
        "has stored lacks the permission. The key of this request is fine."
    )
    return f"{answered} {guess}"


def refused(
    status: int, content: bytes, words: str, code: str, retry_after: int | None = None
) -> Answer:
    """The provider said no: in its own words, unless it is the panel's token that it refuses."""
    if status == 403:
        return said(502, "upstream_token_refused", _forbidden(words))
    if status == 401:
        return said(
            502,
            "upstream_token_refused",
            _(
                "VPS.org does not accept the API token that the panel has stored, so nothing was "
                "done. The key of this request is fine; somebody must replace that token."
            ),
        )
    headers = {"Retry-After": str(retry_after or _USUAL_WAIT)} if status == 429 else {}
    if content:
        return Answer(status, content, headers)
    return said(status, code, words or _("VPS.org refused this, so nothing was done."), headers)


def asked_to_wait(seconds: int | None) -> Answer:
    """Until then the panel asks for nothing of this account: `seconds` are left."""
    words = _("VPS.org asked the panel to wait, so it was not asked now. Nothing was done.")
    return said(429, "too_many_requests", words, {"Retry-After": str(seconds or 1)})
