"""From a request to the key it brings, and what that key may do now."""

from dataclasses import replace

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from controlpanel.accounts import access, rate_limit
from controlpanel.accounts.permissions import PERMISSIONS
from controlpanel.accounts.request_origin import of_request
from controlpanel.credentials.panel_keys import authentication
from controlpanel.credentials.panel_keys.authentication import Entered
from controlpanel.gateway.responses import refuse
from controlpanel.gateway.routes import Route


def enter(request: HttpRequest) -> Entered:
    """Raises Refusal, with the same answer for every key that is not accepted."""
    _insist_on_https(request)
    scheme, _sign, text = request.headers.get("Authorization", "").strip().partition(" ")
    origin = replace(of_request(request), via="gateway")
    try:
        return authentication.enter(text.strip() if scheme.lower() == "bearer" else "", origin)
    except authentication.KeyNotAccepted:
        raise refuse(
            401,
            "key_not_accepted",
            _(
                "This panel key is not accepted. Send one that is in force as "
                "“Authorization: Bearer vpp_…”; its owner sees under Panel keys whether it is."
            ),
            {"WWW-Authenticate": "Bearer"},
        ) from None


def check_rate(entered: Entered) -> rate_limit.RateState:
    """Raises Refusal when the key has asked too often."""
    rate, burst = settings.PANEL_GATEWAY_RATE, settings.PANEL_GATEWAY_BURST
    state = rate_limit.take(str(entered.key.id), rate, burst)
    if state.allowed:
        return state
    wait = state.retry_after
    raise refuse(
        429,
        "too_many_requests",
        _("This key asks too often. Nothing was done; wait %(n)d s and send it again.")
        % {"n": wait},
        {**state.headers, "Retry-After": str(wait)},
    )


def check_right(entered: Entered, route: Route, path: str) -> None:
    """Raises Refusal, after it was recorded, for a key without the right."""
    permission = route.permission
    if not permission:
        return
    try:
        access.require(entered.scope, permission, path)
    except access.Denied:
        raise refuse(
            403,
            "permission_denied",
            _(
                "This key may not do that: it lacks the right “%(right)s” (%(words)s). Issue one "
                "that has it, or ask an owner of the team."
            )
            % {"right": permission, "words": PERMISSIONS[permission]},
            permission=permission,
        ) from None


def _insist_on_https(request: HttpRequest) -> None:
    """A redirect would come too late: the key has crossed the net in clear text already."""
    if settings.PANEL_PUBLIC_URL.startswith("https:") and not request.is_secure():
        raise refuse(
            403,
            "https_required",
            _(
                "The gateway answers over https only. Whoever listened has this key now: revoke it "
                "and issue another."
            ),
        )
