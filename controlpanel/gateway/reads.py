"""Reads pass straight through, with the account's sync token; what is out of reach is left out."""

import json
import re
from collections.abc import Container
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from controlpanel.credentials import clients
from controlpanel.credentials.key_door import Entered
from controlpanel.gateway import troubles
from controlpanel.gateway.answers import Answer, Refusal, refuse
from controlpanel.gateway.routes import BASE, Found, Route
from controlpanel.lib import json_text
from controlpanel.servers import selectors
from controlpanel.servers.models import Server
from controlpanel.vpsorg import wire
from controlpanel.vpsorg.errors import ApiError, NotFound
from controlpanel.vpsorg.read import mapping

# In all, for one request.
SECONDS = clients.WORKER_SECONDS
_LINKS: Final = ("next", "previous")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
# For a place among the requests that wait for the provider.
WAIT = 5.0


def read(request: HttpRequest, entered: Entered, found: Found) -> Answer:
    """Raises Refusal."""
    assert found.route is not None
    query = _query(request, found.route)
    path = found.route.path.replace("{id}", found.id)
    account, scope = entered.key.account, entered.scope
    narrow = not scope.reach.is_all and path.startswith("/servers/")
    if narrow and found.id and not _is_within(entered, found.id):
        raise absent()
    try:
        with (
            clients.page_slot(WAIT),
            clients.sync_client(account, SECONDS, entered.sync) as client,
        ):
            content = client.read(path, query).content
    except NotFound as error:
        raise absent() if narrow else troubles.of_read(error) from None
    except (ApiError, clients.NoClient, clients.Busy) as error:
        raise troubles.of_read(error) from None
    if narrow and not found.id:
        content = _only_within(entered, content)
    elif narrow and wire.server_id(mapping(json_text.value_of(content.decode()))) != found.id:
        raise troubles.unreadable()  # another server's, and nobody asked whether that is in reach
    return Answer(200, _here(content, account.origin))


def absent() -> Refusal:
    """The same for what is out of reach and for what is not there."""
    return refuse(
        404, "not_found", _("There is no such server, or it is not within this key's reach.")
    )


def _query(request: HttpRequest, route: Route) -> str:
    unknown = [name for name in request.GET if name not in route.query]
    if unknown:
        raise refuse(
            400,
            "unknown_parameter",
            _("This address takes no parameter “%(name)s”. It takes: %(known)s.")
            % {"name": unknown[0][:64], "known": ", ".join(route.query) or _("none")},
        )
    for name, values in request.GET.lists():
        whole = route.query[name]["type"] == "integer"
        if len(values) > 1 or (whole and not _WHOLE.fullmatch(values[0])):
            raise refuse(
                400,
                "bad_parameter",
                _("Give the parameter “%(name)s” once, as %(type)s.")
                % {"name": name, "type": _("a whole number") if whole else _("text")},
            )
    return urlencode(list(request.GET.items()))


def _is_within(entered: Entered, server_id: str) -> bool:
    """As the mirror knows it: labels are the panel's own."""
    return _near(entered).filter(provider_id=server_id).exists()


def _near(entered: Entered) -> QuerySet[Server]:
    return selectors.visible(entered.scope).filter(account_id=entered.key.account_id, gone_at=None)


def _only_within(entered: Entered, content: bytes) -> bytes:
    """Of the list only the servers within reach, each as it was written."""
    text = content.decode()
    near = set(_near(entered).order_by().values_list("provider_id", flat=True))
    if text.lstrip().startswith("["):
        return _kept(text, 0, near)[0].encode()
    parts = json_text.members(text) if text.lstrip().startswith("{") else []
    lists = [part for part in parts if part.key == "results"]
    if not lists or not all(isinstance(part.value, list) for part in lists):
        raise troubles.unreadable()
    kept = [_kept(text, part.start, near) for part in lists]
    paged = any(part.value for part in parts if part.key in _LINKS)
    count = str(len(near) if paged else kept[-1][1])
    changes = [(part, shown) for part, (shown, _count) in zip(lists, kept, strict=True)]
    changes += [(part, count) for part in parts if part.key == "count"]
    return json_text.replaced(text, changes).encode()


def _kept(text: str, start: int, near: Container[str | None]) -> tuple[str, int]:
    """The list that begins there, without what is not near, and how many are left."""
    kept = [
        text[item.start : item.end]
        for item in json_text.items(text, start)
        if wire.server_id(mapping(item.value)) in near
    ]
    return f"[{','.join(kept)}]", len(kept)


def _here(content: bytes, origin: str) -> bytes:
    """Links to other pages of a list lead through the gateway as well, or a script would send its
    key past it."""
    if b'"next"' not in content and b'"previous"' not in content and b"\\" not in content:
        return content
    text = content.decode()
    if not text.lstrip().startswith("{"):
        return content
    links = [part for part in json_text.members(text) if part.key in _LINKS and part.value]
    changes = [(part, json.dumps(_link(part.value, origin))) for part in links]
    return json_text.replaced(text, changes).encode() if changes else content


def _link(link: Any, origin: str) -> str | None:
    there = f"{origin}{BASE}/"
    if not isinstance(link, str) or not link.startswith(there):
        return None
    return f"{settings.PANEL_PUBLIC_URL}{BASE}/{link.removeprefix(there)}"
