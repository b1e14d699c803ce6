"""kill -9 at every point of a change: nothing is sent twice, nothing is lost, and what cannot be
known is called unknown."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from controlpanel.accounts.models import Account
from controlpanel.operations import runner, sweeper
from controlpanel.operations.models import Operation
from controlpanel.sandbox.server import Sandbox
from tests.architecture.tree import ROOT
from tests.faults import invariants
from tests.faults.changes import CHANGES, CREATE, DELETE, REBOOT, START, Change, address, form_of
from tests.faults.settling import passes, settle, truth
from tests.operations.asks import fresh
from tests.people import Person, look

pytestmark = [pytest.mark.databases, pytest.mark.django_db(transaction=True)]
PersonFor = Callable[[Change], Person]
KILLED = -9
OPERATIONS = "controlpanel.operations"
FOLLOWING = "controlpanel.operations.following"


@dataclass(frozen=True, slots=True)
class Step:
    """Something a process of the panel begins, `wait` seconds after the one before. It dies at
    `kill`, or lives when there is none."""

    do: str
    kill: str = ""
    after: bool = False
    wait: float = 0


@dataclass(frozen=True, slots=True)
class Point:
    """`state`: in which the operation is left, none when there is none; `calls`: made by then."""

    name: str
    steps: tuple[Step, ...]
    state: str
    calls: int


ASKED = Step("page", f"{OPERATIONS}.runner:send_within_page")
ANSWERED = Step("page", f"{OPERATIONS}.runner:_write")
LOST = Step("sweep", wait=22)
POINTS = (
    Point("while asking", (Step("page", f"{OPERATIONS}.services:record_intent", after=True),),
          "", 0),
    Point("asked", (ASKED,), "requested", 0),
    Point("claimed", (Step("page", f"{OPERATIONS}.runner:_attempt"),), "sending", 0),
    Point("answered", (ANSWERED,), "sending", 1),
    Point("while writing", (Step("page", f"{OPERATIONS}.runner:record_outcome", after=True),),
          "sending", 1),
    Point("written", (Step("page", f"{OPERATIONS}.runner:_write", after=True),), "accepted", 1),
    Point("worker claimed", (ASKED, Step("sweep", f"{OPERATIONS}.runner:_attempt", wait=11)),
          "sending", 0),
    Point("worker answered", (ASKED, Step("sweep", f"{OPERATIONS}.runner:_write", wait=11)),
          "sending", 1),
    Point("while giving up",
          (ANSWERED, Step("sweep", f"{OPERATIONS}.sweeper:record_outcome", after=True, wait=22)),
          "sending", 1),
    Point("while mirroring",
          (Step("page"), Step("look", "controlpanel.servers.sync:_settle", wait=10)),
          "accepted", 1),
    Point("following", (Step("page"), Step("look", f"{FOLLOWING}.observing:observed", wait=60)),
          "accepted", 1),
    Point("while observing",
          (Step("page"), Step("look", f"{FOLLOWING}.observing:record_later", after=True, wait=60)),
          "accepted", 1),
    Point("while reconciling",
          (ANSWERED, LOST, Step("look", f"{FOLLOWING}.reconcile:record_later", after=True,
                                wait=60)),
          "unknown", 1),
)  # fmt: skip
BY_NAME = {point.name: point for point in POINTS}
FEW = (
    ("asked", CREATE),
    ("claimed", START),
    ("while writing", CREATE),
    ("while observing", DELETE),
)
ALL = [
    pytest.param(point, change, id=f"{point.name}-{change.name}")
    for point in POINTS
    for change in CHANGES
    # An unknown reboot waits for a person, so no worker is ever about to settle it.
    if not (point.name == "while reconciling" and change is REBOOT)
]


class Panel:
    """A process of the panel's code on this test's database; see `child`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._shift = 0.0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.child"],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def fresh(self) -> None:
        self._shift = 0.0

    def waits(self, sandbox: Sandbox, seconds: float) -> None:
        self._shift += seconds
        passes(sandbox, seconds)

    def begin(self, **job: Any) -> int:
        """The process that does it."""
        assert self._process.stdin
        self._process.stdin.write(f"{json.dumps({'shift': self._shift, **job})}\n")
        self._process.stdin.flush()
        return int(self._answer()["pid"])

    def end(self) -> int:
        return int(self._answer()["code"])

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=10)

    def _answer(self) -> dict[str, int]:
        assert self._process.stdout
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def processes(sandbox_server: Sandbox, django_db_setup: None) -> Iterator[Panel]:
    panel = Panel(
        {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.faults.child_settings",
            "FAULTS_DATABASE": str(connection.settings_dict["NAME"]),
            "VPSORG_API_URL": sandbox_server.url,
        }
    )
    yield panel
    panel.close()


@pytest.fixture
def panel(processes: Panel) -> Panel:
    processes.fresh()
    return processes


@dataclass(frozen=True, slots=True)
class Run:
    panel: Panel
    sandbox: Sandbox
    account: Account
    person: Person
    change: Change

    def begin(self, step: Step) -> int:
        self.panel.waits(self.sandbox, step.wait)
        job: dict[str, Any] = {"do": step.do, "kill": step.kill, "after": step.after}
        if step.do == "page":
            self.person.sign_in()
            cookie = self.person.cookies[settings.SESSION_COOKIE_NAME]
            job |= {"address": address(self.change), "form": form_of(self.change, "form-0001")}
            job |= {"session": cookie.value}
        return self.panel.begin(account=str(self.account.id), **job)

    def dies_or_lives(self, step: Step) -> None:
        self.begin(step)
        assert self.panel.end() == (KILLED if step.kill else 0)


@pytest.fixture
def run(
    panel: Panel, sandbox: Sandbox, fleet: Account, person_for: PersonFor
) -> Callable[[Change], Run]:
    return lambda change: Run(panel, sandbox, fleet, person_for(change), change)


@pytest.mark.parametrize(("name", "change"), FEW, ids=lambda value: getattr(value, "name", value))
def test_a_process_is_killed(run: Callable[[Change], Run], name: str, change: Change) -> None:
    check(run(change), BY_NAME[name])


@pytest.mark.deep
@pytest.mark.parametrize(("point", "change"), ALL)
def test_a_process_is_killed_at_every_point(
    run: Callable[[Change], Run], point: Point, change: Change
) -> None:
    check(run(change), point)


@pytest.mark.deep
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "not-arrived"])
def test_a_process_is_killed_while_sending(
    run: Callable[[Change], Run], change: Change, arrived: bool
) -> None:
    """From outside, while the provider takes its time to answer."""
    it = run(change)
    it.sandbox.fault("hang", change.method, change.path, apply=arrived, seconds=60)
    process = it.begin(Step("page"))
    deadline = time.monotonic() + 20
    while not it.sandbox.changes():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process, 9)
    assert it.panel.end() == KILLED
    recovers(it, BY_NAME["answered"])


@pytest.mark.deep
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_what_nobody_picked_up_in_time_is_cancelled(
    run: Callable[[Change], Run], change: Change
) -> None:
    it = run(change)
    it.dies_or_lives(ASKED)
    it.panel.waits(it.sandbox, 301)
    sweeper.sweep()
    operation = Operation.objects.get()
    assert (operation.state, operation.code) == ("cancelled", "too_old")
    assert not it.sandbox.changes()
    invariants.recorded(operation, "cancelled")
    invariants.receipt(it.person, operation, "cancelled")
    invariants.unbroken()


def check(it: Run, point: Point) -> None:
    for step in point.steps:
        it.dies_or_lives(step)
    recovers(it, point)


def recovers(it: Run, point: Point) -> None:
    assert len(it.sandbox.changes()) == point.calls
    operation = Operation.objects.first()
    if operation is None:
        assert not point.state
        assert not invariants.counted("server.")
    else:
        assert operation.state == point.state
        within_a_minute(it, operation)
    # A person who got no answer sends the form again.
    again = it.person.post(address(it.change), form_of(it.change, "form-0001"))
    # What has ended meanwhile is not asked for once more by the same form.
    over = operation is not None and not fresh(operation.id).is_open
    assert again.status_code in ({303, 422} if over else {303})
    settle(it.sandbox, it.account)
    ends_in_truth(it, point, Operation.objects.get())


def within_a_minute(it: Run, operation: Operation) -> None:
    """After a worker is back no operation is left half-way, and its receipt says where it is."""
    passes(it.sandbox, 25)
    sweeper.sweep()
    operation = fresh(operation.id)
    assert operation.state in {"unknown", "accepted"}
    invariants.receipt(it.person, operation, operation.state)
    passes(it.sandbox, 31)  # a look that was killed keeps its claim for half a minute
    look(it.account)


def ends_in_truth(it: Run, point: Point, operation: Operation) -> None:
    assert len(it.sandbox.changes()) == (point.calls or point.state in {"", "requested"})
    was_told = point.state in {"", "requested", "accepted"}
    expected = "observed" if was_told else truth(operation, it.sandbox)
    assert operation.state == expected, operation.note
    invariants.recorded(operation)
    invariants.receipt(it.person, operation, expected)
    invariants.unbroken()


@pytest.mark.parametrize("answers", [True, False], ids=["answered", "lost"])
def test_one_taken_for_dead_that_was_only_slow(
    sandbox: Sandbox, fleet: Account, bob: Person, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    """Its answer comes after a worker has called it unknown: the outcome stays one event, and what
    is known now is told as found out later."""
    real = runner._attempt

    def slowly(*args: Any) -> Any:
        outcome = real(*args)
        passes(sandbox, 25)
        sweeper.sweep()
        return outcome

    monkeypatch.setattr(runner, "_attempt", slowly)
    if not answers:
        sandbox.fault("drop_after", REBOOT.method, REBOOT.path)
    assert bob.post(address(REBOOT), form_of(REBOOT)).status_code == 303
    operation = Operation.objects.get()
    assert operation.state == ("accepted" if answers else "unknown")
    # The answer takes the place of what was said while there was none.
    said = (200, "", "") if answers else (None, "lost", operation.note)
    assert (operation.provider_status, operation.code, operation.note) == said
    assert len(sandbox.changes()) == 1
    invariants.recorded(operation)
    assert invariants.phases(operation)["reconciled"] == int(answers)
    invariants.receipt(bob, operation, operation.state)
    invariants.unbroken()
