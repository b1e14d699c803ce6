"""What is under way and keeps something from being closed or disconnected."""

from typing import Any

from controlpanel.lib.scope import Scope
from controlpanel.operations.leaving.disconnecting import CannotClose
from controlpanel.web.core.links import receipt_url
from controlpanel.web.operations import meanings


def links_to_what_is_under_way(scope: Scope, refusal: CannotClose | None) -> dict[str, Any]:
    """The sentence, and links to what is under way."""
    operations = refusal.operations if refusal else ()
    return {
        "refused": str(refusal) if refusal else "",
        "under_way": [
            (meanings.sentence(operation), receipt_url(scope, operation))
            for operation in operations
        ],
    }
