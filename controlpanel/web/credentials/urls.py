"""Addresses below a team's own."""

from django.urls import path

from controlpanel.web.credentials import api_tokens, provider_accounts, service_tokens

urlpatterns = [
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
]
