from allauth.account.urls import urlpatterns as _allauth
from django.urls import include, path
from django.views.generic import RedirectView

from controlpanel.web import (
    account,
    audit,
    create,
    errors,
    home,
    operations,
    server_actions,
    servers,
    team,
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
    path("members/", team.list_members, name="members"),
]

# E-mail addresses and codes are allauth's too, but nothing here leads to them yet.
_account = [
    pattern
    for pattern in _allauth
    if pattern.name.startswith("account_reset_password")
    or pattern.name
    in {
        "account_login",
        "account_logout",
        "account_signup",
        "account_inactive",
        "account_reauthenticate",
        "account_change_password",
    }
]

urlpatterns = [
    path("", home.home, name="home"),
    path("healthz", home.healthz, name="healthz"),
    path("favicon.ico", RedirectView.as_view(url="/static/favicon.ico"), name="favicon"),
    path("styleguide/", home.styleguide, name="styleguide"),
    path("accounts/", include(_account)),
    path("teams/<slug:team>/", include(_team)),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
