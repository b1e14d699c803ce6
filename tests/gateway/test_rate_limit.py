import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from controlpanel.accounts import rate_limit
from tests.gateway.asking import said

pytestmark = pytest.mark.django_db


def test_it_tells_what_is_left(viewer, settings):
    settings.PANEL_GATEWAY_RATE, settings.PANEL_GATEWAY_BURST = 10, 100
    answer = viewer.get("/account/me/")
    assert answer["RateLimit-Policy"] == '"key";q=100;w=10'
    assert answer["RateLimit"] == '"key";r=99;t=0'


@pytest.mark.parametrize("shared", [False, True])
def test_too_many_are_refused_and_told_when_to_come_back(
    viewer, operator, settings, shared, request
):
    if shared:
        request.getfixturevalue("valkey")
    settings.PANEL_GATEWAY_RATE, settings.PANEL_GATEWAY_BURST = 1, 3
    answers = [viewer.get("/account/me/") for _ in range(5)]
    assert [one.status_code for one in answers[:3]] == [200, 200, 200]
    refused = answers[-1]
    assert (refused.status_code, said(refused)["code"]) == (429, "too_many_requests")
    assert int(refused["Retry-After"]) >= 1
    assert operator.get("/account/me/").status_code == 200  # another key is another bucket


def test_all_processes_share_a_bucket(valkey, settings):
    settings.PANEL_GATEWAY_RATE, settings.PANEL_GATEWAY_BURST = 1, 2
    first, second = rate_limit._Shared(), rate_limit._Shared()
    taken = [one.take("key", 1.0, 2) for one in (first, second, first)]
    assert [one.allowed for one in taken if one] == [True, True, False]


def test_threads_that_take_several_at_the_same_moment_lose_none(valkey, monkeypatch):
    bucket, together = rate_limit._Shared(), threading.Barrier(8)
    ask = bucket._ask

    def ask_at_the_same_moment(*given):
        answer = ask(*given)
        together.wait(5)
        return answer

    def take() -> bool:
        state = bucket.take("key", 50.0, 200)
        return state is not None and state.allowed

    monkeypatch.setattr(bucket, "_ask", ask_at_the_same_moment)
    with ThreadPoolExecutor(8) as threads:
        first = [one.result() for one in [threads.submit(take) for _ in range(8)]]
    monkeypatch.setattr(bucket, "_ask", ask)
    assert sum(first) + sum(take() for _ in range(240)) >= 200


def test_without_redis_each_process_counts_for_itself(viewer, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.PANEL_GATEWAY_RATE, settings.PANEL_GATEWAY_BURST = 1, 1
    assert viewer.get("/account/me/").status_code == 200
    assert viewer.get("/account/me/").status_code == 429
