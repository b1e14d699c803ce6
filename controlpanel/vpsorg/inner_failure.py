"""An answer with a success code that says in its words that the change failed.

Nobody documents how VPS.org would say so; `success`, `ok`, `error` and `errors` are what such APIs
use (guess). Its words count, not its code. That nothing was done is believed where just that is
said, of the server or of the whole call: what was asked for may be sent again then, and a server
that was made and "not started" would be bought twice.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Literal

from controlpanel.vpsorg import read

Verdict = Literal["nothing_done", "unclear"]
Change = Literal["create", "update", "delete", "start", "stop", "reboot"]

_NO: Final = frozenset({"false", "no", "0"})
_NOTHING_WRONG: Final = _NO | {"", "null", "none"}
# Beside "success", which is documented, as the outer status of a power call.
_FAILED: Final = frozenset({"error", "failed", "failure", "fail"})
# What is said to have been done or not: of any change, and of each.
_ANY: Final = ("done", "changed", "applied", "executed", "performed", "accepted")
_OWN: Final[Mapping[Change, tuple[str, ...]]] = {
    "create": ("created", "provisioned", "deployed", "ordered"),
    "update": ("updated", "renamed", "saved", "edited"),
    "delete": ("deleted", "removed", "destroyed", "terminated"),
    "start": ("started", "booted", "powered on"),
    "stop": ("stopped", "halted", "shut down", "powered off"),
    "reboot": ("rebooted", "restarted"),
}
_MORE: Final = ("made", "taken", "modified", "processed", "carried out", "touched", "affected")
_ALL: Final = (*_ANY, *_MORE, *(word for words in _OWN.values() for word in words))
_SERVER: Final = r"(?:server|vps|vm|instance|machine)"
_CALL: Final = "(?:requests?|operations?|actions?|calls?|orders?|jobs?|tasks?)"
# Its name, quoted or such as no word is.
_NAMED: Final = r"(?: (?:\"[^\"]{0,64}\"|'[^']{0,64}'|[\w.]{0,64}[\d-][\w.-]{0,64}))?"
# Of a clause: "the backup of the server" is no server.
_BEGIN: Final = r"(?:^|[.:;,!?] |\b(?:so|and) )(?:(?:the|this|your|that|a) )?"
# "To the firewall" nothing may have been done, and the server be made.
_IN_ALL: Final = (
    rf"(?! (?:to|about|with|for|on|in|at) (?!(?:the |this |your )?(?:{_SERVER}|account)\b))"
)
_WAS: Final = "(?:was|were|is|has been|have been|has|have|been|got)"
_DONE: Final = re.compile(
    rf"\b(?:is being|(?!is ){_WAS}|{_SERVER}{_NAMED}) (?:now |successfully |already )*"
    rf"(?:{'|'.join(_ALL)})\b"
)
# With one of these in it, a sentence like that is no promise.
_HEDGED: Final = re.compile(
    r"\b(?:may|might|maybe|perhaps|possibly|probably|could|whether|unknown|unclear|unsure|partly|"
    r"partially?|fully|completely|entirely|cleanly|yet|in time|time[ds]? ?out|timeout|"
    r"pending|queued|some|all|except|but|only|if|further|other|else|more)\b"
)
# Of a server that is so already, nothing was asked.
_SO_ALREADY: Final[Mapping[Change, str]] = {
    "start": "already (?:running|started|active)",
    "stop": "already stopped|not running",
    "reboot": "not running|already stopped",
}
_MOST: Final = 4000


@cache
def _nothing(change: Change) -> re.Pattern[str]:
    words, was = "|".join((*_ANY, *_MORE, *_OWN[change])), f"(?:{_WAS} )?"
    state = _SO_ALREADY.get(change, "(?!)")
    was_not = rf"(?:{was}not (?:been )?|(?:was|were|is|has|have)n't (?:been )?)"
    return re.compile(
        rf"\bnothing {was}(?:{words}|happened)\b{_IN_ALL}|"
        rf"\bno (?:changes?|modifications?|(?:new )?{_SERVER}s?) {was}(?:{words})\b{_IN_ALL}|"
        rf"\bno {_CALL} {was}(?:{words}|started|begun|sent)\b{_IN_ALL}|"
        rf"{_BEGIN}(?:{_SERVER}{_NAMED}|it|changes?) {was_not}(?:{words})\b|"
        rf"{_BEGIN}{_CALL} {was_not}(?:{words}|started|begun|sent)\b|"
        rf"{_BEGIN}{_SERVER}{_NAMED} {_WAS} (?:left )?unchanged\b|"
        rf"(?:^|{_BEGIN}(?:{_SERVER}{_NAMED} (?:is )?|it is ))(?:{state})\b",
        re.MULTILINE,
    )


def verdict(body: Any, change: Change | None, *, outer_status: bool) -> Verdict | None:
    """None for an answer that says nothing of a failure. `change`: what was asked for, None for a
    read. `outer_status`: its `status` is a result word and not the state of a server."""
    # Some write "Success".
    entry = [(name.casefold(), value) for name, value in read.mapping(body).items()]
    statuses = [value for name, value in entry if name == "status"] if outer_status else []
    if not (_says_no(entry) or any(_is_failed(one) for one in statuses)):
        return None
    return "nothing_done" if change and _says_nothing_was_done(entry, change) else "unclear"


def _says_no(entry: list[tuple[str, Any]]) -> bool:
    return any(
        _is_no(value) if name in {"success", "ok"} else _is_something(value)
        for name, value in entry
        if name in {"success", "ok", "error", "errors"}
    )


def _is_no(value: Any) -> bool:
    """False, 0, and the same as text. Null says nothing."""
    if isinstance(value, str):
        return value.strip().casefold() in _NO
    return isinstance(value, bool | int | float) and not value


def _is_something(value: Any) -> bool:
    """Null, false, 0, the same as text and what is empty, however deep, mean nothing."""
    if isinstance(value, dict):
        return any(_is_something(one) for one in value.values())
    if isinstance(value, list):
        return any(_is_something(one) for one in value)
    if isinstance(value, str):
        return value.strip().casefold() not in _NOTHING_WRONG
    return bool(value)


def _is_failed(value: Any) -> bool:
    return read.text(value, 64).casefold() in _FAILED


def _says_nothing_was_done(entry: list[tuple[str, Any]], change: Change) -> bool:
    said = "\n".join(_texts([value for _name, value in entry]))[:_MOST]
    said = said.casefold().replace("\u2019", "'")
    deeds = {name: value for name, value in entry if name in _ALL and isinstance(value, bool)}
    nothing = _nothing(change)
    if any(deeds.values()) or _HEDGED.search(said) or _DONE.search(nothing.sub(" ", said)):
        return False
    return bool(deeds.keys() & {*_ANY, *_OWN[change]} or nothing.search(said))


def _texts(value: Any, depth: int = 4) -> list[str]:
    if isinstance(value, str):
        return [value]
    if depth == 0 or not isinstance(value, dict | list):
        return []
    inner = value.values() if isinstance(value, dict) else value
    return [text for one in inner for text in _texts(one, depth - 1)]
