"""What forms of things with a name and a colour have in common: teams and accounts."""

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts.colours import COLOURS
from controlpanel.lib.text import clean
from controlpanel.web.templatetags.panel import dot


def _choices() -> list[tuple[str, SafeString]]:
    return [
        (name, format_html("{}<span>{}</span>", dot(name), label))
        for name, label in COLOURS.items()
    ]


class NameForm(forms.Form):
    name = forms.CharField(
        label=_l("Name"),
        max_length=120,
        error_messages={
            "required": _l("Give it a name, so that people know which one is meant."),
            "max_length": _l("A name has room for %(limit_value)d characters."),
        },
    )

    def clean_name(self) -> str:
        name = clean(self.cleaned_data["name"], 120)
        if not name:  # of invisible characters only
            raise forms.ValidationError(self.fields["name"].error_messages["required"])
        return name


class NamedForm(NameForm):
    colour = forms.ChoiceField(
        label=_l("Colour"),
        choices=_choices,
        widget=forms.RadioSelect,
        error_messages={
            "required": _l("Choose a colour."),
            "invalid_choice": _l("Choose a colour from the list."),
        },
    )


class TypedNameForm(forms.Form):
    """Types the name of what is about to go."""

    confirm_name = forms.CharField(
        label=_l("Its name"),
        required=False,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )

    def __init__(self, data: Any = None, *, expected: str) -> None:
        super().__init__(data)
        self.expected = expected

    def clean_confirm_name(self) -> str:
        typed: str = self.cleaned_data["confirm_name"]
        if typed != self.expected:
            raise forms.ValidationError(
                _("Type “%(name)s” exactly. Nothing was done.") % {"name": self.expected}
            )
        return typed
