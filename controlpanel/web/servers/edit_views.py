"""Editing a server: what the person saw, what they typed, and what VPS.org has by now."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from controlpanel.lib.scope import Scope
from controlpanel.operations import answer_texts, edits, services
from controlpanel.operations.edits import FIELDS, Edit
from controlpanel.operations.models import Operation
from controlpanel.operations.services import Refused, SentBefore
from controlpanel.operations.states import State
from controlpanel.servers.models import Server
from controlpanel.web.core.change_forms import ask_of, name_to_type
from controlpanel.web.core.htmx import page
from controlpanel.web.core.links import crumbs, receipt_url, refusal, server_url
from controlpanel.web.operations import responses
from controlpanel.web.servers import available_actions
from controlpanel.web.servers.edit_form import EditForm, as_text, as_words


def edit_page(
    request: HttpRequest,
    scope: Scope,
    server: Server,
    form: EditForm | None = None,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponseBase:
    current = edits.values(server)
    form = form or EditForm(initial=current)
    form.want_reason(_reason_wanted(scope, server))
    form.complete(current)
    context = {
        "crumbs": crumbs(scope, server),
        "server_url": server_url(scope, server.provider_id),
        "name": name_to_type(server),
        "server": server,
        "form": form,
        "offer": available_actions.server_action(scope, server, "update"),
        "lent_token": available_actions.lent_token(scope, server.account),
        **more,
    }
    return page(request, "servers/edit.html", context, fragment="edit", status=status)


def edit_sent(request: HttpRequest, scope: Scope, server: Server) -> HttpResponseBase:
    ask = ask_of(request)
    form = EditForm(request.POST, form_id=ask.form_id)
    form.content = ask.content
    form.want_reason(_reason_wanted(scope, server))
    try:
        earlier = services.sent_before(scope, ask)
    except SentBefore as refused:
        return _begin_again(request, scope, server, form, refused)
    if earlier:
        return _answer(request, scope, server, EditForm(request.POST), earlier)
    if not form.is_valid():
        return edit_page(request, scope, server, form, status=422)
    if available_actions.server_action(scope, server, "update").reason:
        return edit_page(request, scope, server, form, status=409)
    try:
        fresh = edits.read_again(server)
    except edits.CannotRead as failed:
        return edit_page(request, scope, server, form, status=409, notice=str(failed))
    return _compared(request, scope, fresh, form)


def _compared(
    request: HttpRequest, scope: Scope, server: Server, form: EditForm
) -> HttpResponseBase:
    now = edits.values(server)
    edit = edits.compare(form.submitted, form.seen, now)
    if edit.conflicts:
        return edit_page(
            request, scope, server, _conflicting(request, form, edit, now), status=409,
            notice=_(
                "Somebody else changed this server meanwhile, so nothing was sent. Both values "
                "stand at the field; save again to put yours in place of theirs."
            ),
        )  # fmt: skip
    if not edit.changes:
        return edit_page(
            request, scope, server,
            said=_("VPS.org has these values already, so there was nothing to change."),
        )  # fmt: skip
    try:
        operation = services.update(
            scope,
            server,
            dict(edit.changes),
            dict(edit.before),
            form.ask,
            replaces=set(edit.changes) == set(FIELDS),
        )
    except SentBefore as refused:
        return _begin_again(request, scope, server, form, refused)
    except Refused as refused:
        if form.stands_at_field(refused):
            return edit_page(request, scope, server, form, status=422)
        return edit_page(request, scope, server, form, status=409, **refusal(scope, refused))
    try:
        operation = responses.send(request, scope, operation, edits.seconds_to_send())
    except responses.Unanswered as unanswered:
        return unanswered.response
    return _answer(request, scope, server, EditForm(request.POST), operation)


def _begin_again(
    request: HttpRequest, scope: Scope, server: Server, form: EditForm, refused: SentBefore
) -> HttpResponseBase:
    form.begin_again()
    return edit_page(request, scope, server, form, status=422, **refusal(scope, refused))


def _answer(
    request: HttpRequest, scope: Scope, server: Server, form: EditForm, operation: Operation
) -> HttpResponseBase:
    """A 400 comes back at its field; everything else is told by the receipt."""
    if operation.state != State.FAILED.value or operation.code != "bad_request":
        return responses.receipt(request, scope, operation)
    if not form.refuse(operation.field_errors):
        return responses.receipt(request, scope, operation)
    return edit_page(
        request,
        scope,
        server,
        form,
        status=422,
        failed=operation,
        notice=answer_texts.failure(operation),
        receipt_url=receipt_url(scope, operation),
    )


def _reason_wanted(scope: Scope, server: Server) -> str:
    return available_actions.reason_wanted(available_actions.abilities(scope), server, "update")


def _conflicting(
    request: HttpRequest, form: EditForm, edit: Edit, now: Mapping[str, Any]
) -> EditForm:
    """The form with VPS.org's values as the new originals: sending it again is deliberate."""
    data = request.POST.copy()
    mine = {*edit.conflicts, *edit.changes}
    for name in edits.FIELDS:
        data[f"original_{name}"] = as_text(now[name])
        if name not in mine:
            data[name] = as_text(now[name])
    again = EditForm(data, form_id=form.form_id)
    again.full_clean()
    for name, (was, is_now) in edit.conflicts.items():
        again.add_error(
            name,
            _("You saw “%(was)s”. Meanwhile it was changed to “%(now)s”.")
            % {"was": as_words(was), "now": as_words(is_now)},
        )
    return again
