"""What packages above keep on its way into the log: each says what is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Problem:
    """`kind`: a stable slug; `sentence`: names what was changed or left out."""

    kind: str
    sentence: str


Check = Callable[[], Problem | None]
_checks: Final[list[Check]] = []


def register(check: Check) -> None:
    if check not in _checks:
        _checks.append(check)


def first_problem() -> Problem | None:
    return next((problem for check in _checks if (problem := check())), None)
