"""The vocabulary of the pages: `{% load panel %}`. How each looks stands in /styleguide/."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.forms.forms import BaseForm
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from controlpanel.lib import request_id as ids
from controlpanel.lib import text
from controlpanel.web.templatetags import _browsers, _tones, _units

register = template.Library()

register.filter("megabytes", _units.megabytes)
register.filter("gigabytes", _units.gigabytes)
register.filter("percent", _units.percent)
register.filter("browser", _browsers.browser)
register.simple_tag(_units.plan_words, name="plan_words")


@register.filter
def clean(value: object, limit: int = 200) -> str:
    """For every word that came from the provider: one bounded line, nothing invisible in it."""
    return "" if value is None else text.clean(value, limit)


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, classes: str = "") -> SafeString:
    """A Lucide icon of the sprite. Decoration only: the word beside it carries the meaning."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        classes,
        static("icons/sprite.svg"),
        name,
    )


@register.simple_tag
def dot(colour: str) -> SafeString:
    """The colour of a team or an account. Decoration only: its name always stands beside it."""
    return format_html('<span class="dot" data-colour="{}" aria-hidden="true"></span>', colour)


@register.simple_tag
def request_id() -> str:
    return ids.current()


@register.inclusion_tag("components/badge.html")
def status(word: str, *, gone: bool = False, overdue: bool = False, note: str = "") -> _tones.Badge:
    """A server's status: the provider's own word, with an icon for those that are known."""
    return _tones.status(text.clean(word, 64), gone=gone, overdue=overdue, note=note)


@register.inclusion_tag("components/badge.html")
def result(name: str) -> _tones.Badge:
    """An audit result: success, failure, denied, unknown or pending."""
    return _tones.result(name)


@register.inclusion_tag("components/badge.html")
def opstate(name: str, *, note: str = "") -> _tones.Badge:
    """An operation's state."""
    return _tones.operation(name, note=note)


@register.inclusion_tag("components/ago.html")
def ago(when: datetime | None, *, empty: str = "–") -> Mapping[str, object]:
    """How long ago, kept current by the browser; the exact time in UTC on hover."""
    return {"when": when, "words": _units.ago(when) if when else empty, "utc": utc(when)}


@register.inclusion_tag("components/elapsed.html")
def elapsed(since: datetime | None) -> Mapping[str, object]:
    """Minutes and seconds since, counting up in the browser."""
    return {"since": since, "words": _units.elapsed(since) if since else ""}


@register.simple_tag
def moment(when: datetime) -> SafeString:
    """The exact time in the reader's zone: the one they chose, or else the browser's. UTC on hover
    and where there is no script."""
    return format_html(
        '<time class="tabular" datetime="{}" title="{}"{}>{}</time>',
        when.isoformat(),
        utc(when),
        "" if _chosen_zone() else mark_safe(" data-moment"),
        timezone.localtime(when).strftime("%Y-%m-%d %H:%M:%S %Z"),
    )


@register.simple_tag
def clock(when: datetime) -> SafeString:
    """The time of day in the reader's zone, with the date where it is not today. In the browser's
    zone where none was chosen."""
    local, now = timezone.localtime(when), timezone.localtime()
    words = local.strftime("%H:%M" if local.date() == now.date() else "%Y-%m-%d %H:%M")
    return format_html(
        '<time class="tabular" datetime="{}" title="{}"{}>{}</time>',
        when.isoformat(),
        utc(when),
        "" if _chosen_zone() else mark_safe(" data-short"),
        words,
    )


@register.simple_tag
def zone() -> SafeString:
    """Name of the zone that `moment` writes in."""
    chosen = _chosen_zone()
    return format_html("{}", chosen) if chosen else mark_safe("<span data-zone>UTC</span>")


def _chosen_zone() -> str:
    """Without a choice the panel writes UTC, which is a zone without a key."""
    return getattr(timezone.get_current_timezone(), "key", "")


@register.filter
def utc(when: datetime | None) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if when else ""


@register.inclusion_tag("components/gauge.html")
def gauge(
    label: str,
    used: float | None,
    total: float | None,
    *,
    unit: str = "percent",
    icon: str = "",
) -> Mapping[str, object]:
    """A share of something. `unit`: percent (then `total` is 100), MB or GB."""
    share = round(100 * used / total) if used is not None and total else None
    return {
        "label": label,
        "icon": icon,
        "share": share,
        "width": min(max(share or 0, 0), 100),
        "tone": "bad" if (share or 0) >= 95 else "warn" if (share or 0) >= 80 else "",
        "words": _units.share(used, total, unit),
    }


@register.inclusion_tag("components/field.html")
def field(
    bound: BoundField, *, hint: str = "", optional: bool = False, size: str = ""
) -> Mapping[str, object]:
    """A whole form field. The hint is the form's help_text unless given here."""
    hint = hint or str(bound.help_text)
    errors = list(bound.errors)
    described = [f"{bound.auto_id}_hint"] if hint else []
    described += [f"{bound.auto_id}_error"] if errors else []
    attrs: dict[str, Any] = {"aria-describedby": " ".join(described)} if described else {}
    if errors:
        attrs["aria-invalid"] = "true"
    return {
        "field": bound,
        "control": bound.as_widget(attrs=attrs),
        "kind": _field_kind(bound),
        "hint": hint,
        "errors": errors,
        "optional": optional,
        "size": size,
    }


def _field_kind(bound: BoundField) -> str:
    widget = bound.field.widget
    if isinstance(widget, (RadioSelect, CheckboxSelectMultiple)):
        return "choices"
    return "check" if isinstance(widget, CheckboxInput) else "line"


@register.inclusion_tag("components/error_summary.html")
def error_summary(form: BaseForm, *, title: str = "") -> Mapping[str, object]:
    """What is wrong with the form, first thing on the page, each line linked to its field."""
    wrong = [form[name] for name in form.errors if name in form.fields]
    hidden = [error for one in wrong if one.is_hidden for error in one.errors]
    return {
        "general": [*form.non_field_errors(), *hidden],
        "fields": [
            {"label": one.label, "id": _focusable(one), "errors": one.errors}
            for one in wrong
            if not one.is_hidden
        ],
        "title": title or _("Please look at this first:"),
    }


def _focusable(bound: BoundField) -> str:
    widget = bound.field.widget
    return (
        widget.id_for_label(bound.auto_id, index="0")
        if _field_kind(bound) == "choices"
        else bound.auto_id
    )
