"""Every route and the right that each verb of it asks for. An unlisted route fails a test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from controlpanel.accounts.access import MEMBER
from controlpanel.accounts.models import Invitation, User
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.operations.models import Operation
from tests.operations.asks import NEW


@dataclass(frozen=True)
class World:
    """What the routes point at. Their own, another team's, and what does not exist."""

    account: Any
    foreign_account: Any
    unknown_create: Operation
    unknown_reboot: Operation
    foreign_operation: Operation
    event: AuditEvent
    candidate: str
    # A member, an invitation and a role of the team's own that nobody else needs.
    spare: User
    stranger: User
    invitation: Invitation
    foreign_invitation: Invitation
    key: PanelKey
    foreign_key: PanelKey
    # Puts back what an actor has changed.
    renew: Callable[[], None]


Ids = Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Route:
    get: str = ""
    post: str = ""
    ids: Ids = lambda _world: {}
    foreign: Ids | None = None
    absent: Mapping[str, Any] = field(default_factory=dict)
    # What this object is to somebody who is there for the label env:prod only.
    in_scope: bool = True
    # Answers beside the usual ones, for whoever has the right.
    also: frozenset[int] = frozenset()
    body: Callable[[World], Mapping[str, Any]] = lambda _world: {}


ABSENT = "00000000-0000-4000-8000-000000000000"


def _server(right: str, **body: Any) -> Route:
    return Route(
        get=right,
        post="" if right == "servers.view" else right,
        ids=lambda _world: {"provider_id": "12345"},
        foreign=lambda _world: {"provider_id": "12353"},
        absent={"provider_id": "999999"},
        body=lambda _world: body,
    )


def _operation(which: str, get: str = "", post: str = "", **body: Any) -> Route:
    return Route(
        get=get,
        post=post,
        ids=lambda world: {"operation_id": getattr(world, which).id},
        foreign=lambda world: {"operation_id": world.foreign_operation.id},
        absent={"operation_id": ABSENT},
        in_scope=False,
        body=lambda world: body | {"provider_id": world.candidate},
    )


def _account(get: str, post: str, **body: Any) -> Route:
    return Route(
        get=get,
        post=post,
        ids=lambda world: {"account_id": world.account.id},
        foreign=lambda world: {"account_id": world.foreign_account.id},
        absent={"account_id": ABSENT},
        body=lambda _world: body,
    )


def _member(get: str, post: str, **body: Any) -> Route:
    return Route(
        get=get,
        post=post,
        ids=lambda world: {"user_id": world.spare.id},
        foreign=lambda world: {"user_id": world.stranger.id},
        absent={"user_id": ABSENT},
        body=lambda _world: body,
    )


def _invitation() -> Route:
    return Route(
        post="members.manage",
        ids=lambda world: {"invitation_id": world.invitation.id},
        foreign=lambda world: {"invitation_id": world.foreign_invitation.id},
        absent={"invitation_id": ABSENT},
    )


def _export() -> Route:
    return Route(
        get="audit.export",
        ids=lambda _world: {"export_id": ABSENT},
        absent={"export_id": ABSENT},
        also=frozenset({404}),
    )


def _key(right: str, also: frozenset[int] = frozenset(), **body: Any) -> Route:
    return Route(
        get=right,
        post=right,
        ids=lambda world: {"key_id": world.key.id},
        foreign=lambda world: {"key_id": world.foreign_key.id},
        absent={"key_id": ABSENT},
        also=also,
        body=lambda _world: body,
    )


def _role(**body: Any) -> Route:
    return Route(
        get="team.manage",
        post="team.manage",
        ids=lambda _world: {"slug": "spare"},
        foreign=lambda _world: {"slug": "theirs"},
        absent={"slug": "absent"},
        body=lambda _world: body,
    )


TEAM_ROUTES: Mapping[str, Route] = {
    "team": Route(get="servers.view"),
    "servers": Route(get="servers.view"),
    "server-new": Route(get="servers.create", post="servers.create", body=lambda _world: NEW),
    # Shows the form once more, with what a script would send.
    "server-new-api": Route(post="servers.create", body=lambda _world: NEW),
    "server": _server("servers.view"),
    "server-edit": _server("servers.edit", name="renamed"),
    "server-start": _server("servers.start"),
    "server-stop": _server("servers.stop"),
    "server-reboot": _server("servers.reboot"),
    "server-delete": _server("servers.delete", confirm_name="web-server-01"),
    "server-labels": _server("labels.edit", labels="env:prod"),
    "server-lock": _server("servers.lock", level="delete", reason="Keep."),
    "server-unlock": _server("servers.unlock", reason="Over."),
    "operations": Route(get="servers.view"),
    "operation": _operation("unknown_create", get="servers.view"),
    "operation-adopt": _operation("unknown_create", post="servers.create"),
    "operation-confirm": _operation("unknown_reboot", post="servers.reboot"),
    "operation-dismiss": _operation("unknown_reboot", post="servers.reboot"),
    "operation-close": _operation("unknown_reboot", post="servers.reboot", note="Looked."),
    "audit": Route(get="audit.view"),
    "audit-event": Route(
        get="audit.view",
        ids=lambda world: {"seq": world.event.seq},
        absent={"seq": 999_999},
    ),
    "audit-new": Route(get="audit.view"),
    "audit-suggest": Route(get="audit.view"),
    "audit-request": Route(
        get="audit.view",
        ids=lambda _world: {"request_id": "request-of-bob"},
        foreign=lambda _world: {"request_id": "request-of-charlie"},
        absent={"request_id": "absent"},
    ),
    "audit-checkpoints": Route(
        get="audit.view", post="policies.manage", body=lambda _world: {"mail": "audit@example.com"}
    ),
    "audit-verification": Route(get="audit.view"),
    # Without a format nothing is begun.
    "audit-export": Route(get="audit.export", post="audit.export"),
    # Everybody's own only.
    "audit-export-show": _export(),
    "audit-export-file": _export(),
    "audit-outside": Route(
        get="audit.view", post="audit.review", body=lambda _world: {"note": "It was us."}
    ),
    "audit-today": Route(get="audit.view"),
    # Nothing differs, so there is nothing to confirm.
    "audit-differences": Route(
        get="team.manage", post="team.manage", body=lambda _world: {"reason": "A restore."}
    ),
    "audit-review": Route(
        get="audit.view", post="audit.review", body=lambda _world: {"note": "It was us."}
    ),
    "audit-review-rules": Route(
        get="audit.view",
        post="policies.manage",
        body=lambda _world: {
            "rules": "deletes",
            "in_a_row": "5",
            "minutes": "10",
            "night_from": "22",
            "night_to": "6",
        },
    ),
    "tokens": Route(get="servers.view", post="tokens.own", body=lambda _world: {"token": "x"}),
    "token-remove": _account("tokens.own", "tokens.own"),
    "account-connect": Route(get="accounts.connect", post="accounts.connect"),
    "account": _account("accounts.connect", "accounts.connect", name="Acme", colour="red"),
    # Something is under way there: whoever has the right is told so.
    "account-disconnect": _account("accounts.connect", "accounts.connect", confirm_name="Acme"),
    "account-sync-token": _account("", "accounts.connect"),
    "account-ask-again": _account("", "accounts.connect"),
    "account-service-token": _account("accounts.connect", "accounts.connect"),
    "account-service-token-withdraw": _account("", "accounts.connect"),
    "panel-keys": Route(get="keys.own"),
    "panel-key-new": Route(
        get="keys.own",
        post="keys.own",
        body=lambda _world: {"name": "ci", "rights": "look", "reach": "all", "days": "90"},
    ),
    # Everybody's own only.
    "panel-key-rotate": _key("keys.own", also=frozenset({404}), overlap="1"),
    "panel-key-revoke": _key("keys.others"),
    "api": Route(get=MEMBER),
    "members": Route(get="members.view"),
    "invite": Route(
        get="members.manage",
        post="members.manage",
        body=lambda _world: {"email": "new@example.com", "role": "viewer", "reach": "all"},
    ),
    "leave": Route(get=MEMBER, post=MEMBER),
    "ownership-answer": Route(get=MEMBER, post=MEMBER, also=frozenset({404})),
    "ownership-withdraw": Route(post="team.manage"),
    "member": _member("members.manage", "members.manage", role="viewer", reach="all"),
    "access": _member("members.view", ""),
    "member-suspend": _member("members.manage", "members.manage"),
    "member-restore": _member("", "members.manage"),
    "member-remove": _member("members.manage", "members.manage"),
    "ownership-offer": _member("team.manage", "team.manage"),
    "revocations": Route(get="members.manage", post="members.manage"),
    "invitation-resend": _invitation(),
    "invitation-revoke": _invitation(),
    "policies": Route(
        get="members.view",
        post="policies.manage",
        body=lambda _world: {"reason_kinds": "delete"},
    ),
    # Whoever has a second step, or needs none, is led on.
    "second-step": Route(get=MEMBER, also=frozenset({302})),
    "team-settings": Route(
        get="team.manage",
        post="team.manage",
        body=lambda _world: {"name": "Acme", "colour": "red"},
    ),
    "team-close": Route(
        get="team.manage", post="team.manage", body=lambda _world: {"confirm_name": "Acme"}
    ),
    "roles": Route(get="team.manage"),
    "role-new": Route(
        get="team.manage",
        post="team.manage",
        body=lambda _world: {"name": "New", "permissions": "servers.view"},
    ),
    "role": _role(name="Spare", permissions="servers.view"),
    "role-remove": _role(),
}

# Routes that belong to no team: what somebody gets who is not signed in.
OPEN_ROUTES: Mapping[str, int] = {
    "home": 302,
    "healthz": 200,
    "favicon": 302,
    "styleguide": 200,
    "invitation": 410,
    "account_login": 200,
    "account_logout": 302,
    "account_signup": 200,
    "account_inactive": 200,
    "account_email_verification_sent": 200,
    "account_confirm_email": 200,
    "account_reset_password": 200,
    "account_reset_password_done": 200,
    "account_reset_password_from_key": 200,
    "account_reset_password_from_key_done": 200,
    # Switched off: no provider is set.
    "openid-login": 404,
    "openid-callback": 404,
    "openid-again": 404,
    "openid-unlink": 404,
}

# A person's own pages, which belong to no team: nobody else is led to sign in.
OWN_ROUTES: Mapping[str, Mapping[str, int]] = {
    "own-settings": {},
    "team-new": {},
    "own-session-end": {"session_id": 1},
    "account_reauthenticate": {},
    "account_email": {},
    "account_change_password": {},
    "account_set_password": {},
    "mfa_index": {},
    "mfa_authenticate": {},
    "mfa_reauthenticate": {},
    "mfa_activate_totp": {},
    "mfa_deactivate_totp": {},
    "mfa_view_recovery_codes": {},
    "mfa_generate_recovery_codes": {},
    "mfa_download_recovery_codes": {},
    "mfa_list_webauthn": {},
    "mfa_add_webauthn": {},
    "mfa_login_webauthn": {},
    "mfa_reauthenticate_webauthn": {},
    "mfa_edit_webauthn": {"pk": 1},
    "mfa_remove_webauthn": {"pk": 1},
    "usersessions_list": {},
}
