"""What holds whatever went wrong."""

import re
from collections import Counter
from html import unescape
from typing import Any

from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification import full_check
from controlpanel.operations.models import Operation
from tests.faults.changes import BASE, TOKENS
from tests.people import Person

# Where the outcome has been written.
ANSWERED = {"accepted", "observed", "failed", "unknown", "not_seen", "cancelled", "closed"}
_HEADLINES = {
    "accepted": "VPS.org accepted it.",
    "observed": "Done, and seen at VPS.org.",
    "failed": "Failed: nothing was done.",
    "unknown": "Unknown: VPS.org may have done this or not.",
    "cancelled": "Cancelled: it was never sent.",
    "not_seen": "Not seen: looked for, and not there.",
}
_RESULTS = {"accepted": "success", "observed": "success", "failed": "failure",
            "unknown": "unknown", "cancelled": "denied"}  # fmt: skip


def words(page: Any) -> str:
    """What stands on the page, as one line of text."""
    return unescape(re.sub(r"\s+", " ", page.content.decode()))


def main(page: Any) -> str:
    """The words of the page's own part, without frame and messages held ready."""
    return words(page).partition("<main")[2].partition("</main>")[0]


def clean(page: Any) -> None:
    """No page of the panel's own failure, and nobody's token."""
    assert page.status_code not in {500, 503}, words(page)
    tells_no_token(page)


def tells_no_token(page: Any) -> None:
    said = page.content.decode() + repr(page.headers) + repr(page.cookies)
    assert not [token for token in TOKENS if token in said]


def phases(operation: Operation) -> Counter[str]:
    events = AuditEvent.objects.filter(operation_id=str(operation.id))
    return Counter(event.phase for event in events)


def counted(prefix: str) -> int:
    return AuditEvent.objects.filter(event__startswith=prefix).count()


def recorded(operation: Operation, state: str | None = None) -> None:
    """One intent; one outcome, once there is one, that says what the state says."""
    found = phases(operation)
    assert found["intent"] == 1
    assert found["outcome"] == (operation.state in ANSWERED)
    if state in _RESULTS:
        events = AuditEvent.objects.filter(operation_id=str(operation.id))
        [outcome] = [event for event in events if event.phase == "outcome"]
        assert outcome.result == _RESULTS[state]


def unbroken() -> None:
    report = full_check.verify()
    assert report.sound, report


def receipt(person: Person, operation: Operation, state: str) -> None:
    """The receipt says where the operation stands, in words and for scripts."""
    page = person.get(f"{BASE}/operations/{operation.id}/")
    assert page.status_code == 200
    clean(page)
    said = words(page)
    assert re.search(rf'<article id="receipt"[^>]* data-state="{state}"', said)
    assert _HEADLINES[state] in said
