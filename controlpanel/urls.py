from django.urls import include, path
from django.views.generic import RedirectView

from controlpanel.web import (
    account,
    audit,
    create,
    effective,
    errors,
    home,
    invitations,
    labels,
    locks,
    members,
    offboarding,
    operations,
    own_urls,
    ownership,
    roles,
    server_actions,
    servers,
    tokens,
)

_team = [
    path("", home.team, name="team"),
    path("servers/", servers.list_servers, name="servers"),
    path("servers/new/", create.new, name="server-new"),
    path("servers/<str:provider_id>/", servers.show, name="server"),
    path("servers/<str:provider_id>/edit/", server_actions.edit, name="server-edit"),
    path("servers/<str:provider_id>/start/", server_actions.start, name="server-start"),
    path("servers/<str:provider_id>/stop/", server_actions.stop, name="server-stop"),
    path("servers/<str:provider_id>/reboot/", server_actions.reboot, name="server-reboot"),
    path("servers/<str:provider_id>/delete/", server_actions.delete, name="server-delete"),
    path("servers/<str:provider_id>/labels/", labels.edit, name="server-labels"),
    path("servers/<str:provider_id>/lock/", locks.lock, name="server-lock"),
    path("servers/<str:provider_id>/unlock/", locks.unlock, name="server-unlock"),
    path("operations/", operations.list_operations, name="operations"),
    path("operations/<uuid:operation_id>/", operations.show, name="operation"),
    path("operations/<uuid:operation_id>/adopt/", operations.adopt, name="operation-adopt"),
    path("operations/<uuid:operation_id>/close/", operations.close, name="operation-close"),
    path("audit/", audit.list_events, name="audit"),
    path("audit/<int:seq>/", audit.show, name="audit-event"),
    path("tokens/", tokens.list_tokens, name="tokens"),
    path("tokens/<uuid:account_id>/remove/", tokens.remove, name="token-remove"),
    path("accounts/connect/", account.connect, name="account-connect"),
    path("accounts/<uuid:account_id>/sync-token/", account.choose_sync, name="account-sync-token"),
    path("members/", members.list_members, name="members"),
    path("members/invite/", invitations.invite, name="invite"),
    path("members/leave/", members.leave, name="leave"),
    path("members/ownership/", ownership.answer, name="ownership-answer"),
    path("members/ownership/withdraw/", ownership.withdraw, name="ownership-withdraw"),
    path("members/<uuid:user_id>/", members.change, name="member"),
    path("members/<uuid:user_id>/access/", effective.show, name="access"),
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
    path("roles/", roles.list_roles, name="roles"),
    path("roles/new/", roles.new, name="role-new"),
    path("roles/<slug:slug>/", roles.change, name="role"),
    path("roles/<slug:slug>/remove/", roles.remove, name="role-remove"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("healthz", home.healthz, name="healthz"),
    path("favicon.ico", RedirectView.as_view(url="/static/favicon.ico"), name="favicon"),
    path("styleguide/", home.styleguide, name="styleguide"),
    path("", include(own_urls)),
    path("invitations/<str:token>/", invitations.accept, name="invitation"),
    path("teams/<slug:team>/", include(_team)),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
