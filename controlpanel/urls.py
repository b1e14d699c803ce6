from django.urls import include, path
from django.views.generic import RedirectView

from controlpanel.web.api import api_docs, panel_keys
from controlpanel.web.audit import (
    checkpoint_delivery,
    differences,
    exports,
    outside_changes,
    review_queue,
    review_rules,
    today,
    verification,
)
from controlpanel.web.audit import views as audit_views
from controlpanel.web.credentials import api_tokens, provider_accounts, service_tokens
from controlpanel.web.frame import errors
from controlpanel.web.frame import views as frame_views
from controlpanel.web.operations import views as operation_views
from controlpanel.web.profile import urls as profile_urls
from controlpanel.web.servers import action_views, create_views, label_views, lock_views
from controlpanel.web.servers import views as server_views
from controlpanel.web.team import (
    effective_access,
    invitations,
    members,
    mfa_required,
    offboarding,
    ownership,
    policies,
    roles,
)
from controlpanel.web.team import views as team_views

_team = [
    path("", frame_views.team, name="team"),
    path("servers/", server_views.list_servers, name="servers"),
    path("servers/new/", create_views.new, name="server-new"),
    path("servers/new/api/", create_views.as_script, name="server-new-api"),
    path("servers/<str:provider_id>/", server_views.show, name="server"),
    path("servers/<str:provider_id>/edit/", action_views.edit, name="server-edit"),
    path("servers/<str:provider_id>/start/", action_views.start, name="server-start"),
    path("servers/<str:provider_id>/stop/", action_views.stop, name="server-stop"),
    path("servers/<str:provider_id>/reboot/", action_views.reboot, name="server-reboot"),
    path("servers/<str:provider_id>/delete/", action_views.delete, name="server-delete"),
    path("servers/<str:provider_id>/labels/", label_views.edit, name="server-labels"),
    path("servers/<str:provider_id>/lock/", lock_views.lock, name="server-lock"),
    path("servers/<str:provider_id>/unlock/", lock_views.unlock, name="server-unlock"),
    path("operations/", operation_views.list_operations, name="operations"),
    path("operations/<uuid:operation_id>/", operation_views.show, name="operation"),
    path("operations/<uuid:operation_id>/adopt/", operation_views.adopt, name="operation-adopt"),
    path(
        "operations/<uuid:operation_id>/confirm/", operation_views.confirm, name="operation-confirm"
    ),
    path(
        "operations/<uuid:operation_id>/dismiss/", operation_views.dismiss, name="operation-dismiss"
    ),
    path("operations/<uuid:operation_id>/close/", operation_views.close, name="operation-close"),
    path("audit/", audit_views.list_events, name="audit"),
    path("audit/new/", audit_views.count_new, name="audit-new"),
    path("audit/suggest/", audit_views.suggest, name="audit-suggest"),
    path("audit/requests/<str:request_id>/", audit_views.show_request, name="audit-request"),
    path("audit/checkpoints/", checkpoint_delivery.show, name="audit-checkpoints"),
    path("audit/verification/", verification.show, name="audit-verification"),
    path("audit/differences/", differences.show, name="audit-differences"),
    path("audit/export/", exports.export, name="audit-export"),
    path("audit/export/<uuid:export_id>/", exports.show, name="audit-export-show"),
    path("audit/export/<uuid:export_id>/file/", exports.give, name="audit-export-file"),
    path("audit/outside/", outside_changes.list_changes, name="audit-outside"),
    path("audit/today/", today.today, name="audit-today"),
    path("audit/review/", review_queue.queue, name="audit-review"),
    path("audit/review/rules/", review_rules.rules, name="audit-review-rules"),
    path("audit/<int:seq>/", audit_views.show, name="audit-event"),
    path("tokens/", api_tokens.list_tokens, name="tokens"),
    path("tokens/<uuid:account_id>/remove/", api_tokens.remove, name="token-remove"),
    path("accounts/connect/", provider_accounts.connect, name="account-connect"),
    path("accounts/<uuid:account_id>/", provider_accounts.change, name="account"),
    path(
        "accounts/<uuid:account_id>/disconnect/",
        provider_accounts.disconnect,
        name="account-disconnect",
    ),
    path(
        "accounts/<uuid:account_id>/sync-token/",
        provider_accounts.choose_sync,
        name="account-sync-token",
    ),
    path(
        "accounts/<uuid:account_id>/ask-again/",
        provider_accounts.ask_again,
        name="account-ask-again",
    ),
    path(
        "accounts/<uuid:account_id>/service-token/",
        service_tokens.choose,
        name="account-service-token",
    ),
    path(
        "accounts/<uuid:account_id>/service-token/withdraw/",
        service_tokens.withdraw,
        name="account-service-token-withdraw",
    ),
    path("panel-keys/", panel_keys.list_keys, name="panel-keys"),
    path("panel-keys/new/", panel_keys.new, name="panel-key-new"),
    path("panel-keys/<uuid:key_id>/rotate/", panel_keys.rotate, name="panel-key-rotate"),
    path("panel-keys/<uuid:key_id>/revoke/", panel_keys.revoke, name="panel-key-revoke"),
    path("api/", api_docs.show, name="api"),
    path("members/", members.list_members, name="members"),
    path("members/invite/", invitations.invite, name="invite"),
    path("members/leave/", offboarding.leave, name="leave"),
    path("members/ownership/", ownership.answer, name="ownership-answer"),
    path("members/ownership/withdraw/", ownership.withdraw, name="ownership-withdraw"),
    path("members/<uuid:user_id>/", members.change, name="member"),
    path("members/<uuid:user_id>/access/", effective_access.show, name="access"),
    path("members/<uuid:user_id>/suspend/", members.suspend, name="member-suspend"),
    path("members/<uuid:user_id>/restore/", members.restore, name="member-restore"),
    path("members/<uuid:user_id>/remove/", offboarding.remove, name="member-remove"),
    path("members/revocations/", offboarding.revocations, name="revocations"),
    path("members/<uuid:user_id>/ownership/", ownership.offer, name="ownership-offer"),
    path(
        "members/invitations/<uuid:invitation_id>/resend/",
        invitations.resend,
        name="invitation-resend",
    ),
    path(
        "members/invitations/<uuid:invitation_id>/revoke/",
        invitations.revoke,
        name="invitation-revoke",
    ),
    path("policies/", policies.show, name="policies"),
    path("second-step/", mfa_required.show, name="second-step"),
    path("settings/", team_views.settings, name="team-settings"),
    path("close/", team_views.close, name="team-close"),
    path("roles/", roles.list_roles, name="roles"),
    path("roles/new/", roles.new, name="role-new"),
    path("roles/<slug:slug>/", roles.change, name="role"),
    path("roles/<slug:slug>/remove/", roles.remove, name="role-remove"),
]

urlpatterns = [
    path("", frame_views.home, name="home"),
    path("healthz", frame_views.healthz, name="healthz"),
    path("favicon.ico", RedirectView.as_view(url="/static/favicon.ico"), name="favicon"),
    path("styleguide/", frame_views.styleguide, name="styleguide"),
    path("", include(profile_urls)),
    path("invitations/<str:token>/", invitations.accept, name="invitation"),
    path("teams/new/", team_views.new, name="team-new"),
    path("teams/<slug:team>/", include(_team)),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
