"""Everything that one request did, in order."""

from collections import Counter
from typing import Any, Final

from django.http import Http404
from django.urls import reverse

from controlpanel.audit.reading import selectors
from controlpanel.lib.scope import Scope
from controlpanel.web.audit.filters import address_of
from controlpanel.web.audit.rows import Row, rows

MOST: Final = 200


def everything(scope: Scope, request_id: str) -> dict[str, Any]:
    """Http404 when nothing of it is within reach."""
    if "\0" in request_id:
        raise Http404
    found = rows(scope, selectors.of_request(scope, request_id, MOST + 1))
    if not found:
        raise Http404
    shown = found[:MOST]
    whole = reverse("audit", args=[scope.team_slug]) + address_of(request=request_id)
    return {
        "request_id": request_id,
        "rows": shown,
        "first": shown[0],
        "what": _what(shown),
        "rest_url": whole if len(found) > MOST else "",
    }


def _what(shown: list[Row]) -> list[tuple[str, int]]:
    """How many of each; the steps of one operation are one."""
    each = {(row.label, row.event.operation_id or row.event.seq) for row in shown}
    count = Counter(label for label, _one in each)
    return [(label, count[label]) for label in dict.fromkeys(row.label for row in shown)]
