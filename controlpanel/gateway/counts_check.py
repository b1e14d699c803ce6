"""Counts of reads that were changed or left out on their way into the audit log.

Numbers of a process have no gaps: one that is neither in an event nor waiting was taken away. What
is not seen: that the newest of a process are missing, as long as no later one was taken in, and a
process of which there is nothing at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext as _

from controlpanel.audit import hashing
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification.other_checks import Problem
from controlpanel.gateway.models import Reads
from controlpanel.gateway.signed_counts import is_proven, name_of

PROVEN: Final = "gateway.reads"
UNPROVEN: Final = "gateway.reads_unproven"
_NAMED: Final = 10


@dataclass(slots=True)
class _Numbers:
    """Of one process. All up to `whole` are there, and those in `beyond`."""

    whole: int = 0
    beyond: set[int] = field(default_factory=set)

    def add(self, number: int) -> bool:
        """False if it was there already."""
        if number <= self.whole or number in self.beyond:
            return False
        self.beyond.add(number)
        while self.whole + 1 in self.beyond:
            self.whole += 1
            self.beyond.remove(self.whole)
        return True

    def missing(self) -> Iterator[int]:
        return (
            number
            for number in range(self.whole + 1, max(self.beyond, default=0))
            if number not in self.beyond
        )


@dataclass(slots=True)
class _Found:
    changed: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)


def check() -> Problem | None:
    """The first kind of problem, with the counts concerned. Raises KeysNotReady without a ring."""
    found = _count()
    if found.missing:  # one may have been on its way from the one place to the other
        found.missing &= _count().missing
    if found.changed:
        return _problem("reads_changed", _("counts of reads were changed"), found.changed)
    if found.missing:
        return _problem("reads_missing", _("counts of reads were left out"), found.missing)
    if found.twice:
        return _problem("reads_twice", _("counts of reads were taken in twice"), found.twice)
    return None


def _count() -> _Found:
    """Only a number that is proven says that there were smaller ones."""
    found, known = _Found(), dict[str, _Numbers]()
    waiting = list(Reads.objects.exclude(process=""))
    for event, name in _taken_in():
        process, _colon, number = name.partition(":")
        if event != PROVEN:
            found.changed.add(name)
        elif not known.setdefault(process, _Numbers()).add(int(number)):
            found.twice.add(name)
    for row in waiting:
        if is_proven(row):
            known.setdefault(row.process, _Numbers()).add(row.number or 0)
        else:
            found.changed.add(name_of(row))
    missing = {f"{process}:{n}" for process, numbers in known.items() for n in numbers.missing()}
    found.missing = missing - found.changed
    return found


def _taken_in() -> Iterator[tuple[str, str]]:
    """Each count that an event names, and which event."""
    events = AuditEvent.objects.filter(event__in=(PROVEN, UNPROVEN)).order_by()
    for event, text in events.values_list("event", "canonical").iterator():
        try:
            numbers = hashing.parse(text)["data"].get("numbers", ())
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # an event that was changed is found by its chain
        yield from ((event, number) for number in numbers)


def _problem(kind: str, what: str, names: set[str]) -> Problem:
    shown = sorted(names)
    more = _(" and %(count)s more") % {"count": len(shown) - _NAMED}
    listed = ", ".join(shown[:_NAMED]) + (more if len(shown) > _NAMED else "")
    return Problem(
        kind, _("Beside the log, %(what)s: %(names)s.") % {"what": what, "names": listed}
    )
