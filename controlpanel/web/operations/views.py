"""The operations of a team, and the receipt of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.accounts import access
from controlpanel.accounts.models import Account
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.operations import selectors, services, settling
from controlpanel.operations.following import polling
from controlpanel.operations.models import Operation
from controlpanel.operations.states import KINDS, LABELS, PERMISSIONS, UNDONE, State
from controlpanel.web.core.change_forms import REASON_LENGTH
from controlpanel.web.core.htmx import is_filtering, is_fragment, page, see_other
from controlpanel.web.core.links import server_url
from controlpanel.web.core.view_access import door
from controlpanel.web.operations import meanings, receipt, responses

PAGE_SIZE = 50
_LAST_PAGE = 10_000
_FRESH = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Row:
    """`moves`: something is to be expected within seconds."""

    operation: Operation
    sentence: str
    moves: bool


@door("servers.view")
def list_operations(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    if is_fragment(request) and not is_filtering(request):
        _poll(operation.account for operation in selectors.running(scope)[:PAGE_SIZE])
    filters = selectors.Filters(
        q=clean(request.GET.get("q", ""), 100),
        state=_one_of(request.GET.get("state"), [state.value for state in State]),
        kind=_one_of(request.GET.get("kind"), KINDS),
    )
    number = _page_number(request.GET.get("page", ""))
    first = (number - 1) * PAGE_SIZE
    found = list(selectors.listed(scope, filters)[first : first + PAGE_SIZE + 1])
    shown = [_row(operation) for operation in found[:PAGE_SIZE]]
    context = {
        "rows": shown,
        "filters": filters,
        "states": [(state.value, LABELS[state]) for state in State],
        "kinds": [(kind, meanings.KIND_LABELS[kind]) for kind in KINDS],
        "moves": any(row.moves for row in shown),
        "address": _address(request, filters, number),
        "next": _address(request, filters, number + 1) if len(found) > PAGE_SIZE else "",
        "previous": _address(request, filters, number - 1) if number > 1 else "",
        "base": request.path,
        "servers_url": reverse("servers", args=[scope.team_slug]),
        "summary": _("%(first)d–%(last)d, newest first")
        % {"first": first + 1, "last": first + len(shown)},
    }
    return page(request, "operations/list.html", context, fragment="rows")


@door("servers.view")
def show(request: HttpRequest, scope: Scope, operation_id: UUID) -> HttpResponseBase:
    operation = selectors.get(scope, operation_id)
    if is_fragment(request) and operation.is_open:
        _poll([operation.account])
        operation = selectors.get(scope, operation_id)
    if request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", ""):
        settling.notice(scope, operation)
    return _show(request, scope, operation)


@door("servers.view", ("POST",))
def adopt(request: HttpRequest, scope: Scope, operation_id: UUID) -> HttpResponseBase:
    """A person says which of several new servers an unknown create made."""
    operation = selectors.get(scope, operation_id)
    access.require(scope, PERMISSIONS[operation.kind], request.path)
    if operation.kind != "create" or operation.state != State.UNKNOWN.value:
        return _show(
            request, scope, operation, status=409,
            problem=_("This was settled meanwhile; there is nothing to choose any more."),
        )  # fmt: skip
    chosen = request.POST.get("server", "")
    offered = receipt.candidates(scope, operation)
    server = next((one for one in offered if one.provider_id == chosen), None)
    if server is None:
        return _show(
            request, scope, operation, status=422,
            problem=_("Choose one of the servers that are listed here."),
        )  # fmt: skip
    services.adopt(scope, operation, server)
    return responses.receipt(request, scope, operation)


@door("servers.view", ("POST",))
def confirm(request: HttpRequest, scope: Scope, operation_id: UUID) -> HttpResponseBase:
    """A person says, from what VPS.org showed since, that an unknown change was done."""
    operation = selectors.get(scope, operation_id)
    access.require(scope, PERMISSIONS[operation.kind], request.path)
    if not settling.confirm(scope, operation):
        return _show(
            request, scope, selectors.get(scope, operation_id), status=409,
            problem=_(
                "This cannot be confirmed: it was settled meanwhile, or nothing was seen that "
                "speaks for it alone."
            ),
        )  # fmt: skip
    return responses.receipt(request, scope, operation)


@door("servers.view", ("POST",))
def dismiss(request: HttpRequest, scope: Scope, operation_id: UUID) -> HttpResponseBase:
    """Somebody who may make this change knows that it was not done."""
    operation = selectors.get(scope, operation_id)
    access.require(scope, PERMISSIONS[operation.kind], request.path)
    if not settling.dismiss(scope, operation) and operation.state not in UNDONE:
        return _show(
            request, scope, operation, status=409,
            problem=_("Only what was not done can be dismissed."),
        )  # fmt: skip
    if operation.provider_id and not operation.account.disconnected_at:
        return see_other(request, server_url(scope, operation.provider_id))
    return responses.receipt(request, scope, operation)


@door("servers.view", ("POST",))
def close(request: HttpRequest, scope: Scope, operation_id: UUID) -> HttpResponseBase:
    """A person ends what nobody can observe any more."""
    operation = selectors.get(scope, operation_id)
    access.require(scope, PERMISSIONS[operation.kind], request.path)
    note = clean(request.POST.get("note", ""), REASON_LENGTH + 1)
    if not receipt.closable(operation):
        return _show(
            request, scope, operation, status=409,
            problem=_("This operation cannot be closed: it has ended, or the panel still looks."),
        )  # fmt: skip
    if not note or len(note) > REASON_LENGTH:
        return _show(
            request, scope, operation, status=422, note=note,
            note_problem=_("Write what you found, in at most %(number)d characters.")
            % {"number": REASON_LENGTH},
        )  # fmt: skip
    services.close(scope, operation, note)
    return responses.receipt(request, scope, operation)


def _row(operation: Operation) -> Row:
    return Row(operation, meanings.sentence(operation), meanings.moves(operation))


def _show(
    request: HttpRequest,
    scope: Scope,
    operation: Operation,
    *,
    status: int = 200,
    **more: str,
) -> HttpResponseBase:
    context = receipt.context(scope, operation) | more
    return page(request, "operations/show.html", context, fragment="receipt", status=status)


def _poll(accounts: Iterable[Account]) -> None:
    """Asks VPS.org what is new, unless somebody just did or all places are taken."""
    distinct = {account.id: account for account in accounts}
    polling.poll_within_page(distinct.values(), at_least=_FRESH)


def _one_of(given: str | None, allowed: Iterable[str]) -> str:
    return given if given and given in allowed else ""


def _page_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        return 1
    return min(max(int(text), 1), _LAST_PAGE)


def _address(request: HttpRequest, filters: selectors.Filters, number: int) -> str:
    words = {"q": filters.q, "state": filters.state, "kind": filters.kind}
    given = {name: value for name, value in words.items() if value}
    if number > 1:
        given["page"] = str(number)
    return f"{request.path}?{urlencode(given)}" if given else request.path
