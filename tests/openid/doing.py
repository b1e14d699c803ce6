from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.test import Client

from controlpanel.audit.models import AuditEvent
from tests.openid.provider import Provider

START = "/accounts/openid/"
CALLBACK = "/accounts/openid/callback/"


def go(browser: Client, provider: Provider, **form: str) -> dict[str, str]:
    """To the provider; what the browser comes back with."""
    answer = browser.post(START, form)
    assert answer.status_code == 200, answer.content.decode()
    return provider.authorize(answer["Refresh"].removeprefix("0;url="))


def sign_in(browser: Client, provider: Provider, **form: str) -> Any:
    return browser.get(CALLBACK, go(browser, provider, **form))


def is_signed_in(browser: Client) -> bool:
    return browser.get("/account/settings/").status_code == 200


def failures() -> list[str]:
    events = AuditEvent.objects.filter(event="authn_login_fail", result="failure")
    return [event.target_name for event in events.order_by("pk")]


def links() -> dict[str, str]:
    """The provider's name for a person → their address here."""
    found = SocialAccount.objects.select_related("user")
    return {link.uid: link.user.email for link in found}
