"""What the provider, or somebody in between, may say wrong: a clear page, a record, nobody in."""

from typing import Any

import pytest
from django.test import Client

from controlpanel.lib.openid_settings import OpenID
from controlpanel.lib.secret import Secret
from tests.openid.doing import CALLBACK, START, failures, go, is_signed_in, links, sign_in
from tests.openid.provider import CLIENT_ID, Provider
from tests.people import Person


def _is_refused(answer: Any, browser: Client) -> None:
    assert answer.status_code == 403
    assert "Signing in with Acme SSO did not work" in answer.content.decode()
    assert failures() == ["Acme SSO"]
    assert not links()
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 400},
    ],
    ids=str,
)
def test_a_wrong_claim(
    alice: Person, provider: Provider, nobody: Client, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    _is_refused(sign_in(nobody, provider), nobody)


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_no_signature_by_the_provider(
    alice: Person, provider: Provider, nobody: Client, algorithm: str
) -> None:
    provider.algorithm = algorithm
    _is_refused(sign_in(nobody, provider), nobody)


def test_another_key(alice: Person, provider: Provider, nobody: Client) -> None:
    provider.signs_with_another_key = True
    _is_refused(sign_in(nobody, provider), nobody)


def test_a_wrong_state(alice: Person, provider: Provider, nobody: Client) -> None:
    back = go(nobody, provider)
    _is_refused(nobody.get(CALLBACK, back | {"state": "another"}), nobody)
    assert "/token" not in provider.asked


def test_the_state_of_another_browser(alice: Person, provider: Provider, nobody: Client) -> None:
    _is_refused(nobody.get(CALLBACK, go(Client(), provider)), nobody)


def test_an_answer_counts_once(alice: Person, provider: Provider, nobody: Client) -> None:
    back = go(nobody, provider)
    assert nobody.get(CALLBACK, back).status_code == 302
    nobody.post("/accounts/logout/")
    assert nobody.get(CALLBACK, back).status_code == 403
    assert not is_signed_in(nobody)


def test_somebody_stops_it_there(alice: Person, provider: Provider, nobody: Client) -> None:
    back = go(nobody, provider)
    answer = nobody.get(CALLBACK, {"state": back["state"], "error": "access_denied"})
    _is_refused(answer, nobody)


@pytest.mark.parametrize("path", ["/token", "/jwks", "/.well-known/openid-configuration"])
@pytest.mark.parametrize("way", ["broken", "garbage", "moved"])
def test_an_answer_that_is_none(
    alice: Person, provider: Provider, nobody: Client, way: str, path: str
) -> None:
    back = go(nobody, provider)
    setattr(provider, way, path)
    _is_refused(nobody.get(CALLBACK, back), nobody)


@pytest.mark.parametrize(
    "config",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://evil.example/\r\nSet-Cookie: a=b"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": None},
        {"userinfo_endpoint": "file:///etc/passwd"},
    ],
    ids=str,
)
def test_a_discovery_that_leads_elsewhere(
    db: None, provider: Provider, nobody: Client, config: dict[str, Any]
) -> None:
    provider.config = config
    _is_refused(nobody.post(START), nobody)


def test_the_provider_is_down(alice: Person, provider: Provider, nobody: Client) -> None:
    back = go(nobody, provider)
    provider.stop()
    _is_refused(nobody.get(CALLBACK, back), nobody)
    assert nobody.post(START).status_code == 403


def test_another_issuer_knows_nobody_by_the_same_name(
    alice: Person, bob: Person, provider: Provider, nobody: Client, settings: Any
) -> None:
    sign_in(nobody, provider)
    person = provider.person | {"email": "bob@example.com"}
    with Provider(person=person) as other:
        secret: Secret = settings.PANEL_OIDC.client_secret
        settings.PANEL_OIDC = OpenID("Other", other.issuer, CLIENT_ID, secret)
        browser = Client()
        sign_in(browser, other)
        assert browser.get("/account/settings/").context["panel"]["user"] == bob.user


def test_it_is_not_asked_too_often(db: None, provider: Provider, nobody: Client) -> None:
    answers = {nobody.get(CALLBACK).status_code for _ in range(40)}
    assert answers == {403, 429}
