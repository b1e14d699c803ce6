"""Everything that one request did, in order."""

from collections import Counter
from typing import Any, Final

from django.http import Http404
from django.urls import reverse

from controlpanel.audit import selectors
from controlpanel.lib.scope import Scope
from controlpanel.web.audit_filters import address_of
from controlpanel.web.audit_rows import rows

MOST: Final = 200


def everything(scope: Scope, request_id: str) -> dict[str, Any]:
    """Http404 when nothing of it is within reach."""
    if "\0" in request_id:
        raise Http404
    found = selectors.events(scope, request=request_id).order_by("seq")[: MOST + 1]
    shown = rows(scope, list(found))
    if not shown:
        raise Http404
    whole = reverse("audit", args=[scope.team_slug]) + address_of(request=request_id)
    return {
        "request_id": request_id,
        "rows": shown[:MOST],
        "first": shown[0],
        "what": list(Counter(row.label for row in shown[:MOST]).items()),
        "rest_url": whole if len(shown) > MOST else "",
    }
