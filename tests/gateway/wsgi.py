"""A way for `requests` into this very process: what a real client sends, without a socket."""

import io
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from django.test.client import ClientHandler
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse


class InProcess(BaseAdapter):
    def __init__(self) -> None:
        super().__init__()
        self._handler = ClientHandler(enforce_csrf_checks=True)

    def send(
        self, request: requests.PreparedRequest, *_options: Any, **_named: Any
    ) -> requests.Response:
        answer: Any = self._handler(_environ(request))
        headers = dict(answer.items())
        found = requests.Response()
        found.request, found.url = request, request.url or ""
        found.status_code, found.reason = answer.status_code, answer.reason_phrase
        found.headers.update(headers)
        found.raw = HTTPResponse(
            body=io.BytesIO(answer.content), headers=headers, preload_content=False
        )
        return found

    def close(self) -> None:
        pass


def _environ(request: requests.PreparedRequest) -> dict[str, Any]:
    """As a WSGI server makes it of what comes over the wire."""
    address = urlsplit(request.url or "")
    body = request.body or b""
    content = body.encode() if isinstance(body, str) else body
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": text for name, text in request.headers.items()
    }
    # Neither bears the prefix in CGI.
    kept = {name: headers.pop(f"HTTP_{name}", "") for name in ("CONTENT_TYPE", "CONTENT_LENGTH")}
    return {
        **headers,
        **kept,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(address.path).decode("latin-1"),
        "QUERY_STRING": address.query,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": address.hostname,
        "SERVER_PORT": str(address.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": address.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": address.scheme,
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
