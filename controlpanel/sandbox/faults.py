"""What can go wrong between a client and the provider, on request.

A fault is matched by method and by a regular expression searched for in the path, for a number
of times. Kinds that act before the call is done leave the world as it was; `apply` turns that
round for one fault.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

# kind: whether the call is done all the same
KINDS = {
    "accept_close": False,  # the connection is closed before anything is read; ignores method, path
    "drop_before": False,  # closed without an answer, nothing done
    "drop_after": True,  # done, then closed without an answer
    "reset": False,  # TCP reset instead of an answer
    "hang": False,  # silent for `seconds`, then closed
    "delay": True,  # done, then answers after `seconds`
    "late": True,  # waits `seconds`, only then does the call and answers
    "status": False,  # answers `status`, `body`, `headers`
    "redirect": False,  # answers `status` (302) to `location`
    "garbage": True,  # a success whose body is no JSON
    "html": True,  # a success whose body is a page
    "empty": True,  # a success without a body
    "truncated": True,  # the body ends before its announced length
    "drip": True,  # one byte of the body every `interval`, for `seconds`
    "oversize": True,  # a JSON body of `size` bytes
    "wrong_id": True,  # the answer is about the server `id` (else the next one)
    "rewrite": True,  # in every server: `set` replaces, `remove` leaves out; `top`: in the whole
    "hostile": True,  # `text` (a name of HOSTILE, or the text itself) in every word
    "stuck": True,  # what the call begins never ends
    "stale_list": True,  # lists as they were when the fault was set
    "short_list": True,  # lists of the first `keep`; `count` tells the truth unless `lie`
}

HOSTILE = {
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>\"'",
    "crlf": "x\r\nSet-Cookie: a=b\r\n\r\n<h1>x</h1>",
    "nul": "nul\x00byte \x1b[31m red \x07",
    "bidi": "\u202egnp.exe\u2066 \u200bhidden\ufeff",
    "formula": "=HYPERLINK(\"https://evil.example\",\"x\")",
    "long": "A" * 10_000,
    "surrogate": "half \ud83d emoji",
}  # fmt: skip

_NEED_THE_CALL = frozenset(
    {"delay", "late", "wrong_id", "rewrite", "hostile", "stuck", "stale_list", "short_list"}
)
_WORDS = frozenset({"name", "hostname", "status", "location", "message", "detail", "description"})


_NUMBERS = ("skip", "delay", "seconds", "interval", "status", "size", "keep")


@dataclass(slots=True)
class Fault:
    kind: str
    method: str = "*"
    path: str = ""
    token: str = ""  # only calls with the token of this name
    times: int | None = 1  # none: until taken away
    skip: int = 0  # calls that match and are let through first
    apply: bool | None = None
    delay: float = 0.0  # seconds before whatever happens to the answer
    seconds: float = 30.0
    interval: float = 1.0
    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    location: str = "http://169.254.169.254/latest/meta-data/"
    size: int = 1_500_000
    chunked: bool = False
    id: Any = None
    set: dict[str, Any] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    top: dict[str, Any] = field(default_factory=dict)
    text: str = "script"
    keep: int = 0
    lie: bool = False
    hits: int = 0
    frozen: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault of the kind {self.kind!r}.")
        if self.kind in _NEED_THE_CALL and self.apply is False:
            raise ValueError(f"The fault {self.kind!r} needs the call to be done.")
        for name in _NUMBERS:
            if not isinstance(getattr(self, name), int | float):
                raise TypeError(f"{name} is a number.")
        re.compile(self.path)

    @property
    def applies(self) -> bool:
        return KINDS[self.kind] if self.apply is None else self.apply

    def spent(self) -> bool:
        return self.times is not None and self.hits >= self.times

    def matches(self, method: str, path: str, token: str) -> bool:
        return (
            self.kind != "accept_close"
            and self.method.upper() in {"*", method}
            and (not self.token or self.token == token)
            and re.search(self.path, path) is not None
        )


_NOT_GIVEN = {"hits", "frozen"}
OPTIONS = frozenset(item.name for item in fields(Fault)) - _NOT_GIVEN


def from_json(data: dict[str, Any]) -> Fault:
    unknown = data.keys() - OPTIONS
    if unknown:
        raise ValueError(f"Unknown: {', '.join(sorted(unknown))}.")
    try:
        return Fault(**data)
    except (TypeError, re.error) as error:
        raise ValueError(str(error)) from None


def as_json(fault: Fault) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in sorted(OPTIONS)} | {"hits": fault.hits}


class Faults:
    """Those set; the oldest that matches and is not spent acts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def all(self) -> list[Fault]:
        with self._lock:
            return list(self._faults)

    def take(self, method: str, path: str, token: str = "") -> Fault | None:
        return self._take(lambda fault: fault.matches(method, path, token))

    def take_connection(self) -> Fault | None:
        return self._take(lambda fault: fault.kind == "accept_close")

    def _take(self, wanted: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.spent() or not wanted(fault):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.hits += 1
                return fault
        return None


def bent(fault: Fault, body: Any, account: str) -> Any:
    """The body of an answer, as this fault changes it; other kinds leave it alone."""
    if not isinstance(body, dict):
        return body
    if fault.kind == "hostile":
        return _hostile(body, HOSTILE.get(fault.text, fault.text))
    if fault.kind == "rewrite":
        changed = _in_every_server(body, lambda one: _rewritten(one, fault))
        return changed | fault.top
    if fault.kind == "wrong_id":
        return _in_every_server(body, lambda one: _renumbered(one, fault))
    if fault.kind == "stale_list" and "results" in body:
        frozen = fault.frozen.get(account, [])
        return body | {"count": len(frozen), "results": frozen}
    if fault.kind == "short_list" and "results" in body:
        kept = body["results"][: fault.keep]
        return body | {"count": len(kept) if fault.lie else body["count"], "results": kept}
    return body


def _in_every_server(
    body: dict[str, Any], change: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    if "results" in body:
        return body | {"results": [change(one) for one in body["results"]]}
    if isinstance(body.get("server"), dict):
        return body | {"server": change(body["server"])}
    return change(body)


def _rewritten(one: dict[str, Any], fault: Fault) -> dict[str, Any]:
    kept = {name: value for name, value in one.items() if name not in fault.remove}
    return kept | fault.set


def _renumbered(one: dict[str, Any], fault: Fault) -> dict[str, Any]:
    if fault.id is not None:
        return one | {"id": fault.id}
    return one | {"id": one["id"] + 1} if isinstance(one.get("id"), int) else one


def _hostile(value: Any, text: str) -> Any:
    if isinstance(value, list):
        return [_hostile(item, text) for item in value]
    if isinstance(value, dict):
        return {
            name: text if name in _WORDS and isinstance(item, str) else _hostile(item, text)
            for name, item in value.items()
        }
    return value
