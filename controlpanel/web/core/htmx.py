"""The one place that knows when a request is a fragment's, and how to answer it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails


def is_fragment(request: HttpRequest) -> bool:
    """True for HTMX, but not for a boosted link or a history restore: those want the page."""
    htmx: HtmxDetails = getattr(request, "htmx")  # noqa: B009 set by the middleware
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def is_filtering(request: HttpRequest) -> bool:
    """What somebody types into a list's filters is answered at once, from what is known here."""
    return request.headers.get("HX-Source", "").endswith("#filters")


def is_by_hand(request: HttpRequest) -> bool:
    """A fragment that somebody asked for, as opposed to what an open page asks by itself."""
    return is_filtering(request) or request.headers.get("HX-Source", "").endswith("#load-new")


def is_poll(request: HttpRequest) -> bool:
    """What an open page asks by itself, to see what is new."""
    return request.method == "GET" and "HX-Poll" in request.headers


def page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    fragment: str = "",
    status: int = 200,
) -> HttpResponse:
    """The whole page, or for HTMX the named partial inside it."""
    is_part = bool(fragment) and is_fragment(request)
    name = f"{template}#{fragment}" if is_part else template
    response = render(request, name, context, status=status)
    if is_part and is_poll(request):
        response.content += render(request, "components/frame_parts.html").content
    patch_vary_headers(response, ("HX-Request",))
    return response


class SeeOther(HttpResponseRedirect):
    status_code = 303


def see_other(request: HttpRequest, url: str) -> HttpResponseBase:
    """After a POST that worked: 303, or under HTMX a redirect of the whole page."""
    if is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return SeeOther(url)
