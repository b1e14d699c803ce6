"""Tries are counted in the cache that all processes share, and by each one while Redis is gone."""

import pytest
from django.core.cache import cache, caches
from django.core.cache.backends.locmem import LocMemCache
from django.test import Client

from tests.web.profile.ways import LOGIN, add_app, is_signed_in, sign_in

CODE = "/accounts/two-step/authenticate/"


@pytest.fixture(autouse=True)
def _nothing_spared():
    """What a process remembers while Redis is gone outlives a test."""
    LocMemCache("while-redis-is-gone", {}).clear()


def guess(person, times=6):
    for _ in range(times):
        sign_in(Client(), person, "wrong-horse-9")


def another_process():
    """Its cache remembers nothing by itself."""
    del caches["default"]


@pytest.mark.django_db
def test_another_process_knows(alice, valkey):
    guess(alice)
    another_process()
    browser = Client()
    sign_in(browser, alice)
    assert not is_signed_in(browser)


@pytest.mark.django_db
def test_one_process_still_counts_while_redis_is_gone(alice, valkey):
    valkey.stop()
    guess(alice)
    browser = Client()
    sign_in(browser, alice)
    assert not is_signed_in(browser)


@pytest.mark.django_db
def test_without_redis_one_still_signs_in(alice, valkey):
    valkey.stop()
    browser = Client()
    sign_in(browser, alice)
    assert is_signed_in(browser)


@pytest.mark.django_db
def test_codes_are_not_guessed_either(alice):
    add_app(alice)
    cache.clear()
    browser = Client()
    sign_in(browser, alice)
    for n in range(6):
        answer = browser.post(CODE, {"code": f"{n:06}x"})
    assert "Too many" in answer.content.decode()


@pytest.mark.django_db
def test_asking_for_passwords_has_an_end(alice):
    answers = [
        Client().post("/accounts/password/reset/", {"email": alice.user.email}) for _ in range(6)
    ]
    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert LOGIN in answers[-1].content.decode()


HOSTS = ["localhost", "localhost:8000", "localhost:1", "LOCALHOST", "127.0.0.1", "127.0.0.1:65535"]


@pytest.mark.django_db
def test_the_host_header_is_no_way_around_it(alice, settings):
    settings.ALLOWED_HOSTS = ["*"]
    for host in HOSTS:
        sign_in(Client(), alice, "wrong-horse-9", Host=host)
    browser = Client()
    sign_in(browser, alice, Host="fresh.example:4711")
    assert not is_signed_in(browser)


@pytest.mark.django_db
def test_another_spelling_of_the_address_is_no_way_around_it(alice):
    for written in (
        "alice@example.com", "Alice@example.com", "ALICE@EXAMPLE.COM", " alice@example.com",
        "alice@Example.com", "aLICE@example.com",
    ):  # fmt: skip
        Client().post(LOGIN, {"login": written, "password": "wrong-horse-9"})
    browser = Client()
    sign_in(browser, alice)
    assert not is_signed_in(browser)


@pytest.mark.django_db
def test_the_address_that_waits_is_the_same_account(alice):
    alice.post("/accounts/email/", {"email": "alice@example.org", "action_add": ""})
    for written in ("alice@example.org", "alice@example.com") * 3:
        Client().post(LOGIN, {"login": written, "password": "wrong-horse-9"})
    browser = Client()
    sign_in(browser, alice)
    assert not is_signed_in(browser)


@pytest.mark.django_db
def test_another_account_is_counted_apart(alice, adam):
    guess(alice)
    browser = Client()
    sign_in(browser, adam)
    assert is_signed_in(browser)
