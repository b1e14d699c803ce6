"""The roles of a team: the five that are built in, and copies of them that are the team's own."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts import roles_lookup
from controlpanel.accounts.models import TeamRole
from controlpanel.accounts.permissions import PERMISSIONS, ROLES, TEAM_WIDE
from controlpanel.accounts.teams import roles
from controlpanel.accounts.teams.roles import RoleRefused
from controlpanel.lib.scope import Scope
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.view_access import door
from controlpanel.web.team import members

_METHODS = ("GET", "HEAD", "POST")
# By the part of a right's name before its dot; in the order in which they are shown.
AREAS: Final[Mapping[str, Promise]] = {
    "servers": _l("Servers"),
    "labels": _l("Servers"),
    "tokens": _l("VPS.org accounts and tokens"),
    "accounts": _l("VPS.org accounts and tokens"),
    "audit": _l("Audit log"),
    "members": _l("People"),
    "keys": _l("Panel keys"),
    "policies": _l("Team"),
    "team": _l("Team"),
}


def by_area(permissions: Iterable[str]) -> dict[str, list[str]]:
    """Rights under the heading that they are shown under."""
    found: dict[str, list[str]] = {}
    for permission in permissions:
        found.setdefault(str(AREAS[permission.partition(".")[0]]), []).append(permission)
    return found


class RoleForm(forms.Form):
    """Only the rights that this person has can be ticked: nobody grants what they lack."""

    name = forms.CharField(
        label=_l("Name"),
        max_length=80,
        error_messages={"required": _l("Give the role a name.")},
    )
    permissions = forms.MultipleChoiceField(
        label=_l("Rights"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _l("Choose rights from the list.")},
    )

    def __init__(self, scope: Scope, data: Any = None, **initial: Any) -> None:
        super().__init__(data, initial=initial)
        own = [permission for permission in PERMISSIONS if permission in scope.permissions]
        field = self.fields["permissions"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            (area, [(one, _sentence(one)) for one in rights])
            for area, rights in by_area(own).items()
        ]


@door("team.manage")
def list_roles(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    own = TeamRole.objects.filter(team_id=scope.team_id).order_by("name")
    known = {role.slug: role for role in roles_lookup.of_team(scope.team_id)}
    context = {
        "built_in": [(role, _told(role.permissions)) for role in ROLES.values()],
        "own": [(role, _told(known[role.slug].permissions), roles.users_of(role)) for role in own],
        "crumbs": members.crumbs(scope),
    }
    return page(request, "team/roles.html", context)


@door("team.manage", _METHODS, fresh=True)
def new(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    """A copy of another role, or of none."""
    copied = roles_lookup.find(scope.team_id, request.GET.get("from", ""))
    form = RoleForm(
        scope,
        request.POST if request.method == "POST" else None,
        name=_("%(role)s (copy)") % {"role": copied.label} if copied else "",
        permissions=sorted(copied.permissions) if copied else [],
    )
    if form.is_bound and form.is_valid():
        try:
            roles.add(scope, form.cleaned_data["name"], form.cleaned_data["permissions"])
        except RoleRefused as refusal:
            form.add_error("name", str(refusal))
        else:
            return see_other(request, list_url(scope))
    context = {**_page(scope), "form": form, "title": _("New role"), "submit": _("Add the role")}
    return page(request, "team/role.html", context, status=422 if form.is_bound else 200)


@door("team.manage", _METHODS, fresh=True)
def change(request: HttpRequest, scope: Scope, slug: str) -> HttpResponseBase:
    role = _own(scope, slug)
    form = RoleForm(
        scope,
        request.POST if request.method == "POST" else None,
        name=role.name,
        permissions=role.permissions,
    )
    if form.is_bound and form.is_valid():
        try:
            roles.change(scope, role, form.cleaned_data["name"], form.cleaned_data["permissions"])
        except RoleRefused as refusal:
            form.add_error("name", str(refusal))
        else:
            return see_other(request, list_url(scope))
    context = {
        **_page(scope),
        "form": form,
        "title": role.name,
        "submit": _("Save"),
        "users": roles.users_of(role),
    }
    return page(request, "team/role.html", context, status=422 if form.is_bound else 200)


@door("team.manage", _METHODS, fresh=True)
def remove(request: HttpRequest, scope: Scope, slug: str) -> HttpResponseBase:
    role = _own(scope, slug)
    refused = ""
    if request.method == "POST":
        try:
            roles.remove(scope, role)
        except RoleRefused as refusal:
            refused = str(refusal)
        else:
            return see_other(request, list_url(scope))
    context = {
        **_page(scope),
        "form": forms.Form(),
        "ask": _("Remove the role %(role)s?") % {"role": role.name},
        "submit": _("Remove %(role)s") % {"role": role.name},
        "tone": "danger",
        "refused": refused,
        "rights": _told(role.permissions),
    }
    return page(request, "team/role_remove.html", context, status=409 if refused else 200)


def list_url(scope: Scope) -> str:
    return reverse("roles", args=[scope.team_slug])


def _own(scope: Scope, slug: str) -> TeamRole:
    """The built-in ones are nobody's to change."""
    role = TeamRole.objects.filter(team_id=scope.team_id, slug=slug).first()
    if role is None:
        raise Http404
    return role


def _page(scope: Scope) -> dict[str, Any]:
    crumbs = [*members.crumbs(scope), {"label": _("Roles"), "url": list_url(scope)}]
    return {"crumbs": crumbs, "cancel_url": list_url(scope)}


def _told(permissions: Iterable[str]) -> list[str]:
    """The sentences of these rights, in the order of the table."""
    return [_words(name) for name in PERMISSIONS if name in set(permissions)]


def _sentence(permission: str) -> str:
    words = _words(permission)
    return words[:1].upper() + words[1:]


def _words(permission: str) -> str:
    words = str(PERMISSIONS[permission])
    return _("%(right)s (whole team)") % {"right": words} if permission in TEAM_WIDE else words
