"""What somebody sent after their session had ended: nothing is done with it. It waits while they
sign in again, and stands in the form then, for them and for nobody else."""

import time
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from controlpanel.accounts.models import User
from controlpanel.lib.text import redact
from controlpanel.web.core.form_filling import filled

_KEY: Final = "typed_again"
_SECONDS: Final = 3600
_LONGEST: Final = 60_000  # characters, in all
# Never kept: what is secret, and what belongs to one sending of the form. Whatever looks like a
# token is left out too, wherever it stands.
SECRETS: Final = frozenset(
    {
        "code",
        "credential",
        "login",
        "oldpassword",
        "password",
        "password1",
        "password2",
        "token",
        "webhook",
    }
)
_OF_ONE_SENDING: Final = {"csrfmiddlewaretoken", "form_id"}


def keep(request: HttpRequest, person: str, page: str) -> bool:
    """Holds what was sent for the person of this id, who will see it at `page`. False, and nothing
    is kept, where nobody knows whose it is, or where it is too much."""
    values = _values(request)
    if not person or sum(len(text) for texts in values.values() for text in texts) > _LONGEST:
        return False
    request.session[_KEY] = {
        "person": person,
        "page": page,
        "action": request.path,
        "values": values,
        "at": int(time.time()),
    }
    return True


def waiting(request: HttpRequest, user: User) -> dict[str, Any] | None:
    """What waits for this page and person; it is given once, and to nobody else ever."""
    kept: dict[str, Any] | None = request.session.get(_KEY)
    if kept is None:
        return None
    is_theirs = kept["person"] == str(user.pk) and time.time() - kept["at"] < _SECONDS
    if is_theirs and (request.method != "GET" or kept["page"].partition("?")[0] != request.path):
        return None
    del request.session[_KEY]
    if not is_theirs:
        return None
    messages.info(
        request,
        _("Your session had ended, so nothing was sent. What you typed stands in the form again.")
        if kept["values"]
        else _("Your session had ended, so nothing was sent. Send it again if you still want it."),
    )
    return kept


def put_back(response: HttpResponseBase, kept: dict[str, Any]) -> None:
    if isinstance(response, HttpResponse) and response.get("Content-Type", "").startswith(
        "text/html"
    ):
        html = response.content.decode(response.charset)
        page = kept["page"].partition("?")[0]
        response.content = filled(html, page, kept["action"], kept["values"])


def _values(request: HttpRequest) -> dict[str, list[str]]:
    left_out = SECRETS | _OF_ONE_SENDING
    return {
        name: list(texts)
        for name, texts in request.POST.lists()
        if name not in left_out and all(redact(text) == text for text in texts)
    }
