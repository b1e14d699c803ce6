"""A process that does what the panel does, and may be killed at any point of it.

Reads one job a line from standard input. Each is done in a process of its own, forked from this
one; `kill` names a function at which that process kills itself, as `kill -9` would: before it
begins, or after it has ended.
"""

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402

from controlpanel.accounts.models import Account  # noqa: E402
from controlpanel.lib import clock  # noqa: E402
from controlpanel.operations import sweeper  # noqa: E402
from controlpanel.operations.following import polling  # noqa: E402


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os._exit(_done(job))
        _say(pid=pid)
        _, status = os.waitpid(pid, 0)
        _say(code=os.waitstatus_to_exitcode(status))


def _done(job: dict[str, Any]) -> int:
    try:
        clock.shift(timedelta(seconds=job["shift"]))
        if job.get("kill"):
            _arm(job["kill"], after=job.get("after", False))
        _JOBS[job["do"]](job)
    except BaseException as error:
        sys.stderr.write(f"{error!r}\n")
        return 1
    return 0


def _arm(place: str, *, after: bool) -> None:
    module_name, _, name = place.partition(":")
    module = importlib.import_module(module_name)
    real = getattr(module, name)

    def deadly(*args: Any, **kwargs: Any) -> NoReturn:
        if after:
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    setattr(module, name, deadly)


def _page(job: dict[str, Any]) -> None:
    browser = Client(SERVER_NAME="localhost")
    browser.cookies[settings.SESSION_COOKIE_NAME] = job["session"]
    answer = browser.post(job["address"], job["form"])
    assert answer.status_code == 303, answer.content


def _look(job: dict[str, Any]) -> None:
    account = Account.objects.get(id=job["account"])
    polling.poll(account, at_least=timedelta(0), seconds=5)


def _sweep(job: dict[str, Any]) -> None:
    sweeper.sweep()


def _say(**words: int) -> None:
    sys.stdout.write(f"{json.dumps(words)}\n")
    sys.stdout.flush()


_JOBS: dict[str, Callable[[dict[str, Any]], None]] = {
    "page": _page,
    "look": _look,
    "sweep": _sweep,
}

if __name__ == "__main__":
    main()
