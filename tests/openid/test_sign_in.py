import json
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.core import mail
from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Membership, Team, User
from controlpanel.audit.log import read_only_state
from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from tests.openid.doing import CALLBACK, START, failures, go, is_signed_in, links, sign_in
from tests.openid.provider import Provider
from tests.people import Person, join


def _words(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_it_works(alice: Person, provider: Provider, nobody: Client) -> None:
    assert "Sign in with Acme SSO" in nobody.get("/accounts/login/").content.decode()
    answer = sign_in(nobody, provider, next="/teams/acme/audit/")
    assertRedirects(answer, "/teams/acme/audit/", fetch_redirect_response=False)
    assert is_signed_in(nobody)
    assert links() == {"a-1": "alice@example.com"}


def test_the_person_is_told_by_mail(
    alice: Person,
    provider: Provider,
    nobody: Client,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        sign_in(nobody, provider)
    message = mail.outbox[0]
    assert message.to == ["alice@example.com"]
    assert "linked with Acme SSO" in str(message.body)


def test_it_is_recorded(alice: Person, provider: Provider, nobody: Client) -> None:
    sign_in(nobody, provider)
    chain = AuditEvent.objects.filter(chain=alice.team.chain)
    linked = chain.get(event="authn_openid_linked")
    assert linked.target_name == "alice@example.com"
    signed_in = chain.get(event="authn_login_success")
    assert json.loads(signed_in.canonical)["data"]["methods"] == ["openid"]


def test_it_keeps_no_token_and_nothing_else_of_the_person(
    alice: Person, provider: Provider, nobody: Client
) -> None:
    sign_in(nobody, provider)
    assert not SocialToken.objects.exists()
    link = SocialAccount.objects.get(user=alice.user)
    assert link.extra_data == {"email": "alice@example.com"}
    assert User.objects.get(pk=alice.user.pk).name == alice.user.name


def test_it_comes_back_to_the_public_address(
    alice: Person, provider: Provider, nobody: Client
) -> None:
    go(nobody, provider)
    assert provider.authorized["redirect_uri"] == f"http://localhost:8000{CALLBACK}"
    assert set(provider.authorized["scope"].split()) == {"openid", "profile", "email"}


def test_the_address_of_the_page_changes_nothing_that_is_asked(
    alice: Person, provider: Provider, nobody: Client
) -> None:
    answer = nobody.post(f"{START}?scope=admin&auth_params=nonce%3Dx&process=connect")
    provider.authorize(answer["Refresh"].removeprefix("0;url="))
    assert "admin" not in provider.authorized["scope"]
    assert provider.authorized["nonce"] != "x"


def test_it_leads_nowhere_else(alice: Person, provider: Provider, nobody: Client) -> None:
    answer = sign_in(nobody, provider, next="https://evil.example/")
    assertRedirects(answer, "/", fetch_redirect_response=False)


def test_an_address_told_by_userinfo_counts(
    alice: Person, provider: Provider, nobody: Client
) -> None:
    provider.in_userinfo = True
    sign_in(nobody, provider)
    assert is_signed_in(nobody)


def test_userinfo_of_somebody_else_is_refused(
    alice: Person, provider: Provider, nobody: Client
) -> None:
    provider.in_userinfo, provider.userinfo_sub = True, "b-2"
    assert sign_in(nobody, provider).status_code == 403
    assert not links()


def test_once_linked_the_address_there_may_change(
    alice: Person, bob: Person, provider: Provider, nobody: Client
) -> None:
    sign_in(nobody, provider)
    provider.person |= {"email": "bob@example.com", "email_verified": False}
    again = Client()
    sign_in(again, provider)
    assert again.get("/account/settings/").context["panel"]["user"] == alice.user


def test_an_unknown_person_is_told_whom_to_ask(
    alice: Person, provider: Provider, nobody: Client
) -> None:
    provider.person |= {"sub": "n-1", "email": "new@example.com"}
    people = User.objects.count()
    answer = sign_in(nobody, provider)
    assert answer.status_code == 403
    assert "Ask an owner of your team for an invitation" in _words(answer)
    assert failures() == ["new@example.com"]
    assert (User.objects.count(), links()) == (people, {})
    assert not is_signed_in(nobody)


@pytest.mark.parametrize("said", [False, None, "true", "false", 1])
def test_an_unverified_address_finds_nobody(
    alice: Person, provider: Provider, nobody: Client, said: object
) -> None:
    provider.person["email_verified"] = said
    answer = sign_in(nobody, provider)
    assert "does not say that your e-mail address there is verified" in _words(answer)
    assert failures() == ["alice@example.com"]
    assert not is_signed_in(nobody)


def test_a_second_person_there_with_the_same_address_is_refused(
    alice: Person, provider: Provider, nobody: Client
) -> None:
    sign_in(nobody, provider)
    provider.person["sub"] = "a-2"
    other = Client()
    answer = sign_in(other, provider)
    assert "is linked with somebody else" in _words(answer)
    assert failures() == ["alice@example.com"]
    assert links() == {"a-1": "alice@example.com"}
    assert not is_signed_in(other)


@pytest.mark.parametrize("is_linked", [False, True])
def test_somebody_switched_off_stays_out(
    alice: Person, provider: Provider, nobody: Client, is_linked: bool
) -> None:
    if is_linked:
        sign_in(nobody, provider)
    User.objects.filter(pk=alice.user.pk).update(is_active=False)
    other = Client()
    answer = sign_in(other, provider)
    assertRedirects(answer, "/accounts/inactive/", fetch_redirect_response=False)
    assert failures() == ["alice@example.com"]
    assert len(links()) == int(is_linked)
    assert not is_signed_in(other)


def test_a_suspended_member_sees_no_server(bob: Person, provider: Provider, nobody: Client) -> None:
    Membership.objects.filter(user=bob.user).update(suspended_at=clock.now())
    provider.person |= {"sub": "b-1", "email": "bob@example.com"}
    sign_in(nobody, provider)
    assert nobody.get("/teams/acme/servers/").status_code in {403, 404}


def test_a_second_step_is_asked_for_all_the_same(
    alice: Person, provider: Provider, nobody: Client
) -> None:
    TOTP.activate(alice.user, generate_totp_secret())
    answer = sign_in(nobody, provider)
    assertRedirects(answer, "/accounts/two-step/authenticate/", fetch_redirect_response=False)
    assert not is_signed_in(nobody)
    assert not AuditEvent.objects.filter(event="authn_login_success").exists()


def test_hostile_text_stays_text(alice: Person, provider: Provider, nobody: Client) -> None:
    evil = "<script>alert(1)</script>\u202e"
    provider.person |= {"sub": evil, "name": evil, "picture": "javascript:x"}
    assert sign_in(nobody, provider).status_code == 302
    assert evil not in nobody.get("/account/settings/").content.decode()
    provider.person |= {"sub": "x", "email": f'"{evil}"@example.com', "name": ["a", {}]}
    other = Client()
    answer = sign_in(other, provider)
    assert answer.status_code == 403
    assert "<script>alert" not in answer.content.decode()


def test_it_is_off_without_settings(alice: Person, nobody: Client) -> None:
    for browser in (nobody, alice):
        assert browser.post(START).status_code == 404
        for path in (CALLBACK, f"{START}again/", START, "/account/openid/unlink/"):
            assert browser.get(path).status_code == 404
        assert browser.post("/account/openid/unlink/").status_code == 404
    assert "openid" not in nobody.get("/accounts/login/").content.decode()


def test_it_starts_with_a_post_only(db: None, provider: Provider, nobody: Client) -> None:
    assert nobody.get(START).status_code == 405
    assert Client(enforce_csrf_checks=True).post(START).status_code == 403
    assert not provider.asked


def test_no_link_is_made_while_the_panel_is_read_only(
    alice: Person, provider: Provider, nobody: Client
) -> None:
    way_back = go(nobody, provider)
    read_only_state.close(read_only_state.CHANGED, "another")

    answer = nobody.get(CALLBACK, way_back)

    assert answer.status_code == 403
    assert links() == {}
    assert not AuditEvent.objects.filter(event="authn_openid_linked").exists()


# PostgreSQL takes the first of these for ASCII letters, Python the second.
@pytest.mark.databases
@pytest.mark.parametrize(
    "address",
    [
        "al\u0131ce@example.com",
        "\u212aate@example.com",
        "AL\u0130CE@EXAMPLE.COM",
        "alice@examp\u217ce.com",
        "alic\u00e9@example.com",
        "\uff41lice@example.com",
        "alice\u200b@example.com",
        "alice@ex\u00adample.com",
        "\u0430lice@example.com",
        "alice@example\uff0ecom",
        "alice@example.com\u0301",
    ],
)
def test_an_address_with_other_characters_is_nobody_here(
    alice: Person, team: Team, provider: Provider, nobody: Client, address: str
) -> None:
    join(team, "kate", "owner")
    provider.person["email"] = address
    answer = sign_in(nobody, provider)
    assert answer.status_code == 403
    assert not is_signed_in(nobody)
    assert links() == {}


@pytest.mark.databases
def test_nor_does_it_match_an_account_that_is_written_so(
    team: Team, provider: Provider, nobody: Client
) -> None:
    User.objects.create_user("b\u00fccher@example.com", name="B")
    provider.person["email"] = "b\u00fccher@example.com"
    assert sign_in(nobody, provider).status_code == 403


@pytest.mark.databases
def test_the_case_makes_no_difference(alice: Person, provider: Provider, nobody: Client) -> None:
    provider.person["email"] = "Alice@EXAMPLE.com"
    sign_in(nobody, provider)
    assert is_signed_in(nobody)
