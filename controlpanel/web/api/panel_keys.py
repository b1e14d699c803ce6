"""Panel keys, for scripts: everybody's own, and other people's to see and to revoke.

A key is in the answer to the form that issued it and nowhere else: not behind an address, so that
neither a reload nor the way back shows it again. A form issues one key, however often it is sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.accounts import access, roles_lookup
from controlpanel.accounts.access import MEMBER
from controlpanel.accounts.selectors import connected_accounts
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.panel_keys.services import Issued, PanelKeyRefused
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.operations.checks import same_form
from controlpanel.web.api import panel_key_rows
from controlpanel.web.api.panel_key_form import KeyForm, RotateForm
from controlpanel.web.api.panel_key_rows import Row
from controlpanel.web.api.panel_key_snippets import pieces
from controlpanel.web.core import text as core_text
from controlpanel.web.core.change_forms import content_of, form_id_of, new_form_id
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.links import gateway_url, panel_keys_url
from controlpanel.web.core.people import names_of
from controlpanel.web.core.view_access import door

OWN: Final = "keys.own"
OTHERS: Final = "keys.others"
_METHODS = ("GET", "HEAD", "POST")
# Of those that no longer work so many are listed.
_ENDED: Final = 20
_FORM_SECONDS: Final = 24 * 60 * 60


class SentOtherwise(Exception):
    """A key was issued with this form already, with other content or a while ago."""


class SentAlready(Exception):
    """A key was issued by this very form before."""


@door(MEMBER)
def list_keys(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    if not scope.allows(OTHERS):
        access.require(scope, OWN, request.path)
    found = panel_key_rows.rows(scope, _visible(scope))
    own = [row for row in found if row.is_own]
    others = [row for row in found if not row.is_own]
    context = {
        "own": [row for row in own if row.works],
        "own_ended": [row for row in own if not row.works][:_ENDED],
        "others": [row for row in others if row.works],
        "others_ended": [row for row in others if not row.works][:_ENDED],
        "may_own": scope.allows(OWN),
        "sees_others": scope.allows(OTHERS),
        "why_not": _why_not(scope),
        "gateway": gateway_url(),
    }
    return page(request, "api/list.html", context)


@door(OWN, _METHODS, fresh=True)
def new(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    data = request.POST if request.method == "POST" else None
    form = KeyForm(scope, connected_accounts(scope), data, form_id=form_id_of(request))
    why_not = _why_not(scope)
    if form.is_bound and not why_not and form.is_valid():
        try:
            with _once(scope, form.form_id, content_of(request)):
                issued = _issued(scope, form)
        except SentAlready:
            return _shown_before(request, scope)
        except SentOtherwise:
            form.form_id = new_form_id()
            form.add_error(None, _sent_before())
        except PanelKeyRefused as refusal:
            form.stands_at_field(refusal)
        else:
            return _shown(request, scope, issued)
    context = {
        "form": form,
        "why_not": why_not,
        "crumbs": crumbs(scope),
        "cancel_url": panel_keys_url(scope),
        "role": roles_lookup.label(scope.team_id, scope.actor.role),
    }
    return page(request, "api/new.html", context, status=422 if form.is_bound else 200)


@door(OWN, _METHODS, fresh=True)
def rotate(request: HttpRequest, scope: Scope, key_id: UUID) -> HttpResponseBase:
    """One's own only: whoever gets the new key acts in its creator's name."""
    key = _found(panel_key_services.own(scope), key_id)
    data = request.POST if request.method == "POST" else None
    form = RotateForm(data, form_id=form_id_of(request))
    refused, status = "", 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            with _once(scope, form.form_id, content_of(request)):
                overlap = timedelta(hours=form.cleaned_data["overlap"])
                issued = panel_key_services.rotate(scope, key, overlap=overlap)
        except SentAlready:
            return _shown_before(request, scope)
        except SentOtherwise:
            form.form_id = new_form_id()
            refused = _sent_before()
        except PanelKeyRefused as refusal:
            refused, status = str(refusal), 409
        else:
            key.refresh_from_db()
            return _shown(request, scope, issued, old=key)
    context = {
        **_about(scope, key),
        "form": form,
        "ask": _("Rotate the key %(name)s?") % _named(key),
        "submit": _("Issue the new key"),
        "refused": refused or _why_not_rotate(key),
    }
    return page(request, "api/rotate.html", context, status=status)


@door(MEMBER, _METHODS, fresh=True)
def revoke(request: HttpRequest, scope: Scope, key_id: UUID) -> HttpResponseBase:
    """Its creator always can; somebody else's needs the right for it."""
    key = _found(panel_key_services.of_team(scope), key_id)
    if key.user_id != scope.user_id:
        access.require(scope, OTHERS, request.path)
    if request.method == "POST":
        if panel_key_services.revoke(scope, key):
            text = _("The key %(name)s is revoked. The next request with it is refused.")
            messages.success(request, text % _named(key))
        else:
            messages.info(request, _("The key %(name)s was revoked already.") % _named(key))
        return see_other(request, panel_keys_url(scope) if _may_list(scope) else reverse("home"))
    context = {
        **_about(scope, key),
        "form": forms.Form(),
        "ask": _("Revoke the key %(name)s?") % _named(key),
        "submit": _("Revoke %(name)s") % _named(key),
        "tone": "danger",
        "refused": "" if key.is_usable else _("It does not work any more."),
    }
    return page(request, "api/revoke.html", context)


def crumbs(scope: Scope) -> list[dict[str, str]]:
    return [{"label": _("Panel keys"), "url": panel_keys_url(scope)}]


def _issued(scope: Scope, form: KeyForm) -> Issued:
    given = form.cleaned_data
    return panel_key_services.issue(
        scope,
        form.account_chosen,
        name=given["name"],
        permissions=form.permissions_chosen,
        reach=form.given,
        addresses=form.addresses_chosen,
        days=given["days"],
    )


@contextmanager
def _once(scope: Scope, form_id: str, content: str) -> Iterator[None]:
    """Raises SentAlready, and SentOtherwise for other content or the same a while later. What
    issued nothing may be sent again."""
    mark = f"panel-key-form:{scope.user_id}:{form_id}"
    if not cache.add(mark, [same_form.kept(content), int(clock.now().timestamp())], _FORM_SECONDS):
        raise SentAlready if _is_repeat(cache.get(mark), content) else SentOtherwise
    try:
        yield
    except Exception:
        cache.delete(mark)
        raise


def _sent_before() -> str:
    return _(
        "This form was sent before, and a key was issued. Nothing was issued now. If you want one "
        "as it stands here as well, send it once more."
    )


def _is_repeat(known: Any, content: str) -> bool:
    """`known`: keyed hash and second of the first time; a mark that is gone was just taken back."""
    if not isinstance(known, list):
        return True
    kept, at = known
    kept, at = known
    is_recent = clock.now().timestamp() - at <= same_form.SAME_CLICK.total_seconds()
    return is_recent and same_form.is_same(kept, content)


def _shown(
    request: HttpRequest, scope: Scope, issued: Issued, old: PanelKey | None = None
) -> HttpResponse:
    """The only page that a key is ever on."""
    text = issued.text.reveal()
    context = {
        "row": panel_key_rows.row(scope, issued.key),
        "text": text,
        "pieces": pieces(gateway_url(), text),
        "old": old if old and old.is_usable else None,
        "rotated": old is not None,
        "crumbs": crumbs(scope),
        "list_url": panel_keys_url(scope),
    }
    response = page(request, "api/shown.html", context)
    response["Cache-Control"] = "no-store, private"
    return response


def _shown_before(request: HttpRequest, scope: Scope) -> HttpResponse:
    context = {"crumbs": crumbs(scope), "list_url": panel_keys_url(scope)}
    return page(request, "api/shown_before.html", context, status=409)


def _visible(scope: Scope) -> QuerySet[PanelKey]:
    return (
        panel_key_services.of_team(scope) if scope.allows(OTHERS) else panel_key_services.own(scope)
    )


def _may_list(scope: Scope) -> bool:
    return scope.allows(OWN) or scope.allows(OTHERS)


def _found(keys: QuerySet[PanelKey], key_id: UUID) -> PanelKey:
    key = keys.filter(id=key_id).first()
    if key is None:
        raise Http404
    return key


def _named(key: PanelKey) -> dict[str, str]:
    return {"name": core_text.shown(key.name, 80)}


def _about(scope: Scope, key: PanelKey) -> dict[str, Any]:
    row: Row = panel_key_rows.row(scope, key)
    back = panel_keys_url(scope) if _may_list(scope) else reverse("home")
    return {"row": row, "crumbs": crumbs(scope), "cancel_url": back}


def _why_not(scope: Scope) -> str:
    """Why this person can issue none; empty if they can."""
    if not scope.allows(panel_key_services.SIGHT):
        return _("Your role sees no servers, so a key of yours could do nothing.")
    if not connected_accounts(scope).exists():
        who = names_of(access.who_can(scope, "accounts.connect"))
        return _("No VPS.org account is connected yet. %(names)s can connect one.") % {"names": who}
    return ""


def _why_not_rotate(key: PanelKey) -> str:
    if not key.is_usable:
        return _("It does not work any more. Issue a new one instead.")
    if key.replaced_by_id is not None:
        return _("It is rotated already: the newer one can be rotated.")
    return ""
