"""The form that issues a panel key: never more than whoever fills it in has."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts.models import Account
from controlpanel.accounts.permissions import PERMISSIONS
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.panel_keys.services import (
    DAYS,
    NAME_LENGTH,
    SIGHT,
    USUAL_DAYS,
    PanelKeyRefused,
)
from controlpanel.lib.scope import Scope
from controlpanel.web.core.change_forms import new_form_id
from controlpanel.web.core.server_access_forms import REACHES, ReachForm

_KINDS = (
    ("look", _l("Look only")),
    ("all", _l("All that I may do with servers")),
    ("some", _l("Look, and chosen rights")),
)
_DAYS_WRONG = _l("Write a number of days from 1 to 365.")


class KeyForm(ReachForm):
    name = forms.CharField(
        label=_l("Name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": _l("Give the key a name that says what uses it, such as “ci-deploy”."),
            "max_length": _l("A name has room for %(limit_value)d characters."),
        },
    )
    account = forms.ChoiceField(
        label=_l("VPS.org account"),
        error_messages={
            "required": _l("Choose the account that the key is for."),
            "invalid_choice": _l("Choose one of the connected accounts."),
        },
    )
    rights = forms.ChoiceField(
        label=_l("What it may do"),
        widget=forms.RadioSelect,
        error_messages={
            "required": _l("Choose what the key may do."),
            "invalid_choice": _l("Choose what the key may do."),
        },
    )
    permissions = forms.MultipleChoiceField(
        label=_l("And"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _l("Choose rights from the list.")},
    )
    addresses = forms.CharField(
        label=_l("Only from these addresses"), required=False, max_length=2000
    )
    days = forms.IntegerField(
        label=_l("Days until it ends"),
        min_value=DAYS[0],
        max_value=DAYS[-1],
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"), _DAYS_WRONG
        ),
    )
    field_order = ("name", "account", "rights", "permissions")

    def __init__(
        self,
        scope: Scope,
        accounts: Iterable[Account],
        data: Mapping[str, Any] | None = None,
        *,
        form_id: str = "",
    ) -> None:
        more = [right for right in panel_key_services.grantable(scope) if right != SIGHT]
        initial = {"rights": "look", "days": USUAL_DAYS}
        super().__init__(scope, data, initial=initial, mixed=True)
        self.more = frozenset(more)
        if not scope.reach.is_all:
            kinds = dict(REACHES) | {"all": _("All servers that I see, new ones too")}
            self._offer("reach", list(kinds.items()))
        self.form_id = form_id or new_form_id()
        self.by_id = {str(account.id): account for account in accounts}
        choices = [(key, account.name) for key, account in self.by_id.items()]
        if len(choices) == 1:  # the only account needs no choosing
            del self.fields["account"]
        else:
            self._offer("account", [("", _("Choose one")), *choices])
        self._offer("rights", list(_KINDS if more else _KINDS[:1]))
        self._offer("permissions", [(one, _sentence(one)) for one in more])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        ticked = "permissions" in cleaned and not cleaned["permissions"]
        if cleaned.get("rights") == "some" and ticked:
            self.add_error("permissions", _("Tick at least one, or choose “Look only”."))
        return cleaned

    @property
    def account_chosen(self) -> Account:
        chosen = self.cleaned_data.get("account")
        return self.by_id[chosen] if chosen else next(iter(self.by_id.values()))

    @property
    def permissions_chosen(self) -> frozenset[str]:
        """Without looking a key could do nothing."""
        chosen = {"look": (), "all": self.more, "some": self.cleaned_data["permissions"]}
        return frozenset({SIGHT, *chosen[self.cleaned_data["rights"]]})

    @property
    def addresses_chosen(self) -> list[str]:
        typed: str = self.cleaned_data["addresses"]
        return typed.replace(",", " ").split()

    def stands_at_field(self, refused: PanelKeyRefused) -> None:
        """Puts the sentence at the field that it is about, or above all of them."""
        self.add_error(refused.field if refused.field in self.fields else None, str(refused))


class RotateForm(forms.Form):
    """For how long the old key works beside the new one."""

    overlap = forms.TypedChoiceField(
        label=_l("The old key works for"),
        coerce=int,
        choices=(
            (0, _l("not a moment longer")),
            (1, _l("one hour")),
            (24, _l("one day")),
            (168, _l("one week")),
        ),
        widget=forms.RadioSelect,
        error_messages={
            "required": _l("Choose for how long."),
            "invalid_choice": _l("Choose one of these."),
        },
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, form_id: str = "") -> None:
        super().__init__(data, initial={"overlap": 24})
        self.form_id = form_id or new_form_id()


def _sentence(permission: str) -> str:
    words = str(PERMISSIONS[permission])
    return words[:1].upper() + words[1:]
