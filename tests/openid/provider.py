"""A small OpenID Connect provider over HTTP on loopback. A test says what it answers."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID: Final = "control-panel"
CLIENT_SECRET: Final = "a-secret-of-the-client"
_CODE: Final = "one-code"
_SIGN_IN_PAGE: Final = b"""<!doctype html><html lang="en"><title>Provider</title>
<link rel="icon" href="data:,"><h1>Who are you?</h1><form method="post" action="/decided">
<button name="decision" value="yes">It is me</button>
<button name="decision" value="no">Go back</button></form></html>"""


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    """Start it with `with`. `person` are the claims; the others are what goes wrong."""

    person: dict[str, Any] = field(default_factory=dict)
    in_userinfo: bool = False  # address and name are told there, not in the token
    userinfo_sub: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)  # over those of the token
    config: Mapping[str, Any] = field(default_factory=dict)  # over those of discovery
    algorithm: str = "RS256"
    signs_with_another_key: bool = False
    broken: str = ""  # path that answers 500
    garbage: str = ""  # path that answers no JSON
    moved: str = ""  # path that redirects to itself
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._key, self._other_key = _key(), _key()
        self._authorized: dict[str, str] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if urlsplit(self.path).path == "/authorize":
                    provider.authorize(f"{provider.issuer}{self.path}")
                    self._send(200, _SIGN_IN_PAGE, "text/html")
                else:
                    self._answer({})

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                form = _flat(self.rfile.read(length).decode())
                if self.path == "/decided":
                    self._send(302, b"", "text/html", provider.decided(form))
                else:
                    self._answer(form)

            def _answer(self, form: dict[str, str]) -> None:
                status, body = provider.answer(urlsplit(self.path).path, form)
                location = self.path if status == 302 else ""
                self._send(status, body, "application/json", location)

            def _send(self, status: int, body: bytes, kind: str, location: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if location:
                    self.send_header("Location", location)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Provider":
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def authorize(self, url: str) -> dict[str, str]:
        """What a browser does there: somebody signs in. What it comes back with."""
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer}/authorize"
        self._authorized = asked = _flat(parts.query)
        assert asked["client_id"] == CLIENT_ID
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        return {"code": _CODE, "state": asked["state"]}

    def decided(self, form: Mapping[str, str]) -> str:
        """Where a browser goes from the page there: back, with what was decided on it."""
        said = {"code": _CODE} if form["decision"] == "yes" else {"error": "access_denied"}
        query = urlencode({**said, "state": self._authorized["state"]})
        return f"{self._authorized['redirect_uri']}?{query}"

    @property
    def authorized(self) -> Mapping[str, str]:
        return self._authorized

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, bytes]:
        self.asked.append(path)
        if path == self.broken:
            return 500, b"{}"
        if path == self.garbage:
            return 200, b"<html>"
        if path == self.moved:
            return 302, b""
        answers = {
            "/.well-known/openid-configuration": self._discovery,
            "/token": lambda: self._token(form),
            "/userinfo": lambda: self._tells(self.userinfo_sub),
            "/jwks": self._jwks,
        }
        return 200, json.dumps(answers[path]()).encode()

    def _discovery(self) -> dict[str, Any]:
        names = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
        found = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in names.items()}
        own = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"}
        return found | own | dict(self.config)

    def _tells(self, sub: str) -> dict[str, Any]:
        return self.person | ({"sub": sub} if sub else {})

    def _token(self, form: Mapping[str, str]) -> dict[str, Any]:
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        assert challenge == self._authorized["code_challenge"]
        assert (form["code"], form["client_secret"]) == (_CODE, CLIENT_SECRET)
        assert form["redirect_uri"] == self._authorized["redirect_uri"]
        return {"access_token": "for-userinfo", "token_type": "Bearer", "id_token": self._signed()}

    def _signed(self) -> str:
        now = int(time.time())
        told = {"sub": self.person["sub"]} if self.in_userinfo else self.person
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 60,
            "nonce": self._authorized["nonce"],
            **told,
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm != "RS256":
            key: Any = CLIENT_SECRET.ljust(32, "x") if self.algorithm == "HS256" else None
        else:
            key = self._other_key if self.signs_with_another_key else self._key
        return jwt.encode(kept, key, algorithm=self.algorithm, headers={"kid": "first"})

    def _jwks(self) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [key | {"kid": "first", "use": "sig", "alg": "RS256"}]}


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
