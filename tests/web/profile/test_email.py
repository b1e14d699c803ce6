import re
from urllib.parse import quote

import pytest
from django.core import mail

from tests.people import PASSWORD
from tests.web.profile.ways import add_app, events, is_signed_in, sign_in

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


def test_it_is_confirmed_by_the_person_whose_sign_in_it_is(alice, nobody):
    """Somebody at alice's open browser asked for their own address."""
    ask(alice)
    for answer in (nobody.get(link()), nobody.post(link())):
        assert answer["Location"] == f"/accounts/login/?next={quote(link())}"
    alice.user.refresh_from_db()
    assert alice.user.email == "alice@example.com"
    page = nobody.get(f"/accounts/login/?next={link()}").content.decode()
    assert "Sign in to confirm your new e-mail address" in page


@pytest.mark.parametrize("who", ["bob", "charlie"])
def test_another_person_confirms_nothing(alice, who, request):
    other = request.getfixturevalue(who)
    ask(alice)
    page = other.get(link())
    assert page.status_code == 403
    assert "another person" in page.content.decode()
    assert "alice" not in page.content.decode()
    assert other.post(link()).status_code == 403
    alice.user.refresh_from_db()
    assert alice.user.email == "alice@example.com"
    assert is_signed_in(other)  # nobody is signed out by following a link
    (event,) = events("authn_email_refused", alice)
    assert (event.result, event.actor_name) == ("denied", other.user.email)


def test_a_stranger_signs_in_and_then_confirms(alice, nobody):
    ask(alice)
    answer = nobody.post(
        "/accounts/login/", {"login": "alice@example.com", "password": PASSWORD, "next": link()}
    )
    assert answer["Location"] == link()
    nobody.post(link())
    alice.user.refresh_from_db()
    assert alice.user.email == NEW


def test_a_new_password_is_not_sent_to_an_address_that_waits(alice, nobody):
    ask(alice)
    mail.outbox.clear()
    nobody.post("/accounts/password/reset/", {"email": NEW})
    assert "password/reset/key" not in str([message.body for message in mail.outbox])
    nobody.post("/accounts/password/reset/", {"email": "alice@example.com"})
    assert "password/reset/key" in mail.outbox[-1].body


@pytest.mark.parametrize("address", ["alice@b\u00fccher.example", "\u212aate@example.com"])
def test_other_characters_are_refused_at_the_field(alice, address):
    answer = ask(alice, address)
    assert "begins with xn--" in answer.content.decode()
    assert mail.outbox == []
