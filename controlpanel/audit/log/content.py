"""From what is recorded to its canonical content, and from there to the columns."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from controlpanel.audit import hashing
from controlpanel.lib.scope import Actor, Origin
from controlpanel.lib.text import clean, redact

# 1: without the target's own history. What was written so stays so, and is in no history.
VERSION: Final = 2
_TEXT, _NAME, _ITEMS, _DEPTH = 1000, 80, 50, 5
# Bound of all texts within one event's data, in characters.
_BUDGET: Final = 12_000
_LEFT_OUT: Final = "…"
_REDACTED: Final = "[redacted]"
_SECRET_NAMES = {"password", "root_password", "token", "api_token", "secret", "authorization"}

JSON = None | bool | int | float | str | list[Any] | tuple[Any, ...] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What an event is about, copied in as values."""

    kind: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Said:
    """What an event says of a row beside the log: its digest from then on; None: it is gone.

    See `projections`."""

    table: str
    key: str
    digest: str | None


def requested_as(operation: str) -> str:
    """Id of a server that was asked for, until the provider gives it one: a history of its own."""
    return f"new:{operation}"


def build(
    event: str,
    at: datetime,
    actor: Actor,
    origin: Origin,
    target: Target,
    result: str,
    reason: str,
    labels: Iterable[str],
    data: Mapping[str, JSON],
    rows: Iterable[Said] = (),
) -> dict[str, Any]:
    """The content of an event: cleaned, bounded, without anything that looks like a secret."""
    said = rows_said(rows)
    return {
        "v": VERSION,
        "at": hashing.time_text(at),
        "event": event,
        "actor": {
            "kind": actor.kind,
            "id": _line(actor.id, 64),
            "name": _line(actor.name, 254),
            "role": _line(actor.role, 40),
        },
        "origin": {
            "via": origin.via,
            "address": _line(origin.address, 45),
            "user_agent": _line(origin.user_agent, 200),
            "request_id": _line(origin.request_id, 64),
            **({"key": _line(origin.key, 80)} if origin.key else {}),
        },
        "target": {
            "kind": _line(target.kind, 32),
            "id": _line(target.id, 64),
            "name": _line(target.name, 255),
        },
        "result": result,
        "reason": _line(reason, 500),
        "labels": sorted(_line(label, 101) for label in labels),
        "data": _Bounded().of_mapping(data, _DEPTH),
        **({"rows": said} if said else {}),
    }


def rows_said(rows: Iterable[Said]) -> dict[str, str | None]:
    """As it stands in an event: by table and key, the row's digest or null."""
    return {f"{one.table} {one.key}": one.digest for one in rows}


def place_in_history(content: dict[str, Any], seq: int, prev_hash: str) -> None:
    """Adds its number in its target's own history, and the hash of the target's event before."""
    content["target"] |= {"seq": seq, "prev": prev_hash}


def columns(content: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that are derived from an event's content; KeyError or ValueError if it is not
    one."""
    actor, origin, target = content["actor"], content["origin"], content["target"]
    numbered = content["v"] != 1
    return {
        "at": hashing.time_from(content["at"]),
        "event": content["event"],
        "actor_kind": actor["kind"],
        "actor_id": actor["id"],
        "actor_name": actor["name"],
        "actor_role": actor["role"],
        "target_kind": target["kind"],
        "target_id": target["id"],
        "target_name": target["name"],
        "target_seq": target["seq"] if numbered else 0,
        "target_prev": target["prev"] if numbered else "",
        "result": content["result"],
        "via": origin["via"],
        "address": origin["address"],
        "request_id": origin["request_id"],
        "operation_id": _operation(content["data"]),
        # Events from before there were labels have none.
        "labels": framed(content.get("labels", [])),
    }


def framed(labels: Iterable[str]) -> str:
    """ "|env|env:prod|": each label and each key, so that either is found in the column."""
    names = {name for label in labels for name in (label, label.partition(":")[0])}
    return f"|{'|'.join(sorted(names))}|" if names else ""


def _operation(data: Mapping[str, Any]) -> str:
    found = data.get("operation", "")
    return found[:64] if isinstance(found, str) else ""


def _line(value: object, limit: int) -> str:
    text = str(value)
    if text.isascii() and text.isprintable() and len(text) <= limit and "  " not in text:
        line = text.strip(" ")  # what clean() would give, without its cost
    else:
        line = clean(text, limit)
    return redact(line)[:limit]


class _Bounded:
    """Values of one event's data: JSON only, cleaned, and bounded altogether."""

    def __init__(self) -> None:
        self._left = _BUDGET

    def of_mapping(self, values: Mapping[str, Any], depth: int) -> dict[str, Any]:
        kept = list(values.items())[:_ITEMS]
        return {self._text(name, _NAME): self._of(name, value, depth) for name, value in kept}

    def _of(self, name: str, value: object, depth: int) -> Any:
        if value and name.lower() in _SECRET_NAMES:
            return _REDACTED
        if isinstance(value, str):
            return self._text(value, _TEXT)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(value)
        if not isinstance(value, Mapping | list | tuple):
            raise TypeError(f"{name}: {type(value).__name__} does not belong in an audit event")
        if depth == 0:
            return _LEFT_OUT
        if isinstance(value, Mapping):
            return self.of_mapping(value, depth - 1)
        return [self._of(name, item, depth - 1) for item in value[:_ITEMS]]

    def _text(self, value: object, limit: int) -> str:
        if self._left <= 0:
            return _LEFT_OUT
        text = _line(value, limit)
        self._left -= len(text)
        return text

    def _number(self, value: float) -> float | str:
        self._left -= 1
        exact = abs(value) < 2**53 and not (isinstance(value, float) and math.isnan(value))
        return value if exact else self._text(str(value), 40)
