"""Setting what a team looks at again. It holds for what happens from then on."""

from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.audit.models import ReviewRules
from controlpanel.audit.review import projections as review_projections
from controlpanel.audit.review import scanner
from controlpanel.audit.review.rules import RULES, Settings
from controlpanel.lib.scope import Scope

REFUSALS: Final = range(2, 100 + 1)
MINUTES: Final = range(1, 1440 + 1)
HOURS: Final = range(24)


class SettingsRefused(Exception):
    """Nothing was changed; the message is a sentence about this field."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def change(scope: Scope, on: set[str], **numbers: Any) -> bool:
    """`on`: slugs of the rules that are; `numbers`: the other settings. False if nothing differs.

    Raises SettingsRefused. Whether the person has the right is asked before.
    """
    chain = str(scope.team_id)
    switched = {slug: slug in on for slug, rule in RULES.items() if (slug in on) != rule.on}
    with transaction.atomic():
        scanner.locked(chain)
        before = scanner.settings_after(chain, 2**62)
        after = _checked(replace(before, switched=switched, **numbers))
        if after == before:
            return False
        event = record_by(
            scope,
            "review.rules_changed",
            Target("team", str(scope.team_id), scope.team_name),
            rows=[review_projections.of_rules(after.as_data())],
            before=_differing(before, after),
            after=_differing(after, before),
        )
        ReviewRules.objects.create(chain=chain, from_seq=event.seq, settings=after.as_data())
    return True


def _checked(settings: Settings) -> Settings:
    for name, allowed in (
        ("in_a_row", REFUSALS),
        ("minutes", MINUTES),
        ("night_from", HOURS),
        ("night_to", HOURS),
    ):
        if getattr(settings, name) not in allowed:
            words = _("Write a number from %(least)d to %(most)d.")
            raise SettingsRefused(name, words % {"least": allowed[0], "most": allowed[-1]})
    if settings.night_from == settings.night_to:
        raise SettingsRefused("night_to", _("The night must end at another hour than it begins."))
    try:
        ZoneInfo(settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingsRefused("time_zone", _("Choose a time zone from the list.")) from None
    return settings


def _differing(one: Settings, other: Settings) -> dict[str, Any]:
    """Of the one what the other has otherwise; rules as on or off, each by its slug."""
    mine = {slug: one.is_on(slug) for slug in RULES if one.is_on(slug) != other.is_on(slug)}
    theirs = other.as_data()
    return mine | {
        name: value
        for name, value in one.as_data().items()
        if name != "switched" and value != theirs[name]
    }
