"""What forms of changes have in common: an id that makes sending twice one thing, and a reason."""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controlpanel.lib.text import clean
from controlpanel.operations.checks.target_check import shown_name
from controlpanel.operations.services import Ask, Refused
from controlpanel.servers.models import Server

REASON_LENGTH = 500
_NOT_TYPED = frozenset({"form_id", "csrfmiddlewaretoken"})
_FORM_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def new_form_id() -> str:
    return secrets.token_urlsafe(18)


def form_id_of(request: HttpRequest) -> str:
    """The id that this form was sent with; one that is missing is made, an odd one is hashed, so
    that it still means the same form."""
    given = request.POST.get("form_id", "")
    if not given:
        return new_form_id()
    if _FORM_ID.fullmatch(given):
        return given
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()


def content_of(request: HttpRequest) -> str:
    """All that a form says, and where it was sent: what its id answers for."""
    sent = sorted((name, request.POST.getlist(name)) for name in request.POST)
    return json.dumps([request.path, [one for one in sent if one[0] not in _NOT_TYPED]])


def ask_of(request: HttpRequest) -> Ask:
    """As far as it says whether the form was sent before."""
    return Ask(form_id_of(request), content=content_of(request))


def switch(text: str) -> bool | None:
    """On, off, or None for anything else."""
    word = text.strip().lower()
    if word in {"on", "true", "1", "yes"}:
        return True
    return False if word in {"off", "false", "0", "no"} else None


def name_to_type(server: Server) -> str:
    """What the page shows and the person types to confirm a deletion."""
    return shown_name(server.name, server.hostname, server.provider_id)


class ChangeForm(forms.Form):
    """A form of one change: why, if the person wants to say or the team wants to know."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=REASON_LENGTH,
        error_messages={
            "max_length": gettext_lazy("A reason has room for %(limit_value)d characters.")
        },
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        form_id: str = "",
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.form_id = form_id or new_form_id()
        # All that was sent with it: see `content_of`.
        self.content = ""
        # Why a reason must be given; empty if it need not.
        self.reason_wanted = ""

    def want_reason(self, why: str) -> None:
        """`why`: a sentence, which also stands at the field of whoever gives none; or empty."""
        self.reason_wanted = why
        self.fields["reason"].required = bool(why)
        self.fields["reason"].error_messages["required"] = why

    def clean_reason(self) -> str:
        given: str = self.cleaned_data["reason"]
        if self.reason_wanted and not clean(given, REASON_LENGTH):  # invisible characters only
            raise forms.ValidationError(self.reason_wanted)
        return given

    def stands_at_field(self, refused: Refused) -> bool:
        """Puts the sentence at the field that it is about. False if it is about none of these."""
        if refused.field not in self.fields:
            return False
        self.add_error(refused.field, str(refused))
        return True

    @property
    def ask(self) -> Ask:
        return Ask(self.form_id, self.cleaned_data.get("reason", ""), content=self.content)

    def begin_again(self) -> None:
        """With what was typed, and an id that was not sent before."""
        self.form_id = new_form_id()

    def put(self, **values: str) -> None:
        """Changes what fields show; what they were judged by stays."""
        if not self.is_bound:
            self.initial.update(values)
            return
        data = QueryDict(mutable=True)
        data.update({**{name: self.data[name] for name in self.data}, **values})
        self.data = data

    def refuse(self, field_errors: Mapping[str, Iterable[str]]) -> bool:
        """Puts the provider's words at the fields they speak of. False if none is ours."""
        found = False
        self.full_clean()
        for name, texts in field_errors.items():
            if name not in self.fields:
                continue
            for text in texts:
                self.add_error(name, _("VPS.org says: %(words)s") % {"words": clean(text, 300)})
                found = True
        return found


class ConfirmForm(ChangeForm):
    pass


class DeleteForm(ChangeForm):
    confirm_name = forms.CharField(
        label=gettext_lazy("Name of the server"),
        required=False,
        strip=False,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "off",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, form_id: str = "", expected: str
    ) -> None:
        super().__init__(data, form_id=form_id)
        self.expected = expected

    def clean_confirm_name(self) -> str:
        typed: str = self.cleaned_data["confirm_name"]
        if typed != self.expected:
            raise forms.ValidationError(
                _("Type “%(name)s” exactly to delete this server. Nothing was asked for.")
                % {"name": self.expected}
            )
        return typed
