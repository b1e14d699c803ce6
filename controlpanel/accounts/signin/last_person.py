"""Who was signed in last with this browser: so that what is sent after their session has ended can
be kept for them, and for nobody else. The cookie opens nothing."""

from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponseBase

from controlpanel.accounts.models import User

COOKIE: Final = "person"
_SALT: Final = "panel.last-person"


def of(request: HttpRequest) -> str:
    """The person's id, or empty: nobody was, or the cookie is not the panel's."""
    try:
        return Signer(salt=_SALT).unsign(request.COOKIES.get(COOKIE, ""))
    except BadSignature:
        return ""


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """Until the browser is closed; written only when it is somebody else than before."""
    if of(request) == str(user.pk):
        return
    response.set_cookie(
        COOKIE,
        Signer(salt=_SALT).sign(str(user.pk)),
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )
