"""The page that shows the gateway: every call, with examples that run as they stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.accounts.access import MEMBER
from controlpanel.accounts.permissions import PERMISSIONS
from controlpanel.gateway.routes import BASE, DOCUMENT, ROUTES, Route, Schema
from controlpanel.gateway.spec import error_codes, examples, openapi
from controlpanel.lib.scope import Scope
from controlpanel.web.core.htmx import page
from controlpanel.web.core.links import gateway_url, panel_keys_url
from controlpanel.web.core.view_access import door

_USUAL: Final = "curl"
# Said to every call alike, so it is not told of each.
_BY_ALL: Final = {one.status for one in error_codes.KNOWN if one.where == "every"}


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: str
    required: bool
    words: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One call. `codes`: those that VPS.org documents; `others`: what the panel adds for it."""

    route: Route
    anchor: str
    address: str
    right: str
    parameters: list[Field]
    fields: list[Field]
    headers: list[str]
    codes: list[tuple[int, str]]
    others: list[int]
    code: str
    answer: str


@door(MEMBER)
def show(request: HttpRequest, scope: Scope) -> HttpResponse:
    given = request.GET.get("lang", "")
    language = given if given in examples.LANGUAGES else _USUAL
    context = {
        "written_in": examples.LANGUAGES[language],
        "languages": _languages(scope, language),
        "gateway": gateway_url(),
        "document": DOCUMENT,
        "keys_url": panel_keys_url(scope),
        "may_have_keys": scope.allows("keys.own"),
        "first": examples.written(
            language, settings.PANEL_PUBLIC_URL, examples.SAMPLES["servers.list"]
        ),
        "groups": _groups(language),
        "headers": openapi.about_headers(),
        "refusals": [
            {
                "status": one.status,
                "code": one.code,
                "meaning": _(one.meaning),
                "remedy": _(one.remedy),
            }
            for one in error_codes.KNOWN
        ],
    }
    return page(request, "api/show.html", context, fragment="api")


def _languages(scope: Scope, current: str) -> list[dict[str, Any]]:
    here = reverse("api", args=[scope.team_slug])
    return [
        {
            "label": label,
            "url": here if slug == _USUAL else f"{here}?lang={slug}",
            "current": slug == current,
        }
        for slug, label in examples.LANGUAGES.items()
    ]


def _groups(language: str) -> list[tuple[str, str, list[Shown]]]:
    titles = {
        "servers": (_("Servers"), _("As VPS.org documents them.")),
        "catalogue": (
            _("What a new server can be made of"),
            _("Read only, and only where VPS.org has these addresses."),
        ),
        "panel": (_("The panel’s own"), _("Answered by the panel, from what it knows itself.")),
    }
    return [
        (title, words, [_shown(route, language) for route in ROUTES if openapi.tag(route) == tag])
        for tag, (title, words) in titles.items()
    ]


def _shown(route: Route, language: str) -> Shown:
    return Shown(
        route=route,
        anchor=route.name.replace(".", "-").replace("_", "-"),
        address=f"{BASE}{route.path}",
        right=str(PERMISSIONS[route.permission]) if route.permission else "",
        parameters=_fields(route.query),
        fields=_fields(route.body or {}, route.required),
        headers=openapi.sent_headers(route),
        codes=[(status, _(openapi.MEANINGS[status])) for status in route.codes if status != 401],
        others=sorted({*error_codes.statuses(route)} - {*route.codes} - _BY_ALL),
        code=examples.written(language, settings.PANEL_PUBLIC_URL, examples.SAMPLES[route.name]),
        answer=examples.answer(route.name),
    )


def _fields(schemas: Mapping[str, Schema], required: tuple[str, ...] = ()) -> list[Field]:
    return [
        Field(name, str(schema["type"]), name in required, _(schema.get("description", "")))
        for name, schema in schemas.items()
    ]
