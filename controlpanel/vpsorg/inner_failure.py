"""An answer with a success code that says in its words that the change failed.

Nobody documents how VPS.org would say so; `success`, `ok`, `error` and `errors` are what such APIs
use (guess). Its words count, not its code.
"""

import re
from typing import Any, Final, Literal

from controlpanel.vpsorg import read

Verdict = Literal["nothing_done", "unclear"]

_NO: Final = frozenset({"false", "no", "0"})
# Beside "success", which is documented, as the outer status of a power call.
_FAILED: Final = frozenset({"error", "failed", "failure", "fail"})
# A member of the body that says of the change, as a whole, that it was not made.
_DEEDS: Final = (
    "done", "changed", "applied", "executed", "performed", "created", "started", "stopped",
    "rebooted", "deleted", "updated", "accepted",
)  # fmt: skip
_PAST: Final = (
    "done|made|changed|created|started|stopped|rebooted|restarted|deleted|removed|updated|applied|"
    "executed|performed|taken|modified|processed|carried out|accepted|sent|billed|charged"
)
_NOTHING: Final = re.compile(
    rf"\bnothing (?:was |were |has been |is |got )?(?:{_PAST})\b|"
    rf"\bno (?:\w+ )?(?:changes?|actions?|operations?|servers?|modifications?|request)"
    rf" (?:was |were |has been |have been )?(?:{_PAST})\b|"
    rf"\b(?:was|were|has|have|is|been) not (?:been )?(?:{_PAST})\b|"
    rf"\b(?:wasn't|weren't|hasn't been|haven't been) (?:{_PAST})\b|"
    r"\b(?:was|were|is|has been) (?:left )?unchanged\b|"
    r"\balready (?:running|started|stopped|active)\b|\bnot running\b"
)
# With one of these in it, a sentence like that is no promise.
_HEDGED: Final = re.compile(
    r"\b(?:may|might|maybe|perhaps|possibly|probably|could|whether|unknown|unclear|unsure|partly|"
    r"partially?|fully|completely|entirely|cleanly|yet|in time|time[ds]? ?out|timeout|"
    r"pending|queued|some|all|except|but|only|if)\b"
)
_MOST: Final = 4000


def verdict(body: Any, *, outer_status: bool) -> Verdict | None:
    """None for an answer that says nothing of a failure. `outer_status`: its `status` is a result
    word and not the state of a server."""
    entry = read.mapping(body)
    if not (_says_no(entry) or (outer_status and _is_failed(entry.get("status")))):
        return None
    return "nothing_done" if _says_nothing_was_done(entry) else "unclear"


def _says_no(entry: dict[str, Any]) -> bool:
    denied = any(_is_no(entry.get(name)) for name in ("success", "ok"))
    return denied or any(_is_something(entry.get(name)) for name in ("error", "errors"))


def _is_no(value: Any) -> bool:
    """False, 0, and the same as text. Null says nothing."""
    if isinstance(value, str):
        return value.strip().casefold() in _NO
    return isinstance(value, bool | int | float) and not value


def _is_something(value: Any) -> bool:
    """Null, false, 0 and what is empty, however deep, mean nothing."""
    if isinstance(value, dict):
        return any(_is_something(one) for one in value.values())
    if isinstance(value, list):
        return any(_is_something(one) for one in value)
    return bool(value.strip()) if isinstance(value, str) else bool(value)


def _is_failed(value: Any) -> bool:
    return read.text(value, 64).casefold() in _FAILED


def _says_nothing_was_done(entry: dict[str, Any]) -> bool:
    if any(entry.get(name) is False for name in _DEEDS):
        return not any(entry.get(name) is True for name in _DEEDS)
    said = " ".join(_texts(entry))[:_MOST].casefold().replace("\u2019", "'")
    return bool(_NOTHING.search(said)) and not _HEDGED.search(said)


def _texts(value: Any, depth: int = 4) -> list[str]:
    if isinstance(value, str):
        return [value]
    if depth == 0 or not isinstance(value, dict | list):
        return []
    inner = value.values() if isinstance(value, dict) else value
    return [text for one in inner for text in _texts(one, depth - 1)]
