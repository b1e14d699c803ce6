"""The way to the OpenID provider and back. None of these pages exists while none is set."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from allauth.account.utils import get_next_redirect_url
from allauth.core.internal import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe

from controlpanel.accounts.models import User
from controlpanel.accounts.signin import openid
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.view_access import ask_again, signed_in

View = Callable[..., HttpResponseBase]
_ACTION: Final = {"app": "allauth.account", "action": "openid", "limit_get": True}


def _if_configured(view: View) -> View:
    @wraps(view)
    def through(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if openid.configured() is None:
            raise Http404
        return view(request, **kwargs)

    return through


def _outward(view: View) -> View:
    """Asks the provider: not too often for one address, and never a traceback for its mistakes."""

    @wraps(view)
    def through(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if not ratelimit.consume(request, **_ACTION):
            return ratelimit.respond_429(request)  # type: ignore[no-any-return]  # no types there
        try:
            return view(request, **kwargs)
        except openid.UNUSABLE:
            return openid.trouble(request, "failed")

    return through


@_if_configured
@require_POST
@_outward
def start(request: HttpRequest) -> HttpResponseBase:
    """Leads on by a page instead of a redirect: a form may lead to this panel only (CSP), and
    where a provider sends people on to is not known here."""
    url = _provider(request).redirect_from_request(request)["Location"]
    name = openid.configured()
    context = {"url": url, "name": name.name if name else ""}
    response = page(request, "account/openid_going.html", context)
    response["Refresh"] = f"0;url={url}"
    return response


@_if_configured
@require_GET
@_outward
def callback(request: HttpRequest) -> HttpResponseBase:
    adapter = _provider(request).get_oauth2_adapter(request)
    view: View = OAuth2CallbackView.adapter_view(adapter)
    return view(request)


@_if_configured
@require_safe
@signed_in
def again(request: HttpRequest, user: User) -> HttpResponseBase:
    """ "Is it you?", answered by the provider."""
    if openid.link_of(user) is None:
        raise Http404
    context = {"next": get_next_redirect_url(request) or "", "name": _provider(request).name}
    return page(request, "account/openid_again.html", context)


@_if_configured
@require_POST
@signed_in
def unlink(request: HttpRequest, user: User) -> HttpResponseBase:
    again = ask_again(request, page_too=False)
    if again:
        return again
    if not user.has_usable_password():
        messages.error(request, _("Set a password first: without the link you need it to sign in."))
        return see_other(request, reverse("own-settings"))
    openid.unlink(request, user)
    messages.success(request, _("The link is gone. The next sign-in by it makes a new one."))
    return see_other(request, reverse("own-settings"))


def _provider(request: HttpRequest) -> openid.Provider:
    found: openid.Provider = get_adapter().get_provider(request, openid.Provider.id)
    return found
