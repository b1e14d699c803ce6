"""Browsers that somebody has signed in with: a cookie that only this panel can have made."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

from controlpanel.accounts.models import User

COOKIE: Final = "device"
_YEAR: Final = 365 * 24 * 60 * 60
_PEOPLE: Final = 10  # a browser that more people share forgets who came first


def is_new(request: HttpRequest, user: User) -> bool:
    """False for the very first sign-in as well: there is no other device to warn about."""
    if user.last_login is None:
        return False
    mark = _mark(user)
    return not any(constant_time_compare(mark, known) for known in _known(request))


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    mark = _mark(user)
    others = [known for known in _known(request) if known != mark]
    response.set_cookie(
        COOKIE,
        ".".join([mark, *others][:_PEOPLE]),
        max_age=_YEAR,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def _known(request: HttpRequest) -> list[str]:
    return [part for part in request.COOKIES.get(COOKIE, "").split(".") if part]


def _mark(user: User) -> str:
    return salted_hmac("panel.device", str(user.id), algorithm="sha256").hexdigest()[:32]
