"""The three fields of a server that can be changed, each beside what the person saw in it."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controlpanel.operations.edits import FIELDS
from controlpanel.web.core.change_forms import ChangeForm, switch
from controlpanel.web.servers.validators import hostname_problem, name_problem

_WORDS = {True: "true", False: "false", None: ""}


class EditForm(ChangeForm):
    """Beside each field stands a hidden `original_…`: the value as this person saw it."""

    name = forms.CharField(label=gettext_lazy("Name"), required=False)
    hostname = forms.CharField(label=gettext_lazy("Hostname"), required=False)
    backups_enabled = forms.CharField(label=gettext_lazy("Backups"), required=False)

    originals: Mapping[str, str]

    @property
    def seen(self) -> dict[str, Any]:
        """None for what was not shown, or not known."""
        return {
            "name": self.data.get("original_name"),
            "hostname": self.data.get("original_hostname"),
            "backups_enabled": switch(self.data.get("original_backups_enabled", "")),
        }

    @property
    def submitted(self) -> dict[str, Any]:
        given: dict[str, Any] = {
            name: self.cleaned_data[name] for name in ("name", "hostname") if name in self.data
        }
        if self.cleaned_data["backups_enabled"] is not None:
            given["backups_enabled"] = self.cleaned_data["backups_enabled"]
        return given

    def complete(self, current: Mapping[str, Any]) -> None:
        """Ready to be shown: what nothing was said about stands as it is now, and where nobody
        knows how backups stand, the switch has a third way."""
        self.originals = {
            name: self.data.get(f"original_{name}", as_text(current[name])) for name in FIELDS
        }
        known = bool(self.originals["backups_enabled"])
        self.fields["backups_enabled"].widget = (
            forms.CheckboxInput() if known else forms.Select(choices=_three_ways())
        )
        if self.is_bound:
            silent = [name for name in FIELDS if not self._was_said(name)]
            self.put(**{name: as_text(current[name]) for name in silent})
            if known:
                self.put(backups_enabled=as_text(switch(self.data.get("backups_enabled", ""))))

    def clean_name(self) -> str:
        return self._checked("name", name_problem)

    def clean_hostname(self) -> str:
        return self._checked("hostname", hostname_problem)

    def clean_backups_enabled(self) -> bool | None:
        """A box that was shown and is not ticked means off; none shown means "leave as it is"."""
        given = self.cleaned_data["backups_enabled"]
        if "backups_enabled" not in self.data:
            return None if self.seen["backups_enabled"] is None else False
        value = switch(given)
        if given and value is None:
            raise forms.ValidationError(_("Choose on or off."))
        return value

    def _was_said(self, name: str) -> bool:
        marked = name == "backups_enabled" and self.seen[name] is not None
        return name in self.data or marked

    def _checked(self, name: str, problem: Callable[[str], str]) -> str:
        value: str = self.cleaned_data[name]
        # What was there before may break today's rules; it is only judged once it is changed.
        if name in self.data and value != self.seen[name] and (found := problem(value)):
            raise forms.ValidationError(found)
        return value


def as_text(value: Any) -> str:
    """A value as a form field carries it; empty for what is not known."""
    return _WORDS[value] if value is None or isinstance(value, bool) else str(value)


def as_words(value: Any) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return str(value or "") or _("nothing")


def _three_ways() -> list[tuple[str, str]]:
    return [("", _("Leave as it is")), ("true", _("On")), ("false", _("Off"))]
