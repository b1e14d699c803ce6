"""The fields of a new server, under the provider's names."""

import re
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controlpanel.accounts.models import TeamPolicy
from controlpanel.operations.checks import preconditions
from controlpanel.servers import labels as server_labels
from controlpanel.web.core.change_forms import ChangeForm, switch
from controlpanel.web.servers.validators import hostname_problem, name_problem

# Fields with a list to choose from, and beside it a box for what the list does not have.
CHOSEN: Final = ("plan_id", "os_id", "location", "ssh_key_id")
OTHER: Final = "other"
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_CODE = re.compile(r"[\x21-\x7e]{1,64}")


class CreateForm(ChangeForm):
    account = forms.CharField(label=gettext_lazy("Account"), required=False)
    location = forms.CharField(label=gettext_lazy("Location"), required=False)
    location_other = forms.CharField(label=gettext_lazy("Code of the location"), required=False)
    os_id = forms.CharField(label=gettext_lazy("System"), required=False)
    os_id_other = forms.CharField(label=gettext_lazy("Id of the system"), required=False)
    plan_id = forms.CharField(label=gettext_lazy("Plan"), required=False)
    plan_id_other = forms.CharField(label=gettext_lazy("Id of the plan"), required=False)
    name = forms.CharField(label=gettext_lazy("Name"), required=False)
    hostname = forms.CharField(label=gettext_lazy("Hostname"), required=False)
    ssh_key_id = forms.CharField(label=gettext_lazy("SSH key"), required=False)
    ssh_key_id_other = forms.CharField(label=gettext_lazy("Id of the SSH key"), required=False)
    backups_enabled = forms.CharField(
        label=gettext_lazy("Make backups of this server"), required=False
    )
    labels = forms.CharField(label=gettext_lazy("Labels"), required=False, max_length=2500)

    # Whether a reason must be given depends on the labels.
    reason_policy: TeamPolicy | None = None

    field_order = (
        "account", "location", "location_other", "os_id", "os_id_other", "plan_id",
        "plan_id_other", "name", "hostname", "ssh_key_id", "ssh_key_id_other",
        "backups_enabled", "labels", "reason",
    )  # fmt: skip

    @property
    def shown(self) -> dict[str, str]:
        """What stands in each field: as typed, or what the form starts with."""
        return {name: str(self[name].value() or "") for name in self.fields}

    def chosen(self, name: str) -> str:
        """From the list; from the box beside it when nothing or "other" is chosen there."""
        value = self.shown[name].strip()
        return self.shown[f"{name}_other"].strip() if value in ("", OTHER) else value

    @property
    def labels_so_far(self) -> frozenset[str]:
        try:
            return server_labels.read(self.shown["labels"])
        except server_labels.LabelRefused:
            return frozenset()

    def clean_reason(self) -> str:
        if self.reason_policy:
            given = self.cleaned_data.get("labels", frozenset())
            self.reason_wanted = preconditions.reason(self.reason_policy, "create", given)
        return super().clean_reason()

    def complete(self) -> None:
        """Ready to be shown: the switch as a box to tick."""
        self.put(backups_enabled="on" if switch(self.shown["backups_enabled"]) else "")
        self.fields["backups_enabled"].widget = forms.CheckboxInput()

    @property
    def body(self) -> dict[str, Any]:
        """What is sent: the fields that were given, of the documented types."""
        cleaned = self.cleaned_data
        body: dict[str, Any] = {"name": cleaned["name"], "location": cleaned["location"]}
        body |= {name: cleaned[name] for name in ("plan_id", "os_id")}
        body |= {name: cleaned[name] for name in ("hostname", "ssh_key_id") if cleaned[name]}
        return body | {"backups_enabled": cleaned["backups_enabled"]}

    def clean_name(self) -> str:
        return self._checked("name", name_problem(self.cleaned_data["name"]))

    def clean_hostname(self) -> str:
        hostname = self.cleaned_data["hostname"]
        return self._checked("hostname", hostname_problem(hostname) if hostname else "")

    def clean_plan_id(self) -> int | None:
        return self._number("plan_id", _("Choose a plan, or enter the id of one."))

    def clean_os_id(self) -> int | None:
        return self._number("os_id", _("Choose a system, or enter the id of one."))

    def clean_ssh_key_id(self) -> int | None:
        return self._number("ssh_key_id", "")

    def clean_location(self) -> str:
        code = self.chosen("location")
        if not code:
            raise forms.ValidationError(_("Choose a location, or enter the code of one."))
        if not _CODE.fullmatch(code):
            raise forms.ValidationError(
                _("A location's code has at most 64 letters, digits and signs, without spaces.")
            )
        return code

    def clean_backups_enabled(self) -> bool:
        given = self.cleaned_data["backups_enabled"]
        value = switch(given)
        if given and value is None:
            raise forms.ValidationError(_("Choose on or off."))
        return bool(value)

    def clean_labels(self) -> frozenset[str]:
        try:
            return server_labels.read(self.cleaned_data["labels"])
        except server_labels.LabelRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None

    def _number(self, name: str, missing: str) -> int | None:
        given = self.chosen(name)
        if not given:
            if missing:
                raise forms.ValidationError(missing)
            return None
        if not NUMBER.fullmatch(given):
            raise forms.ValidationError(
                _("An id is a whole number above zero, such as 5; it stands on VPS.org's pages.")
            )
        return int(given)

    def _checked(self, name: str, problem: str) -> str:
        if problem:
            raise forms.ValidationError(problem)
        value: str = self.cleaned_data[name]
        return value
