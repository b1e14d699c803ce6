"""Where a team that asks for a second step leads whoever has none, and the way back from there."""

from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.dateformat import format as date_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from controlpanel.accounts.access import MEMBER
from controlpanel.accounts.signin import session_policy
from controlpanel.accounts.teams import team_policies
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.web.core.htmx import page
from controlpanel.web.core.view_access import door

# In the session: the way back, while somebody is at the pages where it is added.
_WAY_BACK: Final = "after_second_step"
DAY: Final = "j F Y"


@door(MEMBER, second_step=False)
def show(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    assert scope.user_id is not None
    back = _wanted(request, scope)
    due = session_policy.second_step_due(team_policies.of(scope.team_id), scope.user_id)
    if due is None:
        request.session.pop(_WAY_BACK, None)
        return redirect(back)
    way_back = f"{_url(scope)}?{urlencode({'next': back})}"
    request.session[_WAY_BACK] = {"team": scope.team_name, "url": way_back}
    is_due = due <= clock.now().date()
    context = {"day": date_format(due, DAY), "is_due": is_due, "back": back}
    return page(request, "team/second_step.html", context)


def banner(request: HttpRequest, scope: Scope | None) -> dict[str, str] | None:
    """On a team's pages before the day; on a person's own pages the way back to the team."""
    due = getattr(request, "second_step_from", None)
    if scope and due and request.path != _url(scope):
        text = _("From %(day)s on, this team lets nobody in without a second step at sign-in.")
        return {
            "tone": "warn",
            "text": text % {"day": date_format(due, DAY)},
            "url": _url(scope),
            "label": _("Add yours"),
        }
    way_back = request.session.get(_WAY_BACK)
    if scope or not way_back:
        return None
    text = _("%(team)s asks for a passkey or an authenticator app. Once you have one, go on there.")
    return {
        "tone": "",
        "text": text % {"team": way_back["team"]},
        "url": way_back["url"],
        "label": _("Go on"),
    }


def _url(scope: Scope) -> str:
    return reverse("second-step", args=[scope.team_slug])


def _wanted(request: HttpRequest, scope: Scope) -> str:
    """The page that somebody was on the way to, if it is one of ours."""
    wanted = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=settings.SESSION_COOKIE_SECURE
    )
    if is_ours and not wanted.startswith(_url(scope)):
        return wanted
    return reverse("team", args=[scope.team_slug])
