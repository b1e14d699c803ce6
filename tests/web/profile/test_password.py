import re

import pytest
from django.core import mail

from tests.people import PASSWORD
from tests.web.profile.ways import events, is_signed_in, sign_in

pytestmark = pytest.mark.django_db(transaction=True)
RESET = "/accounts/password/reset/"
CHANGE = "/accounts/password/change/"
NEW = "a-quiet-harbour-31"


def link() -> str:
    found = re.search(
        r"http://localhost:8000(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body)
    )
    assert found
    return found[1]


def choose(browser, address, password=NEW):
    form = browser.get(address)["Location"]
    browser.get(form)
    return browser.post(form, {"password1": password, "password2": password})


def test_a_reset_works_once(alice, nobody):
    nobody.post(RESET, {"email": alice.user.email})
    address = link()
    choose(nobody, address)
    sign_in(nobody, alice, NEW)
    assert is_signed_in(nobody)
    assert "no longer works" in nobody.get(address).content.decode()
    assert len(events("authn_password_reset_asked", alice)) == 1
    assert len(events("authn_password_change", alice)) == 1
    assert "replaced, by a link" in mail.outbox[1].body


def test_the_link_leads_to_the_public_address_whatever_the_host(alice, nobody):
    nobody.post(RESET, {"email": alice.user.email}, headers={"Host": "127.0.0.1:1"})
    assert "http://localhost:8000/accounts/password/reset/key/" in mail.outbox[0].body


def test_the_answer_is_the_same_for_an_unknown_address(alice, nobody):
    known = nobody.post(RESET, {"email": alice.user.email}, follow=True)
    unknown = nobody.post(RESET, {"email": "eve@example.com"}, follow=True)
    assert known.redirect_chain == unknown.redirect_chain
    assert known.content == unknown.content
    assert [message.to[0] for message in mail.outbox] == ["alice@example.com", "eve@example.com"]


def test_a_reset_still_asks_for_the_second_step(alice, nobody):
    from tests.web.profile.ways import add_app

    add_app(alice)
    mail.outbox.clear()
    nobody.post(RESET, {"email": alice.user.email})
    choose(nobody, link())
    assert sign_in(nobody, alice, NEW)["Location"] == "/accounts/two-step/authenticate/"


@pytest.mark.parametrize(
    ("password", "word"),
    [("short-1", "too short"), ("password1234", "too common"), ("alice@example.co", "similar")],
)
def test_the_rules_hold(alice, password, word):
    answer = alice.post(
        CHANGE, {"oldpassword": PASSWORD, "password1": password, "password2": password}
    )
    assert word in answer.content.decode()
    assert alice.user.check_password(PASSWORD)


def test_a_change_is_told(alice):
    answer = alice.post(CHANGE, {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    assert answer["Location"] == "/account/settings/"
    assert "Your new password is saved" in alice.get("/account/settings/").content.decode()
    assert "password of alice@example.com" in mail.outbox[0].body
    assert NEW not in mail.outbox[0].body


def test_a_change_needs_the_old_one(alice):
    alice.post(CHANGE, {"oldpassword": "wrong-horse-9", "password1": NEW, "password2": NEW})
    alice.user.refresh_from_db()
    assert alice.user.check_password(PASSWORD)
