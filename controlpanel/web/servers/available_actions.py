"""The actions of a server: where each stands, and why it cannot be done just now.

The list, the server's page and the confirmation pages ask here, with the same question that the
door and the services ask again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controlpanel.accounts import access, permissions, roles_lookup
from controlpanel.accounts.models import Account, TeamPolicy, User
from controlpanel.accounts.selectors import is_connected
from controlpanel.accounts.teams import team_policies
from controlpanel.credentials.tokens import selectors
from controlpanel.lib.scope import Scope
from controlpanel.operations import selectors as operation_selectors
from controlpanel.operations.checks import preconditions
from controlpanel.operations.models import Operation
from controlpanel.operations.states import OPEN, PERMISSIONS, State
from controlpanel.servers import identity
from controlpanel.servers import labels as server_labels
from controlpanel.servers.models import Server
from controlpanel.web.core.links import server_below
from controlpanel.web.core.people import names_of, why_url

LABELS: Final = {
    "start": gettext_lazy("Start"),
    "stop": gettext_lazy("Stop"),
    "reboot": gettext_lazy("Reboot"),
    "update": gettext_lazy("Edit"),
    "delete": gettext_lazy("Delete"),
}
_ICONS: Final = {
    "start": "play",
    "stop": "square",
    "reboot": "rotate-cw",
    "update": "pencil",
    "delete": "trash-2",
}
_PATHS: Final = {kind: kind for kind in LABELS} | {"update": "edit"}
# Rights over a server that VPS.org knows nothing of.
_PANELS_OWN: Final = ("labels.edit", "servers.lock", "servers.unlock")
_BEING_SENT = {State.REQUESTED.value, State.SENDING.value}


class Reason(NamedTuple):
    """Why something cannot be done, empty if it can; and where that can be mended.

    `says_why`: it can be done, by whoever gives a reason.
    """

    text: str
    help_url: str = ""
    help_label: str = ""
    says_why: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Stays visible; `reason` says why it cannot be done just now."""

    kind: str
    label: str
    icon: str
    url: str
    method: Literal["get", "post"]
    reason: str = ""
    help_url: str = ""
    help_label: str = ""
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the asking person can do, looked up once for a whole page."""

    scope: Scope
    base: str
    tokens_url: str
    policy: TeamPolicy
    # Accounts for which there is a token to change with, their own or one that is lent to them.
    with_token: frozenset[UUID]
    # By permission: what is said where a right is missing.
    missing: Mapping[str, Reason]
    of_account: dict[UUID, tuple[Reason, ...]] = field(default_factory=dict)
    # By account, the one connected earlier that shows the same servers, as far as looked up.
    twins: dict[UUID, Account | None] = field(default_factory=dict)


def abilities(scope: Scope, of_team: TeamPolicy | None = None) -> Abilities:
    """`of_team`, its policy, spares the query where the door has read it already."""
    asked = [*PERMISSIONS.values(), *_PANELS_OWN]
    lacking = [right for right in asked if not scope.allows(right)]
    helpers = access.who_grants(scope, lacking) if lacking else {}
    of_team = of_team or team_policies.of(scope.team_id)
    return Abilities(
        scope=scope,
        base=reverse("servers", args=[scope.team_slug]),
        tokens_url=reverse("tokens", args=[scope.team_slug]),
        policy=of_team,
        with_token=selectors.changeable(scope.team_id, scope.user_id),
        missing={right: _missing_right(scope, right, lacking, helpers) for right in lacking},
    )


def missing(known: Abilities, right: str) -> Reason:
    """What is said where this right of the panel's own is missing; empty if it is not."""
    return known.missing.get(right, Reason(""))


def twin(known: Abilities, account: Account) -> Account | None:
    """The account through which changes of this one's servers go, where it is only read."""
    if account.id not in known.twins:
        known.twins[account.id] = identity.older_twin(account)
    return known.twins[account.id]


def server_actions(
    scope: Scope,
    server: Server,
    *,
    known: Abilities | None = None,
    running: Operation | None = None,
) -> list[Action]:
    """All five, in the order in which they are shown.

    `known` and `running` spare the queries where the page has them already.
    """
    if known is None:
        known = abilities(scope)
        running = operation_selectors.running_on(scope, [server]).get(server.provider_id)
    return actions_at(server_below(known.base, server.provider_id), reasons(known, server, running))


def reasons(
    known: Abilities,
    server: Server,
    running: Operation | None,
    labels: Collection[str] | None = None,
) -> tuple[Reason, ...]:
    """Why each of the five cannot be done, in their order; many servers have the same.

    `labels` of the server spare a query where the page has them already.
    """
    if server.gone_at is not None:
        return tuple(Reason(preconditions.illegal(kind, server)) for kind in LABELS)
    return tuple(
        abilities if abilities.text else _now(known, kind, server, running, labels)
        for kind, abilities in zip(LABELS, _of_account(known, server.account), strict=True)
    )


def actions_at(url: str, why: Iterable[Reason]) -> list[Action]:
    return [
        Action(
            kind=kind,
            label=str(label),
            icon=_ICONS[kind],
            url=f"{url}{_PATHS[kind]}/",
            # What interrupts nothing needs no page in between, unless there is something to say.
            method="post" if kind == "start" and not reason.says_why else "get",
            reason=reason.text,
            help_url=reason.help_url,
            help_label=reason.help_label,
            danger=kind == "delete",
        )
        for (kind, label), reason in zip(LABELS.items(), why, strict=True)
    ]


def reason_wanted(known: Abilities, server: Server, kind: str) -> str:
    """Why a reason must be given for this, or empty."""
    return preconditions.reason(known.policy, kind, _labels(known, server))


def lent_token(scope: Scope, account: Account) -> str:
    """With whose token a change of this person is sent, where it is not their own."""
    credential = selectors.lent(scope, account)
    if credential is None:
        return ""
    return _(
        "Sent with the service token “%(name)s” of %(owner)s, because you keep no API token here."
    ) % {
        "name": credential.service_name,
        "owner": credential.user.name or credential.user.email,
    }


def server_action(scope: Scope, server: Server, kind: str) -> Action:
    return next(action for action in server_actions(scope, server) if action.kind == kind)


def create_action(scope: Scope, accounts: list[Account], known: Abilities | None = None) -> Action:
    known = known or abilities(scope)
    why = _why_not_create(known, [account for account in accounts if is_connected(account)])
    return Action(
        kind="create",
        label=_("New server"),
        icon="plus",
        url=reverse("server-new", args=[scope.team_slug]),
        method="get",
        reason=why.text,
        help_url=why.help_url,
        help_label=why.help_label,
    )


def _now(
    known: Abilities,
    kind: str,
    server: Server,
    running: Operation | None,
    labels: Collection[str] | None,
) -> Reason:
    is_unsettled = running is not None and running.state == State.UNKNOWN.value
    text = preconditions.illegal(kind, server, is_unsettled=is_unsettled) or _crossing(running)
    if text or kind != "start":
        return Reason(text)
    given = _labels(known, server) if labels is None else labels
    return Reason("", says_why=bool(preconditions.reason(known.policy, kind, given)))


def _labels(known: Abilities, server: Server) -> Collection[str]:
    """Looked up only where they decide something."""
    return server_labels.of(server) if known.policy.reason_labels else ()


def _of_account(known: Abilities, account: Account) -> tuple[Reason, ...]:
    """What holds for all servers of an account; asked once for a whole page."""
    if account.id not in known.of_account:
        known.of_account[account.id] = tuple(_account_reason(known, account, k) for k in LABELS)
    return known.of_account[account.id]


def _account_reason(known: Abilities, account: Account, kind: str) -> Reason:
    lacking = missing(known, PERMISSIONS[kind])
    if lacking.text:
        return lacking
    text = _not_at_all(known, account)
    if not text and account.id not in known.with_token:
        return _no_token(known)
    return Reason(text)


def _no_token(known: Abilities) -> Reason:
    return Reason(preconditions.no_token(), known.tokens_url, _("API tokens"))


def _not_at_all(known: Abilities, account: Account) -> str:
    if not is_connected(account):
        return _("This account belongs to another API address; nothing can be changed there.")
    if not account.writable:
        return preconditions.second_dialect()
    first = twin(known, account)
    return preconditions.second_of(first) if first else ""


def _crossing(running: Operation | None) -> str:
    if running is None:
        return ""
    if running.state in _BEING_SENT:
        return _("Another change of this server is being sent right now. Wait for its receipt.")
    if running.kind == "delete" and running.state in OPEN:
        return preconditions.being_deleted(is_unknown=running.state == State.UNKNOWN.value)
    return ""


def _why_not_create(known: Abilities, accounts: list[Account]) -> Reason:
    lacking = missing(known, PERMISSIONS["create"])
    if lacking.text:
        return lacking
    if any(part.kind == "servers" for part in known.scope.reach.parts):
        return Reason(preconditions.out_of_reach(known.scope.reach, ()))
    if not accounts:
        return Reason(_("No VPS.org account is connected yet."))
    writable = [account for account in accounts if account.writable]
    if not writable:
        return Reason(preconditions.second_dialect())
    changed = [account for account in writable if twin(known, account) is None]
    if not changed:
        return Reason(_not_at_all(known, writable[0]))
    if not any(account.id in known.with_token for account in changed):
        return _no_token(known)
    return Reason("")


def _missing_right(
    scope: Scope, right: str, lacking: Collection[str], helpers: Mapping[str, list[User]]
) -> Reason:
    """Who may change nothing at all hears it once, not once for each action."""
    role = roles_lookup.label(scope.team_id, scope.actor.role).lower()
    nothing = set(PERMISSIONS.values()) <= set(lacking)
    if nothing and right != PERMISSIONS["create"]:
        sentence = _("You are %(role)s, so you can look at servers but not change them.") % {
            "role": role
        }
        able = helpers[PERMISSIONS["update"]]
        url = why_url(scope)
    else:
        sentence = _("You are %(role)s; this needs the right to %(right)s.") % {
            "role": role,
            "right": permissions.PERMISSIONS[right],
        }
        able = helpers[right]
        url = why_url(scope, right)
    if able:
        can_help = _("%(names)s can change your role.") % {"names": names_of(able)}
        sentence = f"{sentence} {can_help}"
    return Reason(sentence, url, _("Why?"))
