import pytest
from django.core import mail
from django.test import Client

from tests.web.profile.ways import events, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _have_been_here_before(alice, adam):
    alice.sign_in()
    adam.sign_in()


def test_it_works(alice):
    sign_in(Client(), alice)
    (message,) = mail.outbox
    assert message.to == ["alice@example.com"]
    assert "browser that was not seen before" in message.body
    assert "From the address: 127.0.0.1" in message.body
    assert len(events("authn_new_device", alice)) == 1


def test_the_same_browser_is_known_the_next_time(alice):
    browser = Client()
    sign_in(browser, alice)
    browser.post("/accounts/logout/")
    sign_in(browser, alice)
    assert len(mail.outbox) == 1


def test_somebody_elses_browser_is_new_to_one(alice, adam):
    browser = Client()
    sign_in(browser, alice)
    browser.post("/accounts/logout/")
    sign_in(browser, adam)
    assert [message.to[0] for message in mail.outbox] == ["alice@example.com", "adam@example.com"]
    browser.post("/accounts/logout/")
    sign_in(browser, alice)
    assert len(mail.outbox) == 2


def test_a_made_up_cookie_is_not_believed(alice):
    browser = Client()
    browser.cookies["device"] = "0" * 32
    sign_in(browser, alice)
    assert len(mail.outbox) == 1


def test_the_very_first_sign_in_is_no_news(alice):
    alice.user.last_login = None
    alice.user.save()
    sign_in(Client(), alice)
    assert mail.outbox == []


def test_the_cookie_is_out_of_reach_of_scripts(alice):
    browser = Client()
    sign_in(browser, alice)
    assert browser.cookies["device"]["httponly"]
    assert alice.user.email not in browser.cookies["device"].value
