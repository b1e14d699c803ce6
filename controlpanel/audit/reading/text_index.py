"""Words in a long log: a helper's table names the few events that may hold one.

It is filled by a worker, so that writing an event costs nothing more; what it does not know yet is
looked through. It proves nothing and is no part of the log: each event it names is read itself,
and `manage.py index_audit --anew` makes it again from the log.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import StrIndex, Upper
from django.db.models.lookups import GreaterThan

from controlpanel.audit import hashing
from controlpanel.audit.models import AuditEvent, ChainHead, SearchText

# Three characters make an entry of the index; it cannot find less.
SHORTEST: Final = 3
BATCH: Final = 2000
# A word that so many of the newest events hold is met soon when they are read from the newest on.
_WINDOW, _OFTEN = 2000, 10
# As many are looked up one by one.
_FEW: Final = 5000


def matching(found: QuerySet[AuditEvent], chain: str, word: str) -> QuerySet[AuditEvent]:
    """Those of `found`, which are of that chain, that have `word` anywhere in their record."""
    holding = found.filter(_holds(word))
    indexed = _indexed(chain)
    if len(word) < SHORTEST or not indexed or _is_frequent(chain, word):
        return holding
    known = _known(chain, word)
    numbers = list(known[: _FEW + 1])
    if len(numbers) > _FEW:
        return holding.filter(Q(seq__gt=indexed) | Q(seq__in=known))
    of_chain = AuditEvent.objects.filter(_holds(word), chain=chain, seq__gt=indexed)
    return holding.filter(seq__in=[*numbers, *of_chain.values_list("seq", flat=True)])


def index(most: int = 20 * BATCH) -> int:
    """Takes up new events, at most so many; how many there were."""
    done = 0
    for chain, seq in ChainHead.objects.order_by("chain").values_list("chain", "seq"):
        while done < most and (indexed := _indexed(chain)) < seq:
            try:
                done += _take_up(chain, indexed)
            except IntegrityError:  # another worker is at it
                return done
    return done


def clear() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        SearchText.objects.all().delete()
        if connection.vendor == "sqlite":
            cursor.execute("INSERT INTO audit_search(audit_search) VALUES ('delete-all')")


def part_of(column: str, part: str) -> Q:
    """Like `icontains`. Of that PostgreSQL expects to find next to nothing, and reads the whole
    log rather than read it from the newest event on; of this it expects to find much."""
    return Q(GreaterThan(StrIndex(Upper(column), Upper(Value(part))), 0))


def _holds(word: str) -> Q:
    """Written as JSON writes it."""
    return part_of("canonical", json.dumps(word, ensure_ascii=False)[1:-1])


def _indexed(chain: str) -> int:
    return SearchText.objects.filter(chain=chain).aggregate(last=Max("seq"))["last"] or 0


def _is_frequent(chain: str, word: str) -> bool:
    of_chain = AuditEvent.objects.filter(chain=chain).order_by("-seq")
    newest = of_chain.values_list("seq", flat=True).first() or 0
    recent = of_chain.filter(_holds(word), seq__gt=newest - _WINDOW)
    return len(recent.values_list("seq")[:_OFTEN]) == _OFTEN


def _known(chain: str, word: str) -> QuerySet[SearchText, int]:
    texts = SearchText.objects.filter(chain=chain)
    if connection.vendor == "sqlite":
        phrase = '"{}"'.format(word.lower().replace('"', '""'))
        rows = RawSQL("SELECT rowid FROM audit_search WHERE audit_search MATCH %s", [phrase])
        return texts.filter(id__in=rows).values_list("seq", flat=True)
    return texts.filter(text__contains=word.lower()).values_list("seq", flat=True)


def _take_up(chain: str, indexed: int) -> int:
    rows = AuditEvent.objects.filter(chain=chain, seq__gt=indexed).order_by("seq")[:BATCH]
    texts = [
        SearchText(chain=chain, seq=seq, text=_text(canonical))
        for seq, canonical in rows.values_list("seq", "canonical")
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        SearchText.objects.bulk_create(texts)
        if connection.vendor == "sqlite":
            cursor.execute(
                "INSERT INTO audit_search(rowid, text) SELECT id, text FROM audit_searchtext "
                "WHERE chain = %s AND seq > %s",
                [chain, indexed],
            )
    return len(texts)


def _text(canonical: str) -> str:
    content = hashing.parse(canonical)
    content["target"].pop("prev", None)
    del content["at"]
    return "\n".join(dict.fromkeys(_values(content))).lower()


def _values(value: Any) -> Iterator[str]:
    """All texts and numbers in it, without the names they stand under."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _values(item)
    elif value not in (None, "", True, False):
        yield str(value)
