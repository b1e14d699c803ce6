"""`make run`: starts everything the panel needs, watches it, and ends all of it again."""

import contextlib
import fcntl
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from dev import choices
from dev.choices import Choices, RefusedError
from dev.panel import Panel, assemble
from dev.parent import Parent
from dev.probes import answers, page_answers
from dev.processes import SHORTEST_PAUSE, Child, end_all
from dev.valkey import ValkeyMissingError

DEMO_PASSWORD = "demo-panel-1"  # noqa: S105 (printed for everybody)
DEMO_PEOPLE = (
    ("owner@example.com", "acme", "may do everything"),
    ("admin@example.com", "acme", "servers with delete, accounts, members, audit log"),
    ("operator@example.com", "acme", "creates, edits, starts, stops, reboots"),
    ("viewer@example.com", "acme", "looks"),
    ("auditor@example.com", "acme", "looks, and reads the audit log"),
    ("outsider@example.com", "globex", "owns another team"),
)
FIRST_PAGE = "/accounts/login/"
ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
START_SECONDS = 120.0
STOP_SECONDS = 7.0


class StoppedError(Exception):
    """Somebody asked for the end."""


class FailedError(Exception):
    """The start came to nothing; the message says why."""


class Supervisor:
    def __init__(self, panel: Panel, chosen: Choices) -> None:
        self.panel = panel
        self.chosen = chosen
        self._parent = Parent()
        self._logs_seen_at = 0.0

    def run(self) -> None:
        for child in self.panel.services:
            child.start()
        self._wait_for(lambda: all(answers(port) for port in self.panel.ports))
        self._prepare()
        for child in self.panel.pages:
            child.start()
        self._wait_for(lambda: page_answers(self.chosen.port, FIRST_PAGE))
        announce(self.chosen)
        while True:
            self._pause(1.0)
            for child in self.panel.children:
                self._keep_running(child)
            self._keep_logs_bounded()

    def stop(self) -> None:
        end_all([[self.panel.prepare, *self.panel.pages], self.panel.services], STOP_SECONDS)

    def _prepare(self) -> None:
        say("Preparing the database and the demo data …")
        prepare = self.panel.prepare
        prepare.start()
        while prepare.is_running:
            self._pause(0.5)
        if prepare.exit_code:
            raise FailedError(f"More: {prepare.log.path}")

    def _wait_for(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            self._pause(0.05)
            for child in self.panel.children:
                if child.exit_code is not None:
                    raise FailedError(
                        f"The panel did not start: {ended(child)}\nMore: {child.log.path}"
                    )
            if time.monotonic() > deadline:
                raise FailedError(f"The panel did not answer in time; see {self.chosen.logs}")

    def _keep_running(self, child: Child) -> None:
        if child.restart_at is not None:
            if time.monotonic() >= child.restart_at:
                child.start()
                say(f"{child.name} was started again.")
        elif child.exit_code is not None:
            pause = child.plan_restart()
            # It may go on dying for a long time; what it says then stands in its log.
            news = ended(child) if pause == SHORTEST_PAUSE else f"{child.name} ended again."
            say(f"{news}\nStarting it again in {pause:g} s.")

    def _keep_logs_bounded(self) -> None:
        if time.monotonic() - self._logs_seen_at > 30:
            self._logs_seen_at = time.monotonic()
            for child in self.panel.children:
                child.log.keep_bounded()

    def _pause(self, seconds: float) -> None:
        """Until a signal comes, a child ends, or the time is over."""
        came = signal.sigtimedwait({*ENDING, signal.SIGCHLD}, seconds)
        if (came and came.si_signo in ENDING) or self._parent.wants_the_end():
            raise StoppedError


def ended(child: Child) -> str:
    code = child.exit_code
    how = f"was ended by {signal.Signals(-code).name}" if code and code < 0 else f"ended ({code})"
    return f"{child.name} {how}. The last it wrote:\n{child.log.tail()}"


def announce(chosen: Choices) -> None:
    width = max(len(email) for email, _, _ in DEMO_PEOPLE)
    people = "\n".join(f"  {email:{width}}  {team:6}  {may}" for email, team, may in DEMO_PEOPLE)
    say(
        f"\nThe panel is ready: {chosen.address}\n\n"
        f"Sign in as one of these, password {DEMO_PASSWORD}:\n{people}\n\n"
        f"Logs are in {chosen.logs}. Ctrl-C ends everything."
    )


def make_folders(chosen: Choices) -> IO[str]:
    """Private folders, and the lock that keeps a second panel out of them."""
    os.umask(0o077)
    chosen.logs.mkdir(parents=True, exist_ok=True)
    chosen.var.chmod(0o700)
    lock = (chosen.var / "run.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RefusedError(
            f"A panel is already running on {chosen.var}; end it first, or give this one "
            "another folder with PANEL_VAR=…"
        ) from None
    return lock


def make_secret_key(path: Path) -> None:
    if not path.exists():
        path.touch(0o600)
        path.write_text(secrets.token_urlsafe(64), encoding="utf-8")


def say(text: str) -> None:
    # That nobody reads any more is no reason to fall.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def main() -> int:
    signal.pthread_sigmask(signal.SIG_BLOCK, {*ENDING, signal.SIGCHLD})
    try:
        chosen = choices.read(os.environ)
        lock = make_folders(chosen)
        key_file = os.environ.get("PANEL_SECRET_KEY_FILE", "").strip()
        make_secret_key(Path(key_file) if key_file else chosen.var / "secret_key")
        supervisor = Supervisor(assemble(chosen, os.environ), chosen)
    except (RefusedError, ValkeyMissingError) as error:
        say(str(error))
        return 1
    with lock:
        try:
            supervisor.run()
        except StoppedError:
            say("\nEnding …")
        except FailedError as error:
            say(str(error))
            return 1
        finally:
            supervisor.stop()
    say("Everything has ended.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
