"""What is shown as an example runs as it stands, in each language that this machine has."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from controlpanel.gateway import examples
from controlpanel.gateway.examples import LANGUAGES, SAMPLES, Call, written
from controlpanel.gateway.routes import ROUTES

PROGRAMS = {
    "curl": ("sh", "sh", "curl"),
    "python": (sys.executable, "py", sys.executable),
    "javascript": ("node", "mjs", "node"),
    "php": ("php", "php", "php"),
}
HERE = [name for name, (_run, _ending, program) in PROGRAMS.items() if shutil.which(program)]
# Ids of the sandbox's servers that are in the state which an example needs.
IN_STATE = {"servers.start": "12348"}
# Text as people type it: whatever it holds stays text.
NASTY = """it's "$HOME" `id` \\ $(id) %s — ünï\u200bcode"""


def test_every_call_has_one():
    assert set(SAMPLES) == {route.name for route in ROUTES}
    for route in ROUTES:
        call = SAMPLES[route.name]
        assert call.method == route.method
        assert route.body is not None or call.body is None
        assert set(call.body or ()) <= set(route.body or ())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_key_stands_in_none(language):
    for call in SAMPLES.values():
        text = written(language, "https://panel.example.com", call)
        assert f"https://panel.example.com/api/v1{call.path}" in text
        assert examples.KEY in text
        assert "vpp_" not in text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("language", HERE)
def test_they_run(language, live_server, administrator, sandbox, tmp_path, settings):
    settings.PANEL_PUBLIC_URL = live_server.url
    operation = administrator.post("/servers/12345/reboot/")["X-Operation"].split("/")[-2]
    sandbox.reset()
    for name, call in SAMPLES.items():
        here = call.path.replace(examples.OPERATION, operation)
        here = here.replace("12345", IN_STATE.get(name, "12345"))
        if name == "servers.reboot":
            here = here.replace("12345", "12346")
        if name == "servers.delete":
            here = here.replace("12345", "12349")
        told = Call(call.method, here, call.body, call.headers)
        status = _run(language, live_server.url, told, administrator.text, tmp_path)
        assert status == {"servers.create": 201, "servers.delete": 204}.get(name, 200), name


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("language", HERE)
def test_what_somebody_typed_stays_text(language, live_server, operator, sandbox, tmp_path):
    reason = {} if language == "javascript" else {"X-Reason": NASTY}
    call = Call("PATCH", "/servers/12345/", {"hostname": NASTY}, reason)
    assert _run(language, live_server.url, call, operator.text, tmp_path) == 400
    (sent,) = sandbox.changes()
    assert sent.body == {"hostname": NASTY}


def _run(language: str, url: str, call: Call, key: str, folder: Path) -> int:
    program, ending, _needs = PROGRAMS[language]
    text = written(language, url, call)
    if language == "curl":
        text = text.replace("curl ", "curl -s -w ' %{http_code}' ", 1)
    script = folder / f"example.{ending}"
    script.write_text(text, encoding="utf-8")
    surroundings = {"PATH": os.environ["PATH"], examples.KEY: key}
    done = subprocess.run(
        [program, str(script)],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout.strip()
    if language == "curl":
        content, _space, status = shown.rpartition(" ")
    else:
        status, _space, content = shown.partition(" ")
    assert not content.strip() or json.loads(content) is not None
    return int(status)
