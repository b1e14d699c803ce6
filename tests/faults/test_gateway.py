"""Every way in which the provider can fail, through the gateway: status, code and words say done,
not done or unknown; at most one changing call; nobody's token; and the operation ends in truth.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import pytest
from django.db import transaction

from controlpanel.operations.models import Operation
from tests.faults import invariants, upstream
from tests.faults.changes import CHANGES, Change
from tests.faults.scripts import CALLS, READS, ask
from tests.faults.settling import settle, truth
from tests.faults.upstream import DONE, FAULTS, NOT_ASKED, NOT_DONE, UNKNOWN, Fault, Scene
from tests.gateway.asking import Script, key_of
from tests.operations.asks import fresh
from tests.people import Person, with_servers

ScriptFor = Callable[[Change], Script]
QUICK = list({fault.number: fault for fault in reversed(FAULTS) if not fault.hangs}.values())
DIAGONAL = list(zip(QUICK, cycle(CHANGES), strict=False))
WHOLE = [
    pytest.param(fault, change, id=f"{fault.name}-{change.name}")
    for fault in FAULTS
    for change in CHANGES
]
# What is answered to a script where the provider's own code is not: it is the panel's token, or
# there was none.
_OWN = {"401": (502, "upstream_token_refused"), "403": (502, "upstream_token_refused")}


@pytest.fixture
def script_for(scene: Scene, person_for: Callable[[Change], Person]) -> ScriptFor:
    made: dict[str, Script] = {}

    def found(change: Change) -> Script:
        if change.role not in made:
            made[change.role] = key_of(person_for(change), scene.account)
        return made[change.role]

    return found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for the provider less long than in use, but long enough for a busy machine."""
    monkeypatch.setattr("controlpanel.gateway.reads.SECONDS", 2.4)


@pytest.mark.parametrize("number", range(2))
def test_a_fault(scene: Scene, script_for: ScriptFor, number: int) -> None:
    for fault, change in DIAGONAL[number::2]:
        script = script_for(change)
        with passing(scene), fault.bring(scene, change):
            answered(scene, script, fault, change)


@pytest.mark.deep
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("fault", "change"), WHOLE)
def test_every_fault_with_every_change(
    scene: Scene, script_for: ScriptFor, fault: Fault, change: Change
) -> None:
    script = script_for(change)
    with fault.bring(scene, change):
        operation = answered(scene, script, fault, change)
    scene.sandbox.desk.faults.clear()
    settle(scene.sandbox, scene.account)
    ends_in_truth(scene, script, fresh(operation.id), expected(fault, change))
    invariants.unbroken()


@contextmanager
def passing(scene: Scene) -> Iterator[None]:
    """What is done in here is not done to the next one."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    scene.account.refresh_from_db()
    scene.settings.VPSORG_API_ORIGIN = scene.account.origin
    scene.sandbox.reset()


def expected(fault: Fault, change: Change) -> str:
    """An edit by a script does not read first, so it is asked for, and fails by itself."""
    state = fault.state(change)
    return NOT_DONE if state == NOT_ASKED else state


def answered(scene: Scene, script: Script, fault: Fault, change: Change) -> Operation:
    state = expected(fault, change)
    answer = ask(script, change)
    invariants.tells_no_token(answer)
    where = (fault.name, change.name, answer.status_code, answer.content[:300])
    operation = Operation.objects.get()
    assert operation.state == state, (*where, operation.code, operation.note)
    invariants.recorded(operation, state)
    assert len(scene.sandbox.changes()) <= 1, where
    assert answer["X-Operation"].endswith(f"/api/v1/operations/{operation.id}/"), where
    if state == DONE:
        assert answer.status_code == CALLS[change.name].done, where
        assert_json(answer, where)
    elif state == UNKNOWN:
        says_unknown(answer, operation, where)
    else:
        says_not_done(scene, answer, fault, where)
    return operation


def says_unknown(answer: Any, operation: Operation, where: Any) -> None:
    told = json.loads(answer.content)
    assert (answer.status_code, told["state"]) == (504, "unknown"), where
    assert told["operation"] == answer["X-Operation"], where
    assert "Do not send it again" in told["detail"], where
    assert told["code"] == operation.code, where


def says_not_done(scene: Scene, answer: Any, fault: Fault, where: Any) -> None:
    told = json.loads(answer.content)
    number = fault.name.split()[0].rstrip(",")
    if number in _OWN:
        assert (answer.status_code, told["code"]) == _OWN[number], where
        assert "nothing was done" in told["detail"].lower(), where
    elif number.isdigit():
        # The provider's own answer, but for the tokens in it.
        assert answer.status_code == int(number), where
        assert told["detail"].startswith("No, "), where
        assert ("Retry-After" in answer) == (number == "429"), where
    else:
        assert not scene.sandbox.changes(), where
        assert answer.status_code == 503, where
        assert "Nothing was done." in told["detail"], where


def assert_json(answer: Any, where: Any) -> None:
    if answer.content:
        assert answer["Content-Type"] == "application/json", where
        json.loads(answer.content)
    else:
        assert "Content-Type" not in answer, where


def ends_in_truth(scene: Scene, script: Script, operation: Operation, state: str) -> None:
    """What VPS.org did is what the script is told in the end."""
    assert len(scene.sandbox.changes()) <= 1
    wanted = {
        DONE: "observed",
        NOT_DONE: "failed",
        UNKNOWN: truth(operation, scene.sandbox),
    }[state]
    if upstream.is_stuck(operation, scene):
        wanted = DONE
    answer = script.get(f"/operations/{operation.id}/")
    invariants.tells_no_token(answer)
    assert answer.status_code == 200
    assert json.loads(answer.content)["state"] == wanted


@pytest.mark.parametrize("name", READS)
def test_a_fault_while_reading(scene: Scene, bob: Person, name: str) -> None:
    script = key_of(bob, scene.account)
    for fault in QUICK:
        with passing(scene):
            looked(scene, script, fault, name)


def test_another_server_is_not_shown_where_it_may_be_out_of_reach(
    scene: Scene, bob: Person
) -> None:
    script = key_of(bob, scene.account, reach=with_servers("12345"))
    scene.sandbox.fault("wrong_id", "GET", r"/servers/\d+/$", id=upstream.ANOTHER)
    answer = script.get("/servers/12345/")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (502, "unreadable")
    scene.sandbox.fault("wrong_id", "GET", "/servers/$", id=upstream.ANOTHER)
    assert json.loads(script.get("/servers/").content)["results"] == []


@pytest.mark.deep
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_while_reading(scene: Scene, bob: Person, fault: Fault, name: str) -> None:
    looked(scene, key_of(bob, scene.account), fault, name)


def looked(scene: Scene, script: Script, fault: Fault, name: str) -> None:
    look = Change(name, name, "GET", r"/servers/(\d+/)?$")
    with fault.bring(scene, look):
        answer = script.get(READS[name])
    invariants.tells_no_token(answer)
    where = (fault.name, name, answer.status_code, answer.content[:300])
    assert not Operation.objects.exists()
    told = json.loads(answer.content)
    # A list that names others is a list; and on a connection that is open already nothing is
    # accepted and closed.
    passes = (fault.name, look.name) == ("another server", "list") or (
        fault.name == "accept and close" and answer.status_code == 200
    )
    state = DONE if passes else fault.state(look)
    if state == DONE:
        assert answer.status_code == 200, where
    elif state == UNKNOWN:
        assert answer.status_code in {502, 504}, where
        assert told["code"], where
        assert "Nothing was changed." in told["detail"], where
    else:
        says_not_done(scene, answer, fault, where)
