"""The processes that make up the panel under `make run`, and how each is started."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from dev.choices import Choices
from dev.processes import Child, Log
from dev.valkey import Valkey

PYTHON = sys.executable
CELERY = (PYTHON, "-m", "celery", "--app", "controlpanel.celery")


@dataclass
class Panel:
    services: list[Child] = field(default_factory=list)  # what the others need
    ports: list[int] = field(default_factory=list)  # where the services listen
    pages: list[Child] = field(default_factory=list)  # web, worker, beat
    prepare: Child = field(init=False)

    @property
    def children(self) -> list[Child]:
        return [*self.services, *self.pages]


def assemble(choices: Choices, given: Mapping[str, str]) -> Panel:
    environment = completed(choices, given)
    valkey = None
    if not environment.get("REDIS_URL") and not environment.get("REDIS_URL_FILE"):
        valkey = Valkey(choices.var)
        environment["REDIS_URL"] = valkey.url
    # Only the step that checks and seals the token needs to see it.
    tokenless = {name: text for name, text in environment.items() if name != "VPSORG_API_TOKEN"}

    def child(name: str, command: list[str], standard_input: str = "") -> Child:
        return Child(name, command, tokenless, Log(choices.logs / f"{name}.log"), standard_input)

    panel = Panel()
    if valkey:
        panel.services.append(child("valkey", valkey.command, valkey.configuration))
        panel.ports.append(valkey.port)
    if choices.sandbox_port:
        panel.services.append(child("sandbox", sandbox_command(choices, environment)))
        panel.ports.append(choices.sandbox_port)
    panel.prepare = Child(
        "prepare",
        [PYTHON, "-m", "dev.prepare"],
        environment,
        Log(choices.logs / "prepare.log"),
        speaks=True,
    )
    panel.pages = [
        child("web", web_command(choices, environment)),
        child("worker", worker_command()),
        child("beat", beat_command()),
    ]
    return panel


def completed(choices: Choices, given: Mapping[str, str]) -> dict[str, str]:
    """What every process gets: the environment as given, and what it leaves open."""
    environment = {
        **given,
        "PORT": str(choices.port),
        "PANEL_VAR": str(choices.var),
        "PANEL_DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "controlpanel.settings",
        "PYTHONUNBUFFERED": "1",
    }
    if choices.sandbox_port:
        environment["VPSORG_API_URL"] = f"http://127.0.0.1:{choices.sandbox_port}"
    return environment


def sandbox_command(choices: Choices, environment: Mapping[str, str]) -> list[str]:
    seconds = environment.get("SANDBOX_PROVISION_SECONDS", "").strip() or "20"
    command = [PYTHON, "-m", "controlpanel.sandbox", "--port", str(choices.sandbox_port)]
    return [*command, "--provision-seconds", seconds, "--state", str(choices.var / "sandbox.json")]


def web_command(choices: Choices, environment: Mapping[str, str]) -> list[str]:
    threads = environment.get("PANEL_WEB_THREADS", "").strip() or "8"
    bind = [f"--bind={_bracketed(host)}:{choices.port}" for host in choices.hosts]
    command = [PYTHON, "-m", "gunicorn", "controlpanel.wsgi:application", *bind]
    command += ["--config=python:controlpanel.runtime.gunicorn_worker", "--no-control-socket"]
    return [*command, "--workers=1", f"--threads={threads}"]


def worker_command() -> list[str]:
    # One worker has nobody to gossip with.
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [*CELERY, "worker", "--pool=threads", "--concurrency=4", "--loglevel=INFO", *quiet]


def beat_command() -> list[str]:
    # In memory: everything is due within seconds, so there is nothing worth keeping.
    return [*CELERY, "beat", "--scheduler=celery.beat:Scheduler", "--pidfile="]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
