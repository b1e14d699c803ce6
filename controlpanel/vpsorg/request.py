"""The one way out to the provider."""

import http.client
import json
import logging
import ssl
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    IncompleteRead,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from controlpanel.lib import request_id
from controlpanel.lib.secret import Secret
from controlpanel.vpsorg import errors, words
from controlpanel.vpsorg.connections import Key
from controlpanel.vpsorg.deadline import Deadline, bound
from controlpanel.vpsorg.read import Unreadable, passable
from controlpanel.vpsorg.session import session
from controlpanel.vpsorg.sockets import SpokeFirst

log = structlog.get_logger(__name__)

BASE: Final = "/api/v1"
MOST_BODY: Final = 1 << 20
ANY_SUCCESS: Final = range(200, 300)
_CHUNK: Final = 1 << 16
_MOST_REFUSAL: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with a success code that was expected."""

    status: int
    content: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class _Got:
    """`spoilt`: code of what went wrong while the body was read."""

    status: int
    content: bytes
    retry_after: str
    spoilt: str


def request(
    key: Key,
    token: Secret,
    method: str,
    path: str,
    *,
    success: Collection[int],
    deadline: Deadline,
    query: str = "",
    body: Mapping[str, Any] | None = None,
) -> Reply:
    """Sends once and returns the answer if its status is one of `success`; raises ApiError.

    A GET whose kept connection turns out to have ended is sent a second time, on a new one."""
    target = f"{BASE}{path}?{query}" if query else f"{BASE}{path}"
    content = None if body is None else json.dumps(body, allow_nan=False).encode()
    deadline.sent = deadline.heard = False
    got = _exchange(method, key, target, token, content, deadline)
    # SECURITY: raised here, outside of any `except`: an error raised while handling another would
    # carry that, and with it the frames that have seen the token.
    error: errors.ApiError | None = None
    if isinstance(got, str):
        error = errors.Ambiguous(got) if deadline.sent else errors.NeverSent(got)
    elif got.status not in success:
        error = _refusal(got, token)
    elif got.spoilt:
        error = errors.Ambiguous(got.spoilt, status=got.status)
    _note(method, path, got, error, deadline)
    if error is not None:
        raise error
    assert isinstance(got, _Got)
    return Reply(got.status, got.content, deadline.passed())


def _exchange(
    method: str, key: Key, target: str, token: Secret, content: bytes | None, deadline: Deadline
) -> _Got | str:
    """The answer, or the code of what happened instead of one."""
    try:
        with (
            bound(deadline),
            session().answer(method, key, target, content, _headers(token)) as response,
        ):
            received, spoilt = _body(response.raw)
            retry_after = response.headers.get("Retry-After", "")
            return _Got(response.status_code, received, retry_after, spoilt)
    except Exception as error:
        # Whatever it was, the caller must learn whether the request can have arrived.
        return _code_after(error) if deadline.sent else _code_before(error, key.origin)


def _headers(token: Secret) -> dict[str, str]:
    """Made as late as possible, and kept nowhere: they have the token."""
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",  # a compressed body could be a bomb
        "Content-Type": "application/json",
        "User-Agent": "controlpanel",
        "Authorization": f"Bearer {token.reveal()}",
    }
    known = request_id.current()
    if request_id.is_acceptable(known):
        headers["X-Request-Id"] = known
    return headers


def _body(response: BaseHTTPResponse) -> tuple[bytes, str]:
    """What could be read, and the code of why that is not all."""
    parts: list[bytes] = []
    size = 0
    try:
        while part := response.read(_CHUNK, decode_content=False):
            parts.append(part)
            size += len(part)
            if size > MOST_BODY:
                return b"", "too_large"
    except (HTTPError, OSError, http.client.HTTPException) as error:
        return b"", _code_after(error)
    return b"".join(parts), ""


def _refusal(got: _Got, token: Secret) -> errors.ApiError:
    said, fields = words.of_refusal(got.content, token)
    return errors.for_status(
        got.status,
        words=said,
        fields=fields,
        retry_after=words.retry_after(got.retry_after),
        content=_passable(got.content, token),
    )


def _passable(content: bytes, token: Secret) -> bytes:
    if len(content) > _MOST_REFUSAL:
        return b""
    try:
        return passable(content, token)
    except Unreadable:
        return b""


def _code_before(error: BaseException, origin: str) -> str:
    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (SpokeFirst, "spoke_first"),
        (NameResolutionError, "name_resolution"),
        (ConnectionRefusedError, "connection_refused"),
        (NewConnectionError, "unreachable"),  # to urllib3 also a ConnectTimeoutError
        (ConnectTimeoutError, "connect_timeout"),
        (ReadTimeoutError, "connect_timeout"),  # what urllib3 calls a handshake that took too long
        (TimeoutError, "connect_timeout"),
        (SSLError, "tls"),
        (ssl.SSLError, "tls"),
    )
    causes = list(_causes(error))
    for kind, code in kinds:
        if any(isinstance(cause, kind) for cause in causes):
            return code
    return "tls" if origin.startswith("https:") else "unreachable"


def _code_after(error: BaseException) -> str:
    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (ReadTimeoutError, "timeout"),
        (TimeoutError, "timeout"),
        (IncompleteRead, "truncated"),
        (http.client.IncompleteRead, "truncated"),
        (http.client.RemoteDisconnected, "connection_lost"),
        (ConnectionError, "connection_lost"),
        (http.client.HTTPException, "unreadable"),
    )
    causes = list(_causes(error))
    for kind, code in kinds:
        if any(isinstance(cause, kind) for cause in causes):
            return code
    return "connection_lost"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that stand behind it, wherever urllib3 puts them."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]


def _note(
    method: str, path: str, got: _Got | str, error: errors.ApiError | None, deadline: Deadline
) -> None:
    """One line a call: no query, no body, no words of the provider."""
    quiet = method == "GET" and error is None
    log.log(
        logging.DEBUG if quiet else logging.INFO,
        "vpsorg.call",
        method=method,
        path=path,
        status=None if isinstance(got, str) else got.status,
        code=error.code if error else "ok",
        sent=error.sent if error else "done",
        seconds=round(deadline.passed(), 3),
    )
