"""What the create form offers, as far as it is known, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.forms import RadioSelect, Select, Widget
from django.utils.translation import gettext as _

from controlpanel.accounts.models import Account
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.servers import selectors
from controlpanel.servers.models import CatalogueItem
from controlpanel.web.servers.create_form import CHOSEN, OTHER, CreateForm
from controlpanel.web.templatetags._units import plan_words

_KINDS = {"plan_id": "plan", "os_id": "os", "location": "location", "ssh_key_id": "ssh_key"}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    detail: str = ""
    price: str = ""


def offer(form: CreateForm, scope: Scope, account: Account) -> dict[str, list[Choice]]:
    """Gives the form's fields the choices known for one account, by field name.

    What is known not to be sold any more is left out; what stands in a field and in no list is
    moved to the box beside it, so that nothing typed is lost.
    """
    shown = form.shown
    offered = {name: _choices(scope, account, name) for name in CHOSEN}
    for name, items in offered.items():
        typed = shown[name].strip()
        if typed and typed != OTHER and typed not in {item.value for item in items}:
            form.put(**{name: OTHER, f"{name}_other": typed})
        elif not items and shown[f"{name}_other"]:
            form.put(**{name: OTHER})
        form.fields[name].widget = _widget(name, items)
    return offered


def _widget(name: str, items: list[Choice]) -> Widget:
    none = _("No key: log in with the root password") if name == "ssh_key_id" else _("Choose…")
    other = _("Another, by its code") if name == "location" else _("Another, by its id")
    choices = [
        ("", none),
        *(
            (item.value, f"{item.label} ({item.detail})" if item.detail else item.label)
            for item in items
        ),
        (OTHER, other),
    ]
    return RadioSelect(choices=choices) if name == "plan_id" else Select(choices=choices)


def _choices(scope: Scope, account: Account, name: str) -> list[Choice]:
    found = selectors.choices(scope, _KINDS[name]).filter(account=account, is_offered=True)
    return [_choice(name, item) for item in _sorted(name, _offered(found))]


def _offered(found: Iterable[CatalogueItem]) -> Iterable[CatalogueItem]:
    for item in found:
        sold = item.data.get("available") is not False and item.data.get("is_active") is not False
        number = item.kind == "location" or item.provider_id.isdecimal()
        if sold and number:
            yield item


def _sorted(name: str, items: Iterable[CatalogueItem]) -> list[CatalogueItem]:
    if name != "plan_id":
        return list(items)
    return sorted(items, key=lambda item: (_size(item, "vcpus"), _size(item, "memory"), item.name))


def _size(item: CatalogueItem, name: str) -> float:
    value = item.data.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _choice(name: str, item: CatalogueItem) -> Choice:
    label = clean(item.name, 100) or item.provider_id
    if name == "plan_id":
        return Choice(item.provider_id, label, _specification(item.data), _price(item.data))
    if name == "location":
        country = clean(item.data.get("country_name") or "", 60)
        place = f"{label}, {country}" if country else label
        return Choice(
            item.provider_id, place, item.provider_id if place != item.provider_id else ""
        )
    return Choice(item.provider_id, label)


def _specification(data: Mapping[str, Any]) -> str:
    sizes = [data.get(name) for name in ("vcpus", "memory", "storage")]
    return plan_words(*(size if isinstance(size, int) else None for size in sizes))


def _price(data: Mapping[str, Any]) -> str:
    try:
        return f"{float(data['price_monthly']):.2f}"
    except (KeyError, TypeError, ValueError, OverflowError):
        return ""
