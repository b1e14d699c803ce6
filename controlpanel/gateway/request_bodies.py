"""The body of a request: small, JSON, an object of documented fields, each name once."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _

from controlpanel.gateway.responses import refuse
from controlpanel.gateway.routes import Route, Schema

MOST_BYTES: Final = 64 * 1024
DEEPEST: Final = 5
MOST_TEXT: Final = 1000
_OPEN, _CLOSE = frozenset(b"{["), frozenset(b"}]")


def read(request: HttpRequest, route: Route) -> dict[str, Any]:
    """The fields that were given. Raises Refusal. A call without a body may bring an empty one."""
    content = _content(request)
    if route.body is None:
        if content.strip() not in (b"", b"{}"):
            raise refuse(400, "no_body", _("This call has no body. Send it without one."))
        return {}
    kind = request.headers.get("Content-Type", "").partition(";")
    if kind[0].strip().lower() != "application/json" or not _is_utf8(kind[2]):
        raise refuse(
            415,
            "unsupported_media_type",
            _("Send JSON in UTF-8, with the header Content-Type: application/json."),
        )
    fields = parse(content)
    _check(fields, route.body)
    return fields


def parse(content: bytes) -> dict[str, Any]:
    """Raises Refusal."""
    if _depth(content) > DEEPEST:
        raise refuse(400, "too_deep", _("This JSON is nested too deeply. Send a plain object."))
    try:
        fields = json.loads(
            content.decode(), object_pairs_hook=_once, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise refuse(
            400, "bad_json", _("The body is not valid JSON in UTF-8. Send one object.")
        ) from None
    if not isinstance(fields, dict):
        raise refuse(400, "bad_json", _("Send a JSON object: { … }."))
    return fields


def _content(request: HttpRequest) -> bytes:
    if request.headers.get("Transfer-Encoding"):
        raise refuse(411, "length_required", _("Send the body with its Content-Length."))
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > MOST_BYTES:
        raise refuse(413, "too_large", _("The body is larger than 64 KB."))
    return _received(request, length) if length > 0 else b""


def _received(request: HttpRequest, length: int) -> bytes:
    """The server cuts off who sends slowly, and reading then ends with an error."""
    try:
        content = request.read(length)
    except OSError:
        content = b""
    if len(content) < length:
        raise refuse(
            408,
            "too_slow",
            _("The body did not arrive in time, so nothing was done. Send it once more."),
        )
    return content


def _is_utf8(parameters: str) -> bool:
    name, _sign, value = parameters.partition("=")
    return name.strip().lower() != "charset" or value.strip(' "').lower() in {"utf-8", "utf8"}


def _depth(content: bytes) -> int:
    """Of brackets, those within strings too: nothing documented comes near the limit."""
    depth = deepest = 0
    for byte in content:
        if byte in _OPEN:
            depth += 1
            deepest = max(deepest, depth)
        elif byte in _CLOSE:
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise refuse(400, "duplicate_field", _("A field stands twice in the body. Send it once."))
    return found


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON.")


def _check(fields: Mapping[str, Any], known: Mapping[str, Schema]) -> None:
    """Only what could not be meant for the provider at all; the rest is its to judge."""
    found = ((name, _problem(value, known.get(name))) for name, value in fields.items())
    wrong = {name[:64]: [problem] for name, problem in found if problem}
    if wrong:
        raise refuse(
            400,
            "bad_field",
            _("Nothing was sent: a field is not as documented."),
            None,
            **wrong,
        )


def _problem(value: Any, schema: Schema | None) -> str:
    if schema is None:
        return _("This field is not documented, so it is not passed on.")
    if value is not None and not isinstance(value, str | int):
        return _("This must be of type %(type)s.") % {"type": schema["type"]}
    return "" if _is_plain(str(value)) else _("This is too long, or has characters of no text.")


def _is_plain(text: str) -> bool:
    """What every database can keep, and no more than anything documented needs."""
    return len(text) <= MOST_TEXT and "\0" not in text and not re.search("[\ud800-\udfff]", text)
