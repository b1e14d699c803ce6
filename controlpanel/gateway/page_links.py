"""Pages of a list: how one is asked for, and how links lead to the others through the gateway."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.utils.translation import gettext as _

from controlpanel.gateway import upstream_errors
from controlpanel.gateway.responses import Refusal, refuse
from controlpanel.gateway.routes import BASE, CURSOR, Route
from controlpanel.lib import json_text
from controlpanel.vpsorg.paging import is_none, query_of

# Documented: the first two, beside the results. Guess: the others, and all of them within "links".
_TURNED: Final = ("next", "previous")
LINKS: Final = (*_TURNED, "prev", "first", "last", "self")
_GROUP: Final = "links"
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Lists:
    """Of one route, for one account: a cursor of another account or list is none here."""

    route: Route
    account_id: UUID

    def query(self, request: HttpRequest) -> str:
        """What to ask the provider with. Raises Refusal."""
        route = self.route
        unknown = [name for name in request.GET if name not in route.query]
        if unknown:
            raise refuse(
                400,
                "unknown_parameter",
                _("This address takes no parameter “%(name)s”. It takes: %(known)s.")
                % {"name": unknown[0][:64], "known": ", ".join(route.query) or _("none")},
            )
        for name, values in request.GET.lists():
            if len(values) > 1 or not self._fits(name, values[0]):
                whole = route.query[name]["type"] == "integer"
                raise refuse(
                    400,
                    "bad_parameter",
                    _("Give the parameter “%(name)s” once, as %(type)s.")
                    % {"name": name, "type": _("a whole number") if whole else _("text")},
                )
        if CURSOR in request.GET:
            return self._opened(request)
        return urlencode(list(request.GET.items()))

    def linked(self, content: bytes, asked: str) -> bytes:
        """Links to other pages lead through the gateway, or a script would send its key past it.

        Everything else stays as it was written. Raises Refusal where there is a next page that
        cannot be asked for: it must not look like the last.
        """
        if not any(f'"{name}"'.encode() in content for name in LINKS) and b"\\" not in content:
            return content
        text = content.decode()
        if CURSOR not in self.route.query or not text.lstrip().startswith("{"):
            return content
        changes = []
        for part in _links(text):
            link = self._link(part.value, asked if part.key in _TURNED else None)
            if link is None and part.key == "next":
                raise upstream_errors.unreadable()
            if link is None and self._is_first(part.value):
                link = self._address
            changes.append((part, json.dumps(link)))
        return json_text.replaced(text, changes).encode() if changes else content

    def _link(self, link: Any, asked: str | None) -> str | None:
        """None where it has no query, or leads to this very page."""
        query = query_of(link)
        if query is None or (asked is not None and _pairs(query) == _pairs(asked)):
            return None
        pairs = _pairs(query)
        known = all(name in self.route.query and self._fits(name, text) for name, text in pairs)
        once = len({name for name, _text in pairs}) == len(pairs)
        if not pairs or not known or not once or CURSOR in dict(pairs):
            query = urlencode({CURSOR: signing.dumps(query, salt=self._salt)})
        return f"{self._address}?{query}"

    def _is_first(self, link: Any) -> bool:
        """The list itself: of a second page the previous one often has no query."""
        return isinstance(link, str) and link.rstrip("/").endswith(self.route.path.rstrip("/"))

    def _fits(self, name: str, text: str) -> bool:
        return self.route.query[name]["type"] != "integer" or bool(_WHOLE.fullmatch(text))

    def _opened(self, request: HttpRequest) -> str:
        """SECURITY: signed, so that nothing goes to the provider but its own parameters."""
        try:
            query = signing.loads(request.GET[CURSOR], salt=self._salt)
        except signing.BadSignature:
            raise self._no_cursor() from None
        if len(request.GET) > 1:
            raise self._no_cursor()
        return str(query)

    def _no_cursor(self) -> Refusal:
        words = _("Send “cursor” as it stands in the links of this list, without other parameters.")
        return refuse(400, "bad_parameter", words)

    @property
    def _address(self) -> str:
        return f"{settings.PANEL_PUBLIC_URL}{BASE}{self.route.path}"

    @property
    def _salt(self) -> str:
        return f"gateway.page:{self.account_id}:{self.route.path}"


def _links(text: str) -> Iterator[json_text.Part]:
    """Of a list's own object, and of the object "links" in it."""
    for part in json_text.members(text):
        if _is_link(part):
            yield part
        elif part.key == _GROUP and isinstance(part.value, dict):
            for inner in json_text.members(text[part.start : part.end]):
                if _is_link(inner):
                    at = part.start
                    yield replace(inner, start=at + inner.start, end=at + inner.end)


def _is_link(part: json_text.Part) -> bool:
    """The number of the last page is none, and stays."""
    if is_none(part.value) or part.key not in LINKS:
        return False
    return part.key in _TURNED or not isinstance(part.value, int | float)


def _pairs(query: str) -> list[tuple[str, str]]:
    return sorted(parse_qsl(query, keep_blank_values=True))
