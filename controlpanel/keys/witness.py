"""Whom `keys` tells what it does: the audit log, which stands above it."""

from collections.abc import Callable
from typing import Any, Final

from django.db import transaction

Witness = Callable[[str, str, dict[str, Any]], None]

_witnesses: Final[list[Witness]] = []


def register(witness: Witness) -> None:
    """It is called with event, result and data, inside a transaction; KeysNotReady ends that."""
    if witness not in _witnesses:
        _witnesses.append(witness)


def tell(event: str, result: str = "success", **data: Any) -> None:
    with transaction.atomic():
        for witness in _witnesses:
            witness(event, result, data)
