import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from tests.people import PASSWORD
from tests.web.profile.ways import events, is_signed_in, sign_in

LIST = "/accounts/sessions/"
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Mobile Safari/537.36"
)


@pytest.fixture
def desk(alice):
    browser = Client(headers={"User-Agent": LINUX})
    sign_in(browser, alice)
    return browser


@pytest.fixture
def phone(alice):
    browser = Client(headers={"User-Agent": PHONE})
    sign_in(browser, alice)
    return browser


def end(browser, agent):
    session = UserSession.objects.get(user_agent=agent)
    return browser.post(f"/account/sessions/{session.pk}/end/")


def test_it_lists_them(desk, phone):
    page = desk.get(LIST).content.decode()
    assert "Firefox on Linux" in page
    assert "Chrome on Android" in page
    assert page.count("this one") == 1


def test_ending_one(alice, desk, phone):
    assert end(desk, PHONE)["Location"] == LIST
    assert not is_signed_in(phone)
    assert is_signed_in(desk)
    (event,) = events("session.ended", alice)
    assert (event.target_name, event.data["browser"]) == ("alice@example.com", PHONE)


def test_ending_all_others(alice, desk, phone):
    assert is_signed_in(alice)
    desk.post(LIST)
    assert not is_signed_in(phone)
    assert not is_signed_in(alice)
    assert len(events("session.ended", alice)) == 2
    assert is_signed_in(desk)


def test_one_that_is_ended_is_told_by_the_next_poll(desk, phone):
    end(desk, PHONE)
    answer = phone.get("/teams/acme/members/", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"].startswith("/accounts/login/")


def test_nobody_ends_somebody_elses(adam, desk):
    assert end(adam, LINUX).status_code == 404
    assert is_signed_in(desk)


def test_ones_own_ends_by_signing_out(desk):
    assert end(desk, LINUX).status_code == 404
    assert is_signed_in(desk)


def test_without_a_record_none_is_ended(desk, phone, audit_broken):
    assert end(desk, PHONE).status_code == 503
    assert is_signed_in(phone)


def test_a_new_password_ends_all_others(alice, desk, phone):
    desk.post(
        "/accounts/password/change/",
        {
            "oldpassword": PASSWORD,
            "password1": "a-quiet-harbour-31",
            "password2": "a-quiet-harbour-31",
        },
    )
    assert is_signed_in(desk)
    assert not is_signed_in(phone)
    assert desk.get(LIST).content.decode().count("<tr>") == 2


def test_it_notes_the_last_use_once_a_minute(alice):
    alice.get("/account/settings/")
    before = UserSession.objects.get(user=alice.user).last_seen_at
    alice.get("/account/settings/")
    assert UserSession.objects.get(user=alice.user).last_seen_at == before
