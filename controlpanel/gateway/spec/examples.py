"""Examples of every call, as data, written in four languages. Tests run what is shown.

The key stands in none: each reads it from the environment, under the name that the page of panel
keys gives it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from controlpanel.gateway.routes import BASE

KEY: Final = "VPSORG_API_TOKEN"


@dataclass(frozen=True, slots=True)
class Call:
    """`path`: below /api/v1, with real ids."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_NEW: Final = {
    "name": "web-server-02",
    "plan_id": 1,
    "os_id": 5,
    "location": "us-west",
    "hostname": "web02.example.com",
    "backups_enabled": True,
}
OPERATION: Final = "4f1c2d3e-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
SAMPLES: Final[Mapping[str, Call]] = {
    "servers.list": Call("GET", "/servers/"),
    "servers.create": Call("POST", "/servers/", _NEW, {"Idempotency-Key": "create-web-server-02"}),
    "servers.show": Call("GET", "/servers/12345/"),
    "servers.replace": Call(
        "PUT",
        "/servers/12345/",
        {
            "name": "web-server-updated",
            "hostname": "web-updated.example.com",
            "backups_enabled": True,
        },
    ),
    "servers.update": Call("PATCH", "/servers/12345/", {"name": "new-server-name"}),
    "servers.delete": Call("DELETE", "/servers/12345/", headers={"X-Reason": "No longer needed"}),
    "servers.start": Call("POST", "/servers/12345/start/"),
    "servers.stop": Call("POST", "/servers/12345/stop/"),
    "servers.reboot": Call("POST", "/servers/12345/reboot/"),
    "plans.list": Call("GET", "/plans/"),
    "locations.list": Call("GET", "/locations/"),
    "systems.list": Call("GET", "/operating-systems/"),
    "ssh_keys.list": Call("GET", "/ssh-keys/"),
    "account.me": Call("GET", "/account/me/"),
    "operations.show": Call("GET", f"/operations/{OPERATION}/"),
}

_PLAN: Final = {"id": 1, "name": "Standard VPS", "vcpus": 2, "memory": 4096, "storage": 80}
_SYSTEM: Final = {"id": 5, "name": "Ubuntu 22.04 LTS"}
_MADE: Final = {"created_at": "2025-01-10T14:30:00Z", "updated_at": "2025-01-16T15:45:00Z"}
_HEAD: Final = {
    "id": 12345,
    "name": "web-server-01",
    "hostname": "web01.example.com",
    "status": "active",
    "ip_address": "203.0.113.10",
}


def _power(status: str) -> Mapping[str, Any]:
    server = {"id": 12345, "name": "web-server-01", "status": status}
    return {"status": "success", "message": f"Server is {status}", "server": server}


# What VPS.org documents as its answers, and the panel's own.
ANSWERS: Final[Mapping[str, Any]] = {
    "servers.list": {
        "count": 1,
        "results": [{**_HEAD, "location": "us-west", "plan": _PLAN, "os": _SYSTEM, **_MADE}],
    },
    "servers.create": {
        "id": 12347,
        "name": "web-server-02",
        "hostname": "web02.example.com",
        "status": "provisioning",
        "ip_address": None,
        "location": "us-west",
        "plan": _PLAN,
        "os": _SYSTEM,
        "backups_enabled": True,
        "created_at": "2025-01-16T15:30:00Z",
        "updated_at": "2025-01-16T15:30:00Z",
        "message": "Server is being provisioned. This may take 2-5 minutes.",
    },
    "servers.show": {
        **_HEAD,
        "ipv6_address": "2001:0db8::1",
        "location": "us-west",
        "plan": {**_PLAN, "bandwidth": 2048},
        "os": _SYSTEM,
        "backups_enabled": True,
        "resource_usage": {
            "cpu_percent": 23.5,
            "memory_used": 2048,
            "disk_used": 35,
            "bandwidth_used": 450,
        },
        **_MADE,
    },
    "servers.start": _power("starting"),
    "servers.stop": _power("stopping"),
    "servers.reboot": _power("rebooting"),
    "account.me": {
        "account": {
            "email": "",
            "first_name": "",
            "last_name": "",
            "company_name": "Acme",
            "created_at": "2026-01-10T14:30:00+00:00",
        },
        "token": {
            "name": "ci-deploy",
            "permissions": ["servers:read"],
            "rights": ["servers.view"],
            "expires_at": "2026-04-10T14:30:00+00:00",
        },
    },
    "operations.show": {
        "id": OPERATION,
        "kind": "create",
        "state": "observed",
        "server": {"id": "12347", "name": "web-server-02"},
        "requested_at": "2026-01-16T15:30:00+00:00",
        "sending_at": "2026-01-16T15:30:00+00:00",
        "answered_at": "2026-01-16T15:30:01+00:00",
        "observed_at": "2026-01-16T15:33:12+00:00",
        "ended_at": "2026-01-16T15:33:12+00:00",
        "asked_by": "Bob",
        "reason": "",
        "provider_status": 201,
        "provider_words": "",
        "code": "",
        "seen": [
            {
                "shows": {"status": "active"},
                "at": "2026-01-16T15:33:12+00:00",
                "until": "2026-01-16T15:33:12+00:00",
            }
        ],
        "confirmed_by": "",
        "detail": "",
        "receipt": f"https://panel.example.com/teams/acme/operations/{OPERATION}/",
    },
}


def answer(name: str) -> str:
    """What such a call is answered with; empty where nothing is documented."""
    return json.dumps(ANSWERS[name], indent=2, ensure_ascii=False) if name in ANSWERS else ""


def written(language: str, public_url: str, call: Call) -> str:
    """`public_url`: the panel's, without a slash at its end."""
    return _WRITERS[language](f"{public_url}{BASE}{call.path}", call)


def _headers(call: Call) -> dict[str, str]:
    kind = {"Content-Type": "application/json"} if call.body is not None else {}
    return {**kind, **{name: " ".join(text.split()) for name, text in call.headers.items()}}


def _curl(url: str, call: Call) -> str:
    lines = [f"curl -X {call.method} {_shell(url)}"]
    lines.append(f'-H "Authorization: Bearer ${KEY}"')
    lines += [f"-H {_shell(f'{name}: {text}')}" for name, text in _headers(call).items()]
    if call.body is not None:
        lines.append(f"-d {_shell(_json(call.body, 2))}")
    return " \\\n  ".join(lines)


def _python(url: str, call: Call) -> str:
    lines = [
        f"requests.{call.method.lower()}(",
        f"    {_quoted(url)},",
        "    headers={",
        f"""        "Authorization": f"Bearer {{os.environ['{KEY}']}}",""",
        # requests sends text as Latin-1, or not at all.
        *(
            f"        {_quoted(name)}: {_quoted(text)}{'' if text.isascii() else '.encode()'},"
            for name, text in _headers(call).items()
            if name != "Content-Type"
        ),
        "    },",
    ]
    if call.body is not None:
        lines += [
            "    json={",
            *(f"        {_quoted(name)}: {_python_value(v)}," for name, v in call.body.items()),
            "    },",
        ]
    asked = "\n".join([*lines, "    timeout=30,", ")"])
    shown = "print(response.status_code, response.text)"
    return f"import os\n\nimport requests\n\nresponse = {asked}\n{shown}\n"


def _javascript(url: str, call: Call) -> str:
    lines = [
        f"const response = await fetch({_quoted(url)}, {{",
        f"  method: {_quoted(call.method)},",
        "  headers: {",
        f"    Authorization: `Bearer ${{process.env.{KEY}}}`,",
        *(f"    {_quoted(name)}: {_quoted(text)}," for name, text in _headers(call).items()),
        "  },",
    ]
    if call.body is not None:
        lines.append(f"  body: JSON.stringify({_json(call.body, 2)}),")
    return "\n".join([*lines, "});", "console.log(response.status, await response.text());", ""])


def _php(url: str, call: Call) -> str:
    lines = [
        "<?php",
        f"$ch = curl_init({_php_text(url)});",
        "curl_setopt_array($ch, [",
        f"    CURLOPT_CUSTOMREQUEST => {_php_text(call.method)},",
        "    CURLOPT_RETURNTRANSFER => true,",
        "    CURLOPT_HTTPHEADER => [",
        f"        'Authorization: Bearer ' . getenv('{KEY}'),",
        *(f"        {_php_text(f'{name}: {text}')}," for name, text in _headers(call).items()),
        "    ],",
    ]
    if call.body is not None:
        lines += [
            "    CURLOPT_POSTFIELDS => json_encode([",
            *(f"        {_php_text(name)} => {_php_value(v)}," for name, v in call.body.items()),
            "    ]),",
        ]
    lines += [
        "]);",
        "$answer = curl_exec($ch);",
        "echo curl_getinfo($ch, CURLINFO_RESPONSE_CODE), ' ', $answer, \"\\n\";",
        "",
    ]
    return "\n".join(lines)


_WRITERS: Final[Mapping[str, Callable[[str, Call], str]]] = {
    "curl": _curl,
    "python": _python,
    "javascript": _javascript,
    "php": _php,
}
LANGUAGES: Final[Mapping[str, str]] = {
    "curl": "curl",
    "python": "Python",
    "javascript": "JavaScript",
    "php": "PHP",
}


def _shell(text: str) -> str:
    """In double quotes where that is the same, as the provider's examples have it."""
    if not any(sign in text for sign in '"$`\\!\n'):
        return f'"{text}"'
    return "'" + text.replace("'", "'\\''") + "'"


def _json(value: Any, indent: int) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n" + " " * indent)


def _quoted(text: str) -> str:
    """The same in Python and JavaScript."""
    return json.dumps(text)


def _python_value(value: Any) -> str:
    return repr(value) if value is None or isinstance(value, bool | int) else _quoted(str(value))


def _php_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _php_value(value: Any) -> str:
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    return _php_text(str(value))
