"""Every way in which the provider can fail, for every change, through the pages.

At most one changing call, whatever comes; intent and outcome on record; the receipt says done, not
done or unknown; nobody's token on a page; and in the end the panel knows what VPS.org knows.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import cycle

import pytest

from controlpanel.lib import clock
from controlpanel.operations.models import Operation
from tests.faults import invariants, upstream
from tests.faults.changes import BASE, CHANGES, Change, post
from tests.faults.settling import settle, truth
from tests.faults.upstream import DONE, FAULTS, NOT_ASKED, NOT_DONE, UNKNOWN, Fault, Scene
from tests.operations.asks import fresh
from tests.people import Person, look

PersonFor = Callable[[Change], Person]
# One of each that is soon over, each with the next change; the whole table is for `make deep`.
QUICK = list({fault.number: fault for fault in reversed(FAULTS) if not fault.hangs}.values())
DIAGONAL = [
    pytest.param(fault, change, id=f"{fault.name}-{change.name}")
    for fault, change in zip(QUICK, cycle(CHANGES), strict=False)
]
WHOLE = [
    pytest.param(fault, change, id=f"{fault.name}-{change.name}")
    for fault in FAULTS
    for change in CHANGES
]


def test_all_29_are_here() -> None:
    assert {fault.number for fault in FAULTS} == set(range(1, 30))


@pytest.mark.parametrize(("fault", "change"), DIAGONAL)
def test_a_fault(
    scene: Scene, alice: Person, person_for: PersonFor, fault: Fault, change: Change
) -> None:
    check(scene, alice, person_for(change), fault, change)


@pytest.mark.deep
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("fault", "change"), WHOLE)
def test_every_fault_with_every_change(
    scene: Scene, alice: Person, person_for: PersonFor, fault: Fault, change: Change
) -> None:
    check(scene, alice, person_for(change), fault, change)


def check(scene: Scene, alice: Person, person: Person, fault: Fault, change: Change) -> None:
    state = fault.state(change)
    with fault.bring(scene, change):
        page = post(person, change)
        operation = answered(scene, person, page, state)
        look_around(scene, alice, operation)
    scene.sandbox.desk.faults.clear()
    if operation:
        settle(scene.sandbox, scene.account)
        ends_in_truth(scene, person, fresh(operation.id), state)
    invariants.unbroken()


def answered(scene: Scene, person: Person, page, state: str) -> Operation | None:
    """The answer page and the receipt say what came of it."""
    invariants.clean(page)
    if state == NOT_ASKED:
        assert page.status_code == 409
        assert "so nothing was changed" in invariants.words(page)
        assert not Operation.objects.exists()
        assert not scene.sandbox.changes()
        return None
    operation = Operation.objects.get()
    assert operation.state == state, (operation.code, operation.note)
    if state == NOT_DONE and page.status_code == 422:
        said = invariants.words(page)
        assert "No server was created" in said or "so nothing was changed" in said
    else:
        assert page.status_code == 303
        assert page["Location"] == f"{BASE}/operations/{operation.id}/"
    invariants.recorded(operation, state)
    invariants.receipt(person, operation, state)
    assert len(scene.sandbox.changes()) <= 1
    return operation


def look_around(scene: Scene, alice: Person, operation: Operation | None) -> None:
    """While it lasts: a worker looks, and no page fails or tells."""
    clock.shift(timedelta(seconds=10))
    look(scene.account)
    server = operation.provider_id if operation and operation.provider_id else "12345"
    for path in ("servers/", f"servers/{server}/", "operations/", "audit/", "tokens/"):
        page = alice.get(f"{BASE}/{path}")
        assert page.status_code == 200
        invariants.clean(page)
        assert b"<script>alert" not in page.content
        fragment = alice.get(f"{BASE}/{path}", headers={"HX-Request": "true"})
        invariants.clean(fragment)
        assert b"<script>alert" not in fragment.content


def ends_in_truth(scene: Scene, person: Person, operation: Operation, state: str) -> None:
    """What VPS.org did and what the receipt says in the end are the same."""
    assert len(scene.sandbox.changes()) <= 1
    expected = {
        DONE: "observed",
        NOT_DONE: "failed",
        UNKNOWN: truth(operation, scene.sandbox),
    }[state]
    if upstream.is_stuck(operation, scene):
        expected = DONE
    assert operation.state == expected, (operation.code, operation.note)
    invariants.recorded(operation)
    invariants.receipt(person, operation, expected)
