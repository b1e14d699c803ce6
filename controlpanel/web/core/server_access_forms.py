"""Which servers somebody is there for: in words, and as the fields of a form."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import forms
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext

from controlpanel.accounts.permissions import PERMISSIONS, TEAM_WIDE, Role
from controlpanel.lib.scope import EVERYTHING, Reach, Scope
from controlpanel.servers import labels, selectors
from controlpanel.servers.labels import LabelRefused
from controlpanel.servers.models import Server
from controlpanel.web.core import text

# More than these are not ticked but typed.
TICKED: Final = 60


def reach_words(reach: Reach) -> str:
    """ "all servers", "servers with env:prod or team:web", "2 chosen servers"."""
    return get_text_list(list(map(_part_words, reach.parts)), _("and")) or _("all servers")


def _part_words(part: Reach) -> str:
    if part.kind == "labels":
        return _("servers with %(labels)s") % {
            "labels": get_text_list(sorted(part.labels), _("or"))
        }
    number = len(part.servers)
    return ngettext("%(n)d chosen server", "%(n)d chosen servers", number) % {"n": number}


class ReachForm(forms.Form):
    """Servers, by all, by labels or one by one: never more than whoever fills it in has."""

    reach = forms.ChoiceField(label=_l("For which servers"), widget=forms.RadioSelect)
    labels = forms.CharField(label=_l("Labels"), required=False, max_length=2000)
    servers = forms.MultipleChoiceField(
        label=_l("Servers"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _l("Choose servers from the list.")},
    )
    more_servers = forms.CharField(
        label=_l("Names or ids of servers"), required=False, max_length=4000
    )

    def __init__(
        self,
        scope: Scope,
        data: Mapping[str, Any] | None = None,
        *,
        given: Reach | None = None,
        initial: Mapping[str, Any] | None = None,
        mixed: bool = False,
    ) -> None:
        """`mixed`: for something that reaches no more than whoever fills this in, whatever stands
        here."""
        given = given or scope.reach  # to begin with: all that this person has themselves
        super().__init__(data, initial={**_initial(given), **(initial or {})})
        self.scope = scope
        self.known_labels = labels.known(scope)
        within = selectors.visible(scope).filter(gone_at=None).select_related(None)
        self.servers_within = within.order_by(*selectors.BY_NAME)
        self._offer("reach", [pair for pair in REACHES if mixed or _may_give(scope, pair[0])])
        listed = list(self.servers_within[: TICKED + 1])
        if len(listed) > TICKED:
            del self.fields["servers"]
            self.initial["more_servers"] = ", ".join(sorted(given.servers))
        else:
            del self.fields["more_servers"]
            self._offer("servers", [(one.provider_id, _named(one)) for one in listed])

    def clean_labels(self) -> frozenset[str]:
        try:
            return labels.read(self.cleaned_data["labels"])
        except LabelRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None

    def clean_more_servers(self) -> list[str]:
        typed = [word.strip() for word in self.cleaned_data["more_servers"].split(",")]
        return [provider_id for word in typed if word for provider_id in self._meant(word)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind = cleaned.get("reach")
        if kind == "labels" and "labels" in cleaned and not cleaned["labels"]:
            self.add_error("labels", _("Write at least one label."))
        field = "servers" if "servers" in self.fields else "more_servers"
        if kind == "servers" and field in cleaned and not cleaned[field]:
            self.add_error(field, _("Choose at least one server."))
        return cleaned

    @property
    def given(self) -> Reach:
        """What was chosen; the fields of the other kinds are left aside."""
        cleaned = self.cleaned_data
        if cleaned["reach"] == "labels":
            return Reach("labels", labels=cleaned["labels"])
        if cleaned["reach"] == "servers":
            chosen = cleaned.get("servers") or cleaned.get("more_servers") or []
            return Reach("servers", servers=frozenset(chosen))
        return EVERYTHING

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def _meant(self, word: str) -> list[str]:
        """Names are not unique: each server of that name."""
        within = self.servers_within
        found = within.filter(provider_id=word[:64]) or within.filter(name=word[:255])
        if ids := [server.provider_id for server in found]:
            return ids
        raise forms.ValidationError(
            _("There is no server “%(name)s”.") % {"name": text.shown(word, 80)}
        )


class GrantForm(ReachForm):
    """A role, and the servers it is for."""

    role = forms.ChoiceField(
        label=_l("Role"),
        widget=forms.RadioSelect,
        error_messages={
            "required": _l("Choose a role."),
            "invalid_choice": _l("Choose one of the roles that you can give."),
        },
    )
    field_order = ("role",)

    def __init__(
        self,
        scope: Scope,
        roles: Iterable[Role],
        data: Mapping[str, Any] | None = None,
        *,
        role: str = "",
        given: Reach | None = None,
    ) -> None:
        super().__init__(scope, data, given=given, initial={"role": role})
        self._offer("role", [(one.slug, one.label) for one in roles])

    @property
    def team_wide(self) -> list[str]:
        """The rights that count only with all servers, in words."""
        return [str(words) for name, words in PERMISSIONS.items() if name in TEAM_WIDE]


REACHES: Final = (
    ("all", _l("All servers, new ones too")),
    ("labels", _l("Servers with one of these labels")),
    ("servers", _l("Chosen servers")),
)


def _may_give(scope: Scope, kind: str) -> bool:
    return all(part.kind == kind for part in scope.reach.parts)


def _initial(given: Reach) -> dict[str, Any]:
    return {
        "reach": given.kind,
        "labels": " ".join(sorted(given.labels)),
        "servers": sorted(given.servers),
    }


def _named(server: Server) -> str:
    name = text.shown(str(server), 255)
    hostname = text.shown(server.hostname, 255)
    return f"{name} · {hostname}" if hostname and hostname != name else name
