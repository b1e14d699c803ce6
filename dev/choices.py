"""What the environment chooses for `make run`, checked before anything is started."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class RefusedError(Exception):
    """Nothing is started; the message is the sentence to show."""


@dataclass(frozen=True, slots=True)
class Choices:
    port: int
    sandbox_port: int | None  # None: VPSORG_API_URL names another provider
    var: Path
    hosts: tuple[str, ...]

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"


def read(environ: Mapping[str, str]) -> Choices:
    port = _port(environ, "PORT", 8000)
    sandbox_port = None
    if not environ.get("VPSORG_API_URL", "").strip():
        sandbox_port = _port(environ, "SANDBOX_PORT", 9000)
        if sandbox_port == port:
            raise RefusedError(
                f"PORT and SANDBOX_PORT are both {port}; give one of them another number."
            )
    hosts = _loopback_hosts()
    for host in hosts:
        _refuse_unless_free("PORT", host, port)
    if sandbox_port:
        _refuse_unless_free("SANDBOX_PORT", "127.0.0.1", sandbox_port)
    var = Path(environ.get("PANEL_VAR", "").strip() or ROOT / "var").resolve()
    return Choices(port, sandbox_port, var, hosts)


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise RefusedError(f"{name} must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def _loopback_hosts() -> tuple[str, ...]:
    """`localhost` may mean either: a browser tries ::1 first where the machine has it."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return ("127.0.0.1",)
    return ("127.0.0.1", "::1")


def _refuse_unless_free(name: str, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise RefusedError(
                f"Port {port} needs rights you do not have; choose one from 1024 up, "
                f"for example {name}={port + 8000 if port < 1024 else port + 1} make run"
            ) from None
        except OSError:
            raise RefusedError(
                f"Port {port} is in use by another program; choose another one, "
                f"for example {name}={port + 1 if port < 65535 else port - 1} make run"
            ) from None
