"""Tries are counted in the cache that all processes share, and by each one while Redis is gone."""

import pytest
from django.core.cache import cache, caches
from django.core.cache.backends.locmem import LocMemCache
from django.test import Client

from tests.web.own.ways import LOGIN, add_app, is_signed_in, sign_in

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
