"""The examples of the provider's page for its Servers API, as data, and the clients it shows.

Nothing but host, token and the server's id differs from what stands there.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """`status`: as documented for success; for PATCH and stop none is, and 200 is a guess.
    `state`: of the server that it is about, where it is about one."""

    name: str
    method: str
    path: str
    status: int
    body: Body | None = None
    state: str = "active"

    @property
    def changes(self) -> bool:
        return self.method != "GET"

    def of(self, server_id: str) -> "Example":
        return replace(self, path=self.path.replace("{id}", server_id))


EXAMPLES: Final = (
    Example("list", "GET", "/servers/", 200),
    Example(
        "create",
        "POST",
        "/servers/",
        201,
        {
            "name": "web-server-02",
            "plan_id": 1,
            "os_id": 5,
            "location": "us-west",
            "hostname": "web02.example.com",
            "backups_enabled": True,
        },
    ),
    Example("show", "GET", "/servers/{id}/", 200),
    Example(
        "replace",
        "PUT",
        "/servers/{id}/",
        200,
        {
            "name": "web-server-updated",
            "hostname": "web-updated.example.com",
            "backups_enabled": True,
        },
    ),
    Example("update", "PATCH", "/servers/{id}/", 200, {"name": "new-server-name"}),
    Example("delete", "DELETE", "/servers/{id}/", 204),
    Example("start", "POST", "/servers/{id}/start/", 200, state="stopped"),
    Example("stop", "POST", "/servers/{id}/stop/", 200),
    Example("reboot", "POST", "/servers/{id}/reboot/", 200),
)


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    # As parsed; None for no body.
    body: Any


def curl(origin: str, token: str, example: Example) -> Said:
    command = ["curl", "-s", "-X", example.method, f"{origin}/api/v1{example.path}"]
    command += ["-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json"]
    if example.body is not None:
        command += ["-d", json.dumps(example.body, indent=2)]
    return _ran([*command, "-w", "\n%{http_code}"])


def python(origin: str, token: str, example: Example) -> Said:
    call = f"requests.{example.method.lower()}(url, headers=headers"
    script = f"""
import requests

url = "{origin}/api/v1{example.path}"
headers = {{
    "Authorization": "Bearer {token}",
    "Content-Type": "application/json"
}}
data = {dict(example.body or {})!r}

response = {call}{", json=data" if example.body else ""})
print(response.text)
print(response.status_code)
"""
    return _ran([sys.executable, "-c", script])


def javascript(origin: str, token: str, example: Example) -> Said:
    body = f",\n  body: JSON.stringify({json.dumps(example.body)})" if example.body else ""
    script = f"""
const response = await fetch('{origin}/api/v1{example.path}', {{
  method: '{example.method}',
  headers: {{
    'Authorization': 'Bearer {token}',
    'Content-Type': 'application/json'
  }}{body}
}});

console.log(await response.text());
console.log(response.status);
"""
    return _ran(["node", "--input-type=module", "-e", script])


def php(origin: str, token: str, example: Example) -> Said:
    how = f"curl_setopt($ch, CURLOPT_CUSTOMREQUEST, '{example.method}');"
    if example.body is not None:
        how += f"\ncurl_setopt($ch, CURLOPT_POSTFIELDS, '{json.dumps(example.body)}');"
    script = f"""
$ch = curl_init('{origin}/api/v1{example.path}');
{how}
curl_setopt($ch, CURLOPT_HTTPHEADER, [
    'Authorization: Bearer {token}',
    'Content-Type: application/json'
]);
curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);

$response = curl_exec($ch);
echo $response, "\\n", curl_getinfo($ch, CURLINFO_RESPONSE_CODE);
curl_close($ch);
"""
    return _ran(["php", "-r", script])


_PROGRAMS: Final = {curl: "curl", python: sys.executable, javascript: "node", php: "php"}
# Those that this machine has.
CLIENTS: Final = [client for client, program in _PROGRAMS.items() if shutil.which(program)]


def _ran(command: list[str]) -> Said:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    content, _newline, status = done.stdout.strip().rpartition("\n")
    return Said(int(status), json.loads(content) if content.strip() else None)


# Differ by the moment at which they are asked for, and by the server.
_OF_THE_MOMENT: Final = frozenset({"created_at", "updated_at", "resource_usage"})
_OF_THE_SERVER: Final = frozenset({"id", "ip_address", "ipv6_address"})


def comparable(example: Example, value: Any) -> Any:
    """With the type in place of what must differ: two changes are of two servers."""
    apart = _OF_THE_MOMENT | _OF_THE_SERVER if example.changes else _OF_THE_MOMENT
    plan_and_os = {"plan", "os"}

    def seen(value: Any) -> Any:
        if isinstance(value, list):
            return [seen(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            name: one if name in plan_and_os else _shape(one) if name in apart else seen(one)
            for name, one in value.items()
        }

    return seen(value)


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(one) for name, one in value.items()}
    return type(value).__name__
