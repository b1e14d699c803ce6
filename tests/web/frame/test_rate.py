"""How often one person, or one address without a person, gets an answer from the pages."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from controlpanel.accounts import rate_limit
from controlpanel.accounts.models import Team
from tests.people import Person
from tests.tools.valkey import ValkeyServer

SERVERS = "/teams/acme/servers/"
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _three_then_one_in_a_quarter_hour(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PANEL_PAGES_RATE, settings.PANEL_PAGES_BURST = 1 / 900, 3
    monkeypatch.setattr(rate_limit, "_shared", rate_limit._Shared())
    monkeypatch.setattr(rate_limit, "_own", rate_limit._Own())


def used_up(client: Client, address: str = "/teams/new/") -> None:
    for _ in range(3):
        assert client.get(address).status_code == 200


def test_beyond_it_a_page_says_what_happened_and_when_to_come_back(alice: Person) -> None:
    used_up(alice)
    refused = alice.get(SERVERS)
    assert refused.status_code == 429
    assert 880 <= int(refused["Retry-After"]) <= 900
    text = refused.content.decode()
    assert "Too many requests at once" in text
    assert f"Wait {refused['Retry-After']} seconds" in text
    assert refused["Cache-Control"] == "no-store"


def test_under_htmx_nothing_is_swapped_in(alice: Person) -> None:
    used_up(alice)
    refused = alice.get(SERVERS, headers=HTMX)
    assert (refused.status_code, refused.content) == (429, b"")
    assert int(refused["Retry-After"]) >= 1


def test_a_boosted_link_gets_the_page(alice: Person) -> None:
    used_up(alice)
    refused = alice.get(SERVERS, headers={**HTMX, "HX-Boosted": "true"})
    assert refused.status_code == 429
    assert b"Too many requests at once" in refused.content


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_form_beyond_it_does_nothing(alice: Person, headers: dict[str, str]) -> None:
    used_up(alice)
    refused = alice.post("/teams/new/", {"name": "Extra", "form_id": uuid4()}, headers=headers)
    assert refused.status_code == 429
    assert not Team.objects.filter(name="Extra").exists()


@pytest.mark.parametrize("shared", [False, True])
def test_one_person_does_not_use_up_anothers(
    alice: Person, bob: Person, shared: bool, request: pytest.FixtureRequest
) -> None:
    if shared:
        request.getfixturevalue("valkey")
    used_up(alice)
    assert alice.get("/teams/new/").status_code == 429
    assert bob.get("/teams/new/").status_code == 200


def test_two_browsers_of_one_person_share_it(alice: Person) -> None:
    elsewhere = Person(alice.user, alice.team)
    used_up(alice)
    assert elsewhere.get("/teams/new/").status_code == 429


def test_another_address_is_the_same_person(alice: Person) -> None:
    used_up(alice)
    assert alice.get("/teams/new/", REMOTE_ADDR="192.0.2.7").status_code == 429


def test_all_processes_share_it(
    alice: Person, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    used_up(alice)
    monkeypatch.setattr(rate_limit, "_shared", rate_limit._Shared())  # as another process begins
    monkeypatch.setattr(rate_limit, "_own", rate_limit._Own())
    assert alice.get("/teams/new/").status_code == 429


def test_without_redis_each_process_counts_for_itself(alice: Person, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    used_up(alice)
    assert alice.get("/teams/new/").status_code == 429


def test_it_asks_redis_once_at_most(
    alice: Person, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask: Callable[..., object] = rate_limit._shared._ask

    def count(name: str, *given: object) -> object:
        asked.append(name)
        return ask(name, *given)

    monkeypatch.setattr(rate_limit._shared, "_ask", count)
    used_up(alice)
    assert asked == [f"person:{alice.user.pk}"] * 3


def test_who_is_not_signed_in_counts_by_address(db: None, nobody: Client, alice: Person) -> None:
    used_up(nobody, "/accounts/login/")
    assert nobody.get("/accounts/login/").status_code == 429
    assert Client().get("/accounts/login/").status_code == 429  # the same address
    assert nobody.get("/accounts/login/", REMOTE_ADDR="192.0.2.7").status_code == 200
    assert alice.get("/teams/new/").status_code == 200


@pytest.mark.parametrize("address", ["/healthz", "/static/js/app.js", "/static/missing.js"])
def test_static_files_and_the_health_check_are_free(
    db: None, nobody: Client, alice: Person, address: str
) -> None:
    for client in (nobody, alice):
        assert all(client.get(address).status_code in {200, 404} for _ in range(6))
    used_up(alice)


def test_the_gateway_has_its_own(alice: Person) -> None:
    used_up(alice)
    assert alice.get("/api/v1/account/me/").status_code == 401
