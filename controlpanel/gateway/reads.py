"""Reads pass straight through, with the account's sync token; what is out of reach is left out."""

from collections.abc import Container

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from controlpanel.credentials.panel_keys.authentication import Entered
from controlpanel.credentials.tokens import clients
from controlpanel.gateway import upstream_errors
from controlpanel.gateway.page_links import LINKS, Lists
from controlpanel.gateway.responses import Answer, Refusal, refuse
from controlpanel.gateway.routes import Found
from controlpanel.lib import json_text
from controlpanel.servers import selectors, sync
from controlpanel.servers.models import Server
from controlpanel.vpsorg import wire
from controlpanel.vpsorg.errors import ApiError, NotFound
from controlpanel.vpsorg.read import mapping

# In all, for one request.
SECONDS = clients.WORKER_SECONDS
# For a place among the requests that wait for the provider.
WAIT = 5.0


def read(request: HttpRequest, entered: Entered, found: Found) -> Answer:
    """Raises Refusal."""
    assert found.route is not None
    path = found.route.path.replace("{id}", found.id)
    lists = Lists(found.route, entered.key.account_id)
    query = lists.query(request)
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
        if entered.sync is None or entered.sync.last_result != "ok":
            sync.answered(account)
    except NotFound as error:
        raise absent() if narrow else upstream_errors.of_read(error) from None
    except (ApiError, clients.NoClient, clients.Busy) as error:
        raise upstream_errors.of_read(error) from None
    if narrow and not found.id:
        content = _only_within(entered, content)
    elif found.id:
        _insist_on(found.id, content, must_tell=narrow)
    return Answer(200, lists.linked(content, query))


def _insist_on(wanted: str, content: bytes, *, must_tell: bool) -> None:
    """Raises Refusal for the answer of another server: a provider that loses count gives it, and
    nobody asked whether that one is within reach."""
    shown = wire.server_id(mapping(json_text.value_of(content.decode())))
    if shown != wanted and (shown or must_tell):
        raise upstream_errors.unreadable()


def absent() -> Refusal:
    """The same for what is out of reach and for what is not there."""
    return refuse(
        404, "not_found", _("There is no such server, or it is not within this key's reach.")
    )


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
        raise upstream_errors.unreadable()
    kept = [_kept(text, part.start, near) for part in lists]
    paged = any(part.value for part in parts if part.key in LINKS)
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
