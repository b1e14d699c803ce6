"""`python -m controlpanel.sandbox --port 9000 --provision-seconds 20 --state FILE`"""

import signal
import sys

# Nothing here speaks TLS, and loading it would cost 4 MB for as long as the sandbox runs.
sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import NoReturn  # noqa: E402

from controlpanel.sandbox.control import DIALECTS  # noqa: E402
from controlpanel.sandbox.server import Sandbox  # noqa: E402
from controlpanel.sandbox.store import UnreadableError  # noqa: E402


def main() -> int:
    given = _arguments()
    try:
        sandbox = Sandbox(
            port=given.port,
            provision_seconds=given.provision_seconds,
            power_seconds=given.power_seconds,
            state=given.state,
            control_door=not given.no_control,
            catalogue=not given.no_catalogue,
            dialect=given.dialect,
            page_size=given.page_size,
            report=_say,
        )
        sandbox.bind()
    except UnreadableError as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"The sandbox cannot start on port {given.port}: {error.strerror}.")
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    _say(f"The sandbox answers at {sandbox.url}/api/v1/")
    try:
        sandbox.serve(poll_seconds=3600)
    finally:
        # A save that is under way ends first; everything saved before is whole in any case.
        sandbox.world.lock.acquire(timeout=0.5)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m controlpanel.sandbox",
        description="A stand-in for the VPS.org API, on this machine only.",
    )
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--provision-seconds", type=float, default=20.0, metavar="N")
    parser.add_argument("--power-seconds", type=float, default=4.0, metavar="N")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the state in this file")
    parser.add_argument("--page-size", type=int, default=0, metavar="N", help="lists in pages")
    parser.add_argument("--dialect", choices=DIALECTS, default=DIALECTS[0])
    parser.add_argument("--no-control", action="store_true", help="without the door /_sandbox/")
    parser.add_argument(
        "--no-catalogue", action="store_true", help="without plans, locations, systems, account"
    )
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _complain(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


def _leave(number: int, frame: object) -> NoReturn:  # noqa: ARG001
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
