"""The calls that the panel makes, each with its documented success code."""

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlencode

from controlpanel.lib.secret import Secret
from controlpanel.vpsorg import choices, inner_failure, read, wire, words
from controlpanel.vpsorg.connections import Key
from controlpanel.vpsorg.deadline import Deadline
from controlpanel.vpsorg.errors import Ambiguous, NeverSent, Refused
from controlpanel.vpsorg.origin import normalise
from controlpanel.vpsorg.paging import Pages
from controlpanel.vpsorg.read import Unreadable, ident, passable, tree
from controlpanel.vpsorg.request import ANY_SUCCESS, Reply, request
from controlpanel.vpsorg.token import valid_token as valid_token
from controlpanel.vpsorg.wire import (
    AccountSeen,
    Answer,
    Catalogue,
    PowerAnswer,
    ServerAnswer,
    ServerList,
)

_OK: Final = frozenset({200})


class Client:
    """The API with one token. Every method sends once, never again, and raises ApiError.

    Seconds: `total` bounds a whole method, `connect` and `read` one wait within it, and
    `together` all methods, from now on. `credential`: id of what the token is; connections are
    kept for it alone, and closed when its token is another.
    """

    def __init__(
        self, origin: str, token: Secret, *, total: float = 15.0, connect: float = 3.0,
        read: float = 10.0, together: float = math.inf, credential: str = "",
    ) -> None:  # fmt: skip
        if not valid_token(token):
            raise ValueError("An API token has 8 to 512 visible characters.")
        self._origin = normalise(origin)
        self._token = token
        self._key = Key.of(self._origin, token, credential)
        self._total, self._connect, self._read = total, connect, read
        self._ends = time.monotonic() + together

    def __repr__(self) -> str:
        return f"Client({self._origin!r})"

    @property
    def seconds_left(self) -> float:
        """Of the time for all methods. When none is left, a call ends as one never sent."""
        return self._ends - time.monotonic()

    def list_servers(self, *, status: str | None = None, location: str | None = None) -> ServerList:
        """documented: 200, 401; paging is a guess."""
        wanted = {"status": status, "location": location}
        pages = self._pages("/servers/", {k: v for k, v in wanted.items() if v is not None})
        answer = Answer(200, "", pages.seconds)
        return wire.server_list(pages.entries, pages.count, whole=pages.whole, answer=answer)

    def create_server(self, body: Mapping[str, Any]) -> ServerAnswer:
        """documented: 201, 400, 401, 402."""
        reply = self._call("POST", "/servers/", ANY_SUCCESS, body=body)
        with _understood(reply):
            shown = self._heard(reply, "create")
            seen = wire.new_server(shown)
        return ServerAnswer(seen, self._answer(reply, shown))

    def get_server(self, server_id: str) -> ServerAnswer:
        """documented: 200, 401, 404."""
        reply = self._call("GET", _path(server_id), _OK)
        with _understood(reply):
            shown = self._tree(reply)
            seen = wire.same_server(shown, server_id)
        return ServerAnswer(seen, self._answer(reply, shown))

    def replace_server(self, server_id: str, body: Mapping[str, Any]) -> ServerAnswer:
        """documented: 200, 400, 404; no answer is shown."""
        return self._changed(server_id, self._call("PUT", _path(server_id), ANY_SUCCESS, body=body))

    def update_server(self, server_id: str, body: Mapping[str, Any]) -> ServerAnswer:
        """documented: no status, no answer."""
        reply = self._call("PATCH", _path(server_id), ANY_SUCCESS, body=body)
        return self._changed(server_id, reply)

    def delete_server(self, server_id: str) -> Answer:
        """documented: 204, 404."""
        reply = self._call("DELETE", _path(server_id), ANY_SUCCESS)
        if not reply.content:
            return self._answer(reply)
        with _understood(reply):
            shown = self._heard(reply, "delete")
        return self._answer(reply, shown)

    def start_server(self, server_id: str) -> PowerAnswer:
        """documented: 200, 400 (already running), 404."""
        return self._power(server_id, "start")

    def stop_server(self, server_id: str) -> PowerAnswer:
        """documented: an answer, but no status."""
        return self._power(server_id, "stop")

    def reboot_server(self, server_id: str) -> PowerAnswer:
        """documented: 200, 400 (not running), 404."""
        return self._power(server_id, "reboot")

    def account(self) -> AccountSeen:
        """Any active token may ask; it may also not be there."""
        reply = self._call("GET", "/account/me/", _OK)
        with _understood(reply):
            return wire.account(self._tree(reply))

    def plans(self) -> Catalogue:
        return self._catalogue("/plans/", choices.plans)

    def locations(self) -> Catalogue:
        return self._catalogue("/locations/", choices.locations)

    def operating_systems(self) -> Catalogue:
        return self._catalogue("/operating-systems/", choices.operating_systems)

    def ssh_keys(self) -> Catalogue:
        return self._catalogue("/ssh-keys/", choices.ssh_keys)

    def _catalogue(self, path: str, read: Callable[..., Catalogue]) -> Catalogue:
        pages = self._pages(path)
        whole = pages.whole and (pages.count is None or pages.count <= len(pages.entries))
        return read(pages.entries, whole=whole)

    def read(self, path: str, query: str = "") -> Answer:
        """A GET of an address of the API, its answer to be passed on. Raises ApiError."""
        reply = self._call("GET", path, _OK, query=query)
        with _understood(reply):
            return Answer(reply.status, "", reply.seconds, passable(reply.content, self._token))

    def _pages(self, path: str, query: Mapping[str, str] | None = None) -> Pages:
        deadline = self._deadline()
        pages = Pages(urlencode(query or {}))
        while pages.to_ask is not None:
            reply = self._call("GET", path, _OK, query=pages.to_ask, deadline=deadline)
            with _understood(reply):
                pages.add(self._tree(reply))
        pages.seconds = deadline.passed()
        return pages

    def _power(self, server_id: str, verb: inner_failure.Change) -> PowerAnswer:
        reply = self._call("POST", f"{_path(server_id)}{verb}/", ANY_SUCCESS)
        if reply.status != 200 and not reply.content:
            return PowerAnswer(None, self._answer(reply))
        with _understood(reply):
            shown = self._heard(reply, verb, has_result=True)
            status = wire.power_status(shown, server_id)
        return PowerAnswer(status, self._answer(reply, shown))

    def _changed(self, server_id: str, reply: Reply) -> ServerAnswer:
        if not reply.content:
            return ServerAnswer(None, self._answer(reply))
        with _understood(reply):
            shown = self._heard(reply, "update")
            seen = wire.changed_server(shown, server_id)
        return ServerAnswer(seen, self._answer(reply, shown))

    def _call(
        self,
        method: str,
        path: str,
        success: Collection[int],
        *,
        query: str = "",
        body: Mapping[str, Any] | None = None,
        deadline: Deadline | None = None,
    ) -> Reply:
        return request(
            self._key,
            self._token,
            method,
            path,
            success=success,
            deadline=deadline or self._deadline(),
            query=query,
            body=body,
        )

    def _deadline(self) -> Deadline:
        return Deadline(min(self._total, self.seconds_left), self._connect, self._read)

    def _heard(
        self, reply: Reply, change: inner_failure.Change, *, has_result: bool = False
    ) -> Any:
        """What a change was answered with, unless that says that it failed. `has_result`: its
        `status` is a result word, as it also is where no server is shown."""
        shown = self._tree(reply)
        no_server = wire.server_id(read.mapping(shown)) is None
        found = inner_failure.verdict(shown, change, outer_status=has_result or no_server)
        if found is None:
            return shown
        kind = Refused if found == "nothing_done" else Ambiguous
        raise kind(
            "inner_failure",
            status=reply.status,
            words=words.of_failure(shown, self._token),
            content=passable(reply.content, self._token),
        )

    def _tree(self, reply: Reply) -> Any:
        return tree(reply.content, self._token)

    def _answer(self, reply: Reply, shown: Any = None) -> Answer:
        content = b"" if shown is None else passable(reply.content, self._token)
        return Answer(reply.status, wire.message(shown), reply.seconds, content)


def _path(server_id: str) -> str:
    # SECURITY: ".." or "a/b" would turn this into another call, a delete of something else.
    if ident(server_id) is None:
        raise NeverSent("bad_id")
    return f"/servers/{server_id}/"


@contextmanager
def _understood(reply: Reply) -> Iterator[None]:
    """A success code with an answer that is not one: nobody knows what was done."""
    try:
        yield
    except Unreadable:
        unreadable = Ambiguous("unreadable", status=reply.status)
    else:
        return
    raise unreadable
