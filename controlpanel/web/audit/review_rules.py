"""What a team looks at again: who reads the log reads this too, who has the right sets it."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts import access
from controlpanel.audit.review import queue as review_queue
from controlpanel.audit.review import settings as review_settings
from controlpanel.audit.review.rules import RULES, Settings
from controlpanel.audit.review.settings import SettingsRefused
from controlpanel.lib.scope import Scope
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.time_zones import time_zones
from controlpanel.web.core.view_access import ask_again, door

SETS: Final = "policies.manage"
_NUMBERS: Final = ("in_a_row", "minutes", "night_from", "night_to", "time_zone")


def _hours() -> list[tuple[int, str]]:
    return [(hour, f"{hour:02}:00") for hour in review_settings.HOURS]


def _number(label: Any, allowed: range, wrong: Any) -> forms.IntegerField:
    names = ("invalid", "required", "min_value", "max_value")
    return forms.IntegerField(
        label=label,
        min_value=allowed[0],
        max_value=allowed[-1],
        error_messages=dict.fromkeys(names, wrong),
    )


class RulesForm(forms.Form):
    rules = forms.MultipleChoiceField(
        label=_l("What waits for a second look"),
        choices=[(slug, rule.label) for slug, rule in RULES.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _l("Choose rules from the list.")},
    )
    in_a_row = _number(
        _l("Refusals"), review_settings.REFUSALS, _l("Write a number from 2 to 100.")
    )
    minutes = _number(
        _l("Within so many minutes"),
        review_settings.MINUTES,
        _l("Write a number of minutes from 1 to 1440."),
    )
    night_from = forms.TypedChoiceField(label=_l("Night begins at"), choices=_hours, coerce=int)
    night_to = forms.TypedChoiceField(label=_l("Night ends at"), choices=_hours, coerce=int)
    time_zone = forms.ChoiceField(label=_l("The team's clock"), choices=time_zones, required=False)

    def __init__(self, settings: Settings, data: Any = None, *, disabled: bool = False) -> None:
        initial: dict[str, Any] = {name: getattr(settings, name) for name in _NUMBERS}
        initial |= {"rules": settings.on, "time_zone": _zone_choice(settings.time_zone)}
        super().__init__(data, initial=initial)
        for field in self.fields.values():
            field.disabled = disabled

    def lines(self) -> list[dict[str, Any]]:
        """Each rule with its sentence, ticked as the form has it."""
        ticked = set(self["rules"].value() or [])
        return [
            {
                "slug": slug,
                "label": rule.label,
                "sentence": rule.sentence,
                "ticked": slug in ticked,
                "default": rule.on,
            }
            for slug, rule in RULES.items()
        ]

    @property
    def given(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        numbers = {name: cleaned[name] for name in _NUMBERS}
        return {
            "on": set(cleaned["rules"]),
            **numbers,
            "time_zone": cleaned["time_zone"] or "UTC",
        }


@door("audit.view", ("GET", "HEAD", "POST"))
def rules(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    sets = scope.allows(SETS)
    if request.method == "POST":
        access.require(scope, SETS, request.path)
    if sets and (again := ask_again(request)):
        return again
    form = RulesForm(
        review_queue.settings(scope),
        request.POST if request.method == "POST" else None,
        disabled=not sets,
    )
    if form.is_bound and form.is_valid():
        try:
            review_settings.change(scope, **form.given)
        except SettingsRefused as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, _("Saved. It holds for what happens from now on."))
            return see_other(request, reverse("audit-review-rules", args=[scope.team_slug]))
    names = [user.email for user in access.who_can(scope, SETS)]
    context = {
        "form": form,
        "sets": sets,
        "can_set": get_text_list(names[:8], _("and")),
        "crumbs": [
            {"label": _("Audit"), "url": reverse("audit", args=[scope.team_slug])},
            {"label": _("Review"), "url": reverse("audit-review", args=[scope.team_slug])},
        ],
    }
    return page(request, "audit/review_rules.html", context, status=422 if form.is_bound else 200)


def _zone_choice(name: str) -> str:
    """UTC is the empty choice of the list."""
    return "" if name == "UTC" else name
