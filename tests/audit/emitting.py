"""Whatever changes something, and the events that tell of it: what is missing fails a test."""

from collections.abc import Mapping
from typing import Final

Events = frozenset[str]


def _of(*names: str) -> Events:
    return frozenset(names)


# Routes that take a POST, and one of the events that each writes when it has changed something.
ROUTES: Final[Mapping[str, Events]] = {
    "server-new": _of("server.create"),
    "server-edit": _of("server.update"),
    "server-start": _of("server.start"),
    "server-stop": _of("server.stop"),
    "server-reboot": _of("server.reboot"),
    "server-delete": _of("server.delete"),
    "server-labels": _of("server.labelled"),
    "server-lock": _of("server.locked"),
    "server-unlock": _of("server.unlocked"),
    "operation-adopt": _of("server.create"),
    "operation-close": _of("operation.closed"),
    "audit-outside": _of("outside.acknowledged"),
    "tokens": _of("token.stored", "token.replaced"),
    "token-remove": _of("token.removed"),
    "account-connect": _of("account.connected", "token.stored"),
    "account": _of("account.changed"),
    "account-disconnect": _of("account.disconnected"),
    "account-sync-token": _of("account.sync_token_chosen"),
    "account-service-token": _of("account.service_token_chosen"),
    "account-service-token-withdraw": _of("account.service_token_withdrawn"),
    "invite": _of("invitation.sent"),
    "leave": _of("member.left"),
    "ownership-answer": _of("ownership.transferred", "ownership.declined"),
    "ownership-withdraw": _of("ownership.withdrawn"),
    "member": _of("member.changed"),
    "member-suspend": _of("member.suspended"),
    "member-restore": _of("member.restored"),
    "member-remove": _of("member.removed"),
    "ownership-offer": _of("ownership.offered"),
    "revocations": _of("token.revoked_outside"),
    "invitation-resend": _of("invitation.sent"),
    "invitation-revoke": _of("invitation.revoked"),
    "policies": _of("policy.changed"),
    "team-settings": _of("team.changed"),
    "team-close": _of("team.closed"),
    "role-new": _of("role.added"),
    "role": _of("role.changed"),
    "role-remove": _of("role.removed"),
    "team-new": _of("team.created"),
    "invitation": _of("invitation.accepted", "invitation.refused"),
    "own-settings": _of("person.changed"),
    "own-session-end": _of("session.ended"),
    "usersessions_list": _of("session.ended"),
    "account_login": _of("authn_login_success", "authn_login_fail"),
    "account_logout": _of("authn_logout"),
    "account_reauthenticate": _of("authn_reauth_success"),
    "account_email": _of("authn_email_asked", "authn_email_withdrawn"),
    "account_confirm_email": _of("authn_email_changed"),
    "account_change_password": _of("authn_password_change"),
    "account_set_password": _of("authn_password_change"),
    "account_reset_password": _of("authn_password_reset_asked"),
    "account_reset_password_from_key": _of("authn_password_change"),
    "mfa_authenticate": _of("authn_login_success", "authn_mfa_fail", "authn_recovery_code_used"),
    "mfa_reauthenticate": _of("authn_reauth_success", "authn_mfa_fail"),
    "mfa_activate_totp": _of("authn_mfa_added"),
    "mfa_deactivate_totp": _of("authn_mfa_removed"),
    "mfa_generate_recovery_codes": _of("authn_mfa_added", "authn_mfa_removed"),
    "mfa_add_webauthn": _of("authn_mfa_added"),
    "mfa_edit_webauthn": _of("authn_mfa_renamed"),
    "mfa_remove_webauthn": _of("authn_mfa_removed"),
    "mfa_login_webauthn": _of("authn_login_success", "authn_mfa_fail"),
    "mfa_reauthenticate_webauthn": _of("authn_reauth_success", "authn_mfa_fail"),
    "openid-callback": _of("authn_login_success", "authn_login_fail", "authn_openid_linked"),
    "openid-unlink": _of("authn_openid_unlinked"),
}

# The others: what is sent there, if anything, changes nothing.
ROUTES_THAT_CHANGE_NOTHING: Final = {
    "home", "healthz", "favicon", "styleguide", "team", "servers", "server", "operations",
    "operation", "audit", "audit-event", "members", "access", "second-step", "roles",
    "openid-login", "openid-again", "account_signup", "account_inactive",
    "account_email_verification_sent", "account_reset_password_done",
    "account_reset_password_from_key_done", "mfa_index", "mfa_view_recovery_codes",
    "mfa_download_recovery_codes", "mfa_list_webauthn",
}  # fmt: skip

COMMANDS: Final[Mapping[str, Events]] = {
    "create_owner": _of("team.created", "member.added"),
    "demo": _of("demo.loaded", "team.created", "token.stored"),
    "export_audit": _of("audit.exported"),
    "keys": _of("keys.created", "keys.added", "keys.promoted", "keys.rewrapped", "keys.retired"),
    "migrate": _of("panel.migrated"),
    "reopen": _of("panel.reopened"),
}
# Those of the panel and of its libraries that change no record: they look, or work on source files.
COMMANDS_THAT_CHANGE_NOTHING: Final = {
    "preflight", "verify_audit",
    "check", "compilemessages", "collectstatic", "diffsettings", "dumpdata", "findstatic",
    "inspectdb", "makemessages", "makemigrations", "optimizemigration", "runserver",
    "sendtestemail", "showmigrations", "sqlflush", "sqlmigrate", "sqlsequencereset",
    "squashmigrations", "startapp", "startproject", "test", "testserver",
    # Only rows that nothing refers to any more: sessions that are over, types without a model,
    # a table for a cache that is not used.
    "clearsessions", "remove_stale_contenttypes", "createcachetable",
    # Whoever may do that may do anything to the database: `verify_audit` finds it.
    "dbshell", "shell",
}  # fmt: skip

# Functions that write rows and record nothing themselves: who does, or why nobody has to.
WRITERS: Final[Mapping[str, str]] = {
    "accounts/access.py:_note_activity": "when somebody was last there",
    "accounts/entering.py:note_click": "when somebody last clicked",
    "accounts/models.py:create_user": "whoever calls: invitation.accepted, member.added",
    "accounts/own_settings.py:save": "person.changed",
    "accounts/sealing.py:_swap": "keys.rewrapped",
    "accounts/session_store.py:_save": "a session, and signing in is an event",
    "accounts/session_store.py:delete": "a session, and signing out is an event",
    "accounts/session_store.py:save": "a session, and signing in is an event",
    "credentials/leaving.py:_forget": "token.removed, by whoever calls",
    "credentials/sealing.py:_swap": "keys.rewrapped",
    "credentials/services.py:_remember_identity": "what VPS.org says an account is",
    "keys/startup.py:_note_one": "keys.created, keys.added, by whoever calls",
    "keys/startup.py:init": "keys.created",
    "operations/following.py:later": "when to look again",
    "operations/moves.py:move": "whoever moves an operation records it",
    "operations/reconcile.py:_say": "a note about what is still looked for",
    "operations/runner.py:_attempt": "with which token: in the outcome",
    "servers/acknowledging.py:_claimed": "outside.acknowledged",
    "servers/catalogue.py:_keep": "what VPS.org offers",
    "servers/labels.py:replace": "server.labelled, by whoever calls",
    "servers/leaving.py:forget": "account.disconnected, by whoever calls",
    "servers/mirror.py:write": "outside.appeared, outside.changed, outside.vanished",
    "servers/mirror.py:_change": "a set, no row",
    "servers/sync.py:_settle": "when to look again",
    "servers/sync.py:apply_status": "the operation's outcome",
    "servers/sync.py:claim": "who looks now",
    "servers/sync.py:claim_catalogue": "who looks now",
    "servers/sync.py:claim_detail": "who looks now",
    "servers/sync.py:note_trouble": "why the mirror is old",
    "servers/sync.py:try_again": "when to look again",
    "servers/sync.py:want_detail": "that somebody looks",
    "web/create.py:_sent": "operations.services",
    "web/edit.py:_compared": "operations.services",
    "web/forms.py:put": "a form, no row",
    "web/management/commands/demo.py:_add": "demo.loaded",
    "web/own.py:own_settings": "person.changed",
    "web/team.py:_founded": "team.created",
}
