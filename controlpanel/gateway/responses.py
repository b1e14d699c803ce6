"""What the gateway says: the provider's own answer as it came, or one sentence of the panel's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, **more: str) -> "Answer":
        named = {name.replace("_", "-"): text for name, text in more.items()}
        return Answer(self.status, self.content, {**self.headers, **named})

    def response(self) -> HttpResponse:
        kind = "application/json" if self.content else ""
        response = HttpResponse(self.content, status=self.status, content_type=kind or None)
        if not kind:
            del response["Content-Type"]
        for name, text in self.headers.items():
            response[name] = text
        return response


def shown(status: int, value: Mapping[str, Any]) -> Answer:
    return Answer(status, json.dumps(value).encode())


def said(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, /, **more: Any
) -> Answer:
    """A refusal of the panel's: `code` for programs, `detail` for people, and what else helps,
    which may bear any name: a field of the caller's among them. Those two stay as they are."""
    body = {**more, "detail": detail, "code": code}
    return Answer(status, json.dumps(body).encode(), headers or {})


class Refusal(Exception):
    """Ends a request with this answer. Nothing was sent to the provider."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def refuse(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, /, **more: Any
) -> Refusal:
    return Refusal(said(status, code, detail, headers, **more))
