"""The allow-list as an OpenAPI 3.1 document, for generators of clients and for tests."""

import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext_noop

from controlpanel.gateway.routes import BASE, ROUTES, Route
from controlpanel.gateway.spec import error_codes, examples, schemas
from controlpanel.vpsorg.read import ID

Json = dict[str, Any]
SCHEME: Final = "panelKey"
_SUCCESS: Final[Mapping[str, str]] = {
    "servers.list": "ServerList",
    "servers.create": "Server",
    "servers.show": "Server",
    "servers.replace": "Server",
    "servers.update": "Server",
    "servers.start": "Power",
    "servers.stop": "Power",
    "servers.reboot": "Power",
    "account.me": "Account",
    "operations.show": "Operation",
}
# What only the panel says; of any other refusal, the words may be the provider's own.
_OF_THE_PANEL: Final = frozenset({401, 403, 408, 411, 413, 415, 500, 502, 503, 504})
# What a server says before it hands a request on, in a page of its own.
_OF_THE_SERVER: Final[Mapping[int, str]] = {
    414: "The address is longer than 4,000 characters.",
    431: "The headers are too large.",
}
_PATH: Final[Mapping[str, Json]] = {
    "{id}": {
        "schema": {"type": "string", "pattern": f"^{ID.pattern}$"},
        "description": "The server's id at VPS.org.",
        "example": "12345",
    },
    "{operation}": {
        "schema": {"type": "string", "format": "uuid"},
        "description": "The operation's id, from X-Operation or an answer's “operation”.",
    },
}
_DESCRIPTION: Final = """\
VPS.org's own API, with the roles, the reach and the record of a team in front of it. A script \
changes host and token and nothing else.

- Every address ends in a slash, and none is redirected.
- The panel's own refusals have `detail`, a sentence for people, and `code`, which stays the \
same. What VPS.org says passes as it came, unknown fields and their order included.
- A change is sent once and never repeated. Send an `Idempotency-Key`, and repeating the request \
is safe: it returns the first answer, for 24 hours.
- When no clear answer of VPS.org came, the status is 504 and `state` is `unknown`: do not send it \
again, ask the operation."""


def answer(request: HttpRequest) -> HttpResponse:
    content, etag = _written(settings.PANEL_PUBLIC_URL)
    headers = {"ETag": etag, "Cache-Control": "public, max-age=300"}
    response = HttpResponse(content, content_type="application/json", headers=headers)
    return get_conditional_response(request, etag, response=response) or response


@cache
def _written(public_url: str) -> tuple[bytes, str]:
    content = json.dumps(document(public_url), separators=(",", ":")).encode()
    return content, quote_etag(sha256(content).hexdigest()[:32])


def document(public_url: str) -> Json:
    paths: Json = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "VPS.org API through the control panel",
            "version": "1",
            "description": _DESCRIPTION,
        },
        "servers": [{"url": f"{public_url}{BASE}"}],
        "security": [{SCHEME: []}],
        "tags": [{"name": name, "description": words} for name, words in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": dict(schemas.SCHEMAS),
            "headers": _HEADERS,
            "parameters": _PARAMETERS,
            "securitySchemes": {
                SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "vpp_…",
                    "description": "A panel key, issued on the page Panel keys of the team.",
                }
            },
        },
    }


_TAGS: Final = {
    "servers": "As VPS.org documents them.",
    "catalogue": "Read only, and only where VPS.org has these addresses.",
    "panel": "Answered by the panel itself.",
}


def tag(route: Route) -> str:
    if route.own:
        return "panel"
    return "servers" if route.name.startswith("servers.") else "catalogue"


def _operation(route: Route) -> Json:
    found: Json = {
        "operationId": route.name.replace(".", "_"),
        "summary": route.sentence,
        "tags": [tag(route)],
        "parameters": _parameters(route),
        "responses": {
            **{str(status): _response(route, status) for status in error_codes.statuses(route)},
            **{str(status): {"description": words} for status, words in _OF_THE_SERVER.items()},
        },
        "x-recorded": "one by one" if route.record == "change" else "by the minute",
    }
    if route.permission:
        # Of what is no OAuth scope, OpenAPI 3.1 says that it is a role that is needed.
        found["security"] = [{SCHEME: [route.permission]}]
    if route.body is not None:
        found["requestBody"] = _body(route)
    return found


def _parameters(route: Route) -> list[Json]:
    found: list[Json] = [
        {"name": part.strip("{}"), "in": "path", "required": True, **about}
        for part, about in _PATH.items()
        if part in route.path
    ]
    for name, schema in route.query.items():
        shape = {key: value for key, value in schema.items() if key != "description"}
        about = {"description": schema["description"]} if "description" in schema else {}
        found.append({"name": name, "in": "query", "schema": shape, **about})
    return found + [{"$ref": f"#/components/parameters/{name}"} for name in sent_headers(route)]


def sent_headers(route: Route) -> list[str]:
    """What may be sent along, beside the key."""
    if route.record != "change":
        return []
    return [*_OF_A_CHANGE, *(["X-Labels"] if route.name == "servers.create" else [])]


def about_headers() -> list[tuple[str, str, bool]]:
    """Name, meaning, and whether it is sent to the panel rather than by it."""
    sent = [(name, about["description"], True) for name, about in _PARAMETERS.items()]
    return sent + [(name, about["description"], False) for name, about in _HEADERS.items()]


def _body(route: Route) -> Json:
    assert route.body is not None
    schema: Json = {
        "type": "object",
        "properties": dict(route.body),
        "additionalProperties": False,
    }
    if route.required:
        schema["required"] = list(route.required)
    media: Json = {"schema": schema}
    if (call := examples.SAMPLES[route.name]).body is not None:
        media["example"] = dict(call.body)
    return {"required": True, "content": {"application/json": media}}


def _response(route: Route, status: int) -> Json:
    found: Json = {
        "description": words(route, status),
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"} for name in _headers(route, status)
        },
    }
    if status != HTTPStatus.NO_CONTENT:
        found["content"] = {"application/json": _media(route, status)}
    return found


def _media(route: Route, status: int) -> Json:
    if status < HTTPStatus.BAD_REQUEST:
        media: Json = {"schema": schemas.ref(_SUCCESS.get(route.name, "Catalogue"))}
        if route.name in examples.ANSWERS:
            media["example"] = examples.ANSWERS[route.name]
        return media
    if status in _OF_THE_PANEL or route.own:
        return {"schema": schemas.ref("Trouble")}
    return {"schema": {"anyOf": [schemas.ref("Trouble"), schemas.ref("ProviderTrouble")]}}


def _headers(route: Route, status: int) -> list[str]:
    found = ["X-Request-Id"]
    if status == HTTPStatus.UNAUTHORIZED:
        return [*found, "WWW-Authenticate"]
    found += ["RateLimit", "RateLimit-Policy"]
    if status in {409, 429, 503}:
        found.append("Retry-After")
    if route.record == "change":
        found += ["X-Operation", "Idempotency-Replayed"]
    return found


def words(route: Route, status: int) -> str:
    """What a status of this call means, in one line."""
    of_the_panel = [known for known in error_codes.of(route) if known.status == status]
    documented = status in route.codes and status != HTTPStatus.UNAUTHORIZED
    found = [MEANINGS[status]] if documented else []
    if of_the_panel:
        found.append("Codes of the panel: " + ", ".join(known.code for known in of_the_panel) + ".")
    return " ".join(found) or HTTPStatus(status).phrase


MEANINGS: Final[Mapping[int, str]] = {
    200: gettext_noop("Done."),
    201: gettext_noop("The server is being made."),
    204: gettext_noop("Deleted."),
    400: gettext_noop("VPS.org does not accept this, or not in the state that the server is in."),
    402: gettext_noop("The VPS.org account has too little credit."),
    404: gettext_noop("There is none, or it is not within the key's reach."),
}


def _text(description: str, **schema: Any) -> Json:
    return {"description": description, "schema": {"type": "string", **schema}}


_OF_A_CHANGE: Final = ("Idempotency-Key", "X-Reason")
_PARAMETERS: Final[Mapping[str, Json]] = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        **_text(
            "Makes repeating safe: the same key with the same request returns the first answer, "
            "for 24 hours and also after a restart. A UUID, or a name of your own.",
            pattern="^[!-~]{1,255}$",
        ),
    },
    "X-Reason": {
        "name": "X-Reason",
        "in": "header",
        **_text("Why, for the audit log, at most 500 characters. A team may demand it. UTF-8."),
    },
    "X-Labels": {
        "name": "X-Labels",
        "in": "header",
        **_text("The panel's labels of the new server: key or key:value, with spaces between."),
    },
}
_HEADERS: Final[Mapping[str, Json]] = {
    "X-Request-Id": _text("Of this request, here and in the audit log."),
    "RateLimit": _text('What is left to this key, such as `"key";r=199;t=1`.'),
    "RateLimit-Policy": _text('How much that is in all, such as `"key";q=200;w=4`.'),
    "Retry-After": _text("Seconds to wait before it is sent again.", pattern="^[0-9]+$"),
    "X-Operation": _text("Address at which the change can be followed."),
    "Idempotency-Replayed": _text("`true` when this is the kept answer of an earlier request."),
    "WWW-Authenticate": _text("Always `Bearer`."),
}
