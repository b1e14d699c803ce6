"""Sign-offs and rules of the review, for the comparison with the log."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controlpanel.audit.log.content import JSON, Said
from controlpanel.audit.models import AuditEvent, ReviewItem, ReviewRules
from controlpanel.audit.review import scanner
from controlpanel.audit.review.rules import OUTSIDE
from controlpanel.audit.tables import projections
from controlpanel.audit.tables.projections import Projection, Row

SIGN_OFF: Final = "sign_off"
RULES: Final = "review_rules"
# A team has one set of rules in force.
_KEY: Final = "rules"


def of_item(item: ReviewItem, by_id: str, note: str) -> Said:
    return projections.says(SIGN_OFF, _item_key(item), _item_state(by_id, note))


def of_rules(settings: Mapping[str, Any]) -> Said:
    return projections.says(RULES, _KEY, settings)


def _item_key(item: ReviewItem) -> str:
    return f"{item.seq}.{item.rule}"


def _item_state(by_id: str, note: str) -> Mapping[str, JSON]:
    return {"by": by_id, "note": note}


def _sign_offs(chain: str) -> Mapping[str, Row]:
    """But those of outside changes that were acknowledged on their own page: that event says it."""
    items = list(ReviewItem.objects.filter(chain=chain, signed_at__isnull=False))
    seqs = [one.signed_seq for one in items if one.rule == OUTSIDE]
    said = AuditEvent.objects.filter(chain=chain, event=scanner.ACKNOWLEDGED, seq__in=seqs)
    events = {event.seq: event for event in said}
    words = _("the sign-off of event #%(seq)s by %(name)s")
    return {
        _item_key(one): Row(
            _item_state(one.signed_by_id, one.note),
            words % {"seq": one.seq, "name": one.signed_by_name},
        )
        for one in items
        if not _is_acknowledged(one, events.get(one.signed_seq or 0))
    }


def _is_acknowledged(item: ReviewItem, event: AuditEvent | None) -> bool:
    return (
        event is not None
        and item.rule == OUTSIDE
        and event.data.get("seq") == item.seq
        and event.actor_id == item.signed_by_id
    )


def _rules(chain: str) -> Mapping[str, Row]:
    found = ReviewRules.objects.filter(chain=chain).order_by("-from_seq").first()
    if found is None:
        return {}
    return {_KEY: Row(found.settings, _("the rules of the review"))}


PROJECTIONS: Final = (
    Projection(
        SIGN_OFF,
        gettext_lazy("the sign-off of event"),
        frozenset({"review.signed_off"}),
        _sign_offs,
    ),
    Projection(RULES, gettext_lazy("the review's"), frozenset({"review.rules_changed"}), _rules),
)
