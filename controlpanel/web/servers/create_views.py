"""A new server: the seven documented fields, on one page."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.accounts import access
from controlpanel.accounts.models import Account
from controlpanel.accounts.selectors import connected_accounts
from controlpanel.accounts.teams import team_policies
from controlpanel.credentials.tokens.selectors import for_changes
from controlpanel.lib.scope import Scope
from controlpanel.operations import selectors, services
from controlpanel.operations.checks import preconditions
from controlpanel.operations.models import Operation
from controlpanel.operations.services import Refused, SentBefore
from controlpanel.operations.states import State
from controlpanel.servers import identity, label_access, labels
from controlpanel.servers import selectors as server_selectors
from controlpanel.web.core import people
from controlpanel.web.core.change_forms import ask_of, form_id_of
from controlpanel.web.core.htmx import is_fragment, page
from controlpanel.web.core.links import crumbs, panel_keys_url, receipt_url, refusal
from controlpanel.web.core.view_access import door
from controlpanel.web.operations import meanings, responses
from controlpanel.web.servers import api_snippets, available_actions, catalogue_choices
from controlpanel.web.servers.create_form import CHOSEN, CreateForm

_NOT_DONE = {State.FAILED.value, State.CANCELLED.value}


@door("servers.create", ("GET", "HEAD", "POST"))
def new(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    accounts = list(connected_accounts(scope))
    if request.method == "POST":
        return _sent(request, scope, accounts)
    typed = {"labels": _own_label(scope), **_copied(request, scope)}
    wanted = request.GET.get("account") or typed.get("account", "")
    account = _named(accounts, wanted) or _usual(scope, accounts)
    return _page(request, scope, accounts, account, CreateForm(initial=typed))


@door("servers.create", ("POST",))
def as_script(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    """The same create as a script sends it, as far as it is typed. Nothing is created."""
    accounts = list(connected_accounts(scope))
    account = _chosen_account(request, accounts)
    form = CreateForm(initial=request.POST.dict(), form_id=form_id_of(request))
    if account and is_fragment(request):
        context = {"account": account, **_for_scripts(scope, form)}
        return page(request, "api/typed.html", context)
    return _page(request, scope, accounts, account, form, typed_open=True)


def _for_scripts(scope: Scope, form: CreateForm) -> dict[str, Any]:
    return {
        "typed_url": reverse("server-new-api", args=[scope.team_slug]),
        "keys_url": panel_keys_url(scope),
        **api_snippets.of_form(form),
    }


def _sent(request: HttpRequest, scope: Scope, accounts: list[Account]) -> HttpResponseBase:
    ask = ask_of(request)
    form = CreateForm(request.POST, form_id=ask.form_id)
    form.content = ask.content
    form.reason_policy = team_policies.of(scope.team_id)
    account = _chosen_account(request, accounts)
    try:
        earlier = services.sent_before(scope, ask)
    except SentBefore as refused:
        return _begin_again(request, scope, accounts, account, form, refused)
    if earlier:
        return _answer(request, scope, accounts, earlier)
    if account is None and accounts:
        form.full_clean()
        form.add_error("account", _("Choose the account that is to be billed."))
    if form.is_valid() and (
        problem := preconditions.out_of_reach(scope.reach, form.cleaned_data["labels"])
    ):
        form.add_error("labels", problem)
    if not form.is_valid() or account is None:
        return _page(request, scope, accounts, account, form, status=422)
    try:
        operation = services.create(
            scope, account, form.body, form.ask, labels=form.cleaned_data["labels"]
        )
    except SentBefore as refused:
        return _begin_again(request, scope, accounts, account, form, refused)
    except Refused as refused:
        if form.stands_at_field(refused):
            return _page(request, scope, accounts, account, form, status=422)
        return _page(request, scope, accounts, account, form, status=409, **refusal(scope, refused))
    try:
        operation = responses.send(request, scope, operation)
    except responses.Unanswered as unanswered:
        return unanswered.response
    return _answer(request, scope, accounts, operation)


def _begin_again(
    request: HttpRequest,
    scope: Scope,
    accounts: list[Account],
    account: Account | None,
    form: CreateForm,
    refused: SentBefore,
) -> HttpResponseBase:
    form.begin_again()
    return _page(request, scope, accounts, account, form, status=422, **refusal(scope, refused))


def _answer(
    request: HttpRequest, scope: Scope, accounts: list[Account], operation: Operation
) -> HttpResponseBase:
    """Whatever was not done comes back on the form, so that nothing typed is lost."""
    if operation.state not in _NOT_DONE or operation.kind != "create":
        return responses.receipt(request, scope, operation)
    form = CreateForm(request.POST)
    form.refuse(operation.field_errors)
    account = _named(accounts, str(operation.account_id))
    return _page(request, scope, accounts, account, form, status=422, failed=operation)


def _page(
    request: HttpRequest,
    scope: Scope,
    accounts: list[Account],
    account: Account | None,
    form: CreateForm,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponseBase:
    failed: Operation | None = more.get("failed")
    choices = catalogue_choices.offer(form, scope, account) if account else {}
    policy = team_policies.of(scope.team_id)
    known = labels.known(scope)
    form.want_reason(preconditions.reason(policy, "create", form.labels_so_far))
    form.complete()
    context = {
        "crumbs": crumbs(scope),
        "servers_url": reverse("servers", args=[scope.team_slug]),
        "create_url": reverse("server-new", args=[scope.team_slug]),
        "accounts": accounts,
        "account": account,
        "form": form,
        "choices": choices,
        "known_labels": known,
        "deciding": label_access.shown(scope, known),
        "may_decide": scope.allows(label_access.RIGHT),
        "reason_labels": "" if form.reason_wanted else ", ".join(sorted(policy.reason_labels)),
        "lent_token": available_actions.lent_token(scope, account) if account else "",
        "any_price": any(choice.price for choice in choices.get("plan_id", ())),
        "meaning": meanings.meaning(failed) if failed else None,
        **_for_scripts(scope, form),
        **_obstacle(scope, account),
        **_connect(scope),
        **({"receipt_url": receipt_url(scope, failed)} if failed else {}),
        **more,
    }
    return page(request, "servers/new.html", context, fragment="new", status=status)


def _obstacle(scope: Scope, account: Account | None) -> dict[str, str]:
    action = available_actions.create_action(scope, [account] if account else [])
    return {
        "obstacle": action.reason,
        "help_url": action.help_url,
        "help_label": action.help_label,
    }


def _connect(scope: Scope) -> dict[str, str]:
    """Where there is no account yet: how one comes to be, and who can bring that about."""
    right = "accounts.connect"
    if scope.allows(right):
        words = _("Connect one, and its servers can be run from here.")
        return {
            "connect_words": words,
            "connect_url": reverse("account-connect", args=[scope.team_slug]),
        }
    names = people.names_of(access.who_can(scope, right))
    return {"connect_words": _("%(names)s can connect one.") % {"names": names}, "connect_url": ""}


def _chosen_account(request: HttpRequest, accounts: list[Account]) -> Account | None:
    """The one that was named; with a single account there is nothing to choose."""
    given = request.POST.get("account", "")
    if not given and len(accounts) == 1:
        return accounts[0]
    return _named(accounts, given)


def _named(accounts: list[Account], given: str) -> Account | None:
    """By its id, or by its name."""
    return next((one for one in accounts if given in (str(one.id), one.name)), None)


def _usual(scope: Scope, accounts: list[Account]) -> Account | None:
    """The first account that this person can create in, else the first."""
    usable, twins = for_changes(scope.team_id, scope.user_id), identity.older_twins(accounts)
    found = (one for one in accounts if one.id in usable and twins[one.id] is None)
    return next(found, accounts[0] if accounts else None)


def _copied(request: HttpRequest, scope: Scope) -> Mapping[str, str]:
    """What a new form starts with: another server's choices, or an earlier create's."""
    if like := request.GET.get("like"):
        return _like(scope, like)
    if again := request.GET.get("again"):
        return _again(scope, again)
    return {}


def _like(scope: Scope, provider_id: str) -> Mapping[str, str]:
    try:
        server = server_selectors.get(scope, provider_id)
    except Http404:
        return {}
    return {
        "account": str(server.account_id),
        "plan_id": server.plan_id,
        "os_id": server.os_id,
        "location": server.location,
        "backups_enabled": "on" if server.backups_enabled else "",
        "labels": " ".join(sorted(labels.of(server))),
    }


def _again(scope: Scope, operation_id: str) -> Mapping[str, str]:
    try:
        operation = selectors.get(scope, UUID(operation_id))
    except (ValueError, Http404):
        return {}
    if operation.kind != "create":
        return {}
    typed = {name: str(operation.body[name]) for name in CHOSEN if name in operation.body}
    return {
        "account": str(operation.account_id),
        **typed,
        "name": str(operation.body.get("name", "")),
        "hostname": str(operation.body.get("hostname", "")),
        "backups_enabled": "on" if operation.body.get("backups_enabled") else "",
        "labels": " ".join(sorted(labels.from_text(operation.labels))),
    }


def _own_label(scope: Scope) -> str:
    """Who is there for one label has nothing to choose."""
    own = scope.reach.labels
    return next(iter(own)) if len(own) == 1 else ""
