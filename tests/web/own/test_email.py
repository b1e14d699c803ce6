import re

import pytest
from django.core import mail

from tests.people import PASSWORD
from tests.web.own.ways import add_app, events, is_signed_in, sign_in

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/accounts/email/"
NEW = "alice@example.org"


def link() -> str:
    found = re.search(
        r"http://localhost:8000(/accounts/confirm-email/\S+)", str(mail.outbox[0].body)
    )
    assert found
    return found[1]


def ask(person, address=NEW):
    return person.post(PAGE, {"email": address, "action_add": ""})


def test_it_works(alice, nobody):
    ask(alice)
    assert "Waiting to be confirmed" in alice.get(PAGE).content.decode()
    assert mail.outbox[0].to == [NEW]
    address = link()
    assert "Is this your address?" in alice.get(address).content.decode()
    alice.post(address)
    alice.user.refresh_from_db()
    assert alice.user.email == NEW
    assert nobody.post("/accounts/login/", {"login": NEW, "password": PASSWORD})["Location"] == "/"
    assert mail.outbox[1].to == ["alice@example.com"]
    (event,) = events("authn_email_changed", alice)
    assert event.data == {"before": "alice@example.com", "after": NEW}


def test_until_then_everything_stays(alice, nobody):
    ask(alice)
    sign_in(nobody, alice)
    assert is_signed_in(nobody)
    assert len(events("authn_email_asked", alice)) == 1
    answer = nobody.post("/accounts/login/", {"login": NEW, "password": PASSWORD})
    assert answer.status_code in {200, 302}
    alice.user.refresh_from_db()
    assert alice.user.email == "alice@example.com"


def test_looking_at_the_link_confirms_nothing(alice, nobody):
    ask(alice)
    nobody.get(link())
    alice.user.refresh_from_db()
    assert alice.user.email == "alice@example.com"


def test_it_can_be_given_up(alice, nobody):
    ask(alice)
    address = link()
    alice.post(PAGE, {"email": NEW, "action_remove": ""})
    assert "no longer works" in nobody.get(address).content.decode()
    assert "Waiting" not in alice.get(PAGE).content.decode()
    (event,) = events("authn_email_withdrawn", alice)
    assert event.data == {"address": NEW}


def test_an_address_of_somebody_else_is_not_told_and_not_taken(alice, adam):
    ask(alice, "adam@example.com")
    assert mail.outbox[0].to == ["adam@example.com"]
    alice.post(link())
    alice.user.refresh_from_db()
    assert alice.user.email == "alice@example.com"


def test_a_stale_sign_in_is_asked_first(alice):
    alice.signed_in_ago(minutes=16)
    assert ask(alice)["Location"].startswith("/accounts/reauthenticate/")
    assert mail.outbox == []
    alice.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": PAGE})
    assert mail.outbox[0].to == [NEW]


def test_it_works_beside_a_second_step(alice):
    add_app(alice)
    mail.outbox.clear()
    ask(alice)
    alice.post(link())
    alice.user.refresh_from_db()
    assert alice.user.email == NEW


def test_who_never_confirmed_an_address_does_not_get_in(alice, nobody):
    alice.user.emailaddress_set.update(verified=False)
    assert sign_in(nobody, alice)["Location"] == "/accounts/confirm-email/"
    assert not is_signed_in(nobody)
    assert mail.outbox[0].to == ["alice@example.com"]
    nobody.post(link())
    sign_in(nobody, alice)
    assert is_signed_in(nobody)
