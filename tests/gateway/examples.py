"""The examples of the provider's page for its Servers API, as data, and the clients it shows.

Nothing but host, token and the server's id differs from what stands there: ids are those of the
sandbox's servers that are in the state which the example needs.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """`status`: as documented for success; for PATCH and stop none is, and 200 is a guess."""

    name: str
    method: str
    path: str
    status: int
    body: Body | None = None


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
    Example("show", "GET", "/servers/12345/", 200),
    Example(
        "replace",
        "PUT",
        "/servers/12345/",
        200,
        {
            "name": "web-server-updated",
            "hostname": "web-updated.example.com",
            "backups_enabled": True,
        },
    ),
    Example("update", "PATCH", "/servers/12346/", 200, {"name": "new-server-name"}),
    Example("delete", "DELETE", "/servers/12349/", 204),
    Example("start", "POST", "/servers/12348/start/", 200),
    Example("stop", "POST", "/servers/12347/stop/", 200),
    Example("reboot", "POST", "/servers/12350/reboot/", 200),
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


# Differ by the moment at which they are asked for.
_OF_THE_MOMENT: Final = frozenset({"created_at", "updated_at", "resource_usage"})


def same_but_for_time(value: Any) -> Any:
    """With the type in place of what depends on the moment."""
    if isinstance(value, list):
        return [same_but_for_time(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _shape(one) if name in _OF_THE_MOMENT else same_but_for_time(one)
        for name, one in value.items()
    }


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(one) for name, one in value.items()}
    return type(value).__name__
