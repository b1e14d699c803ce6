"""The calls around the servers: from the provider's other pages and its published clients."""

import re
from collections.abc import Callable

import pytest

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import GLOBEX, READ_ONLY, Api

ALL = ["/account/me/", "/plans/", "/locations/", "/operating-systems/", "/ssh-keys/"]
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleKey new@acme.example"


def test_account_me_works(api: Api) -> None:
    """documented on another page: account and token."""
    body = api.get("/account/me/").json()
    assert list(body) == ["account", "token"]
    assert list(body["account"]) == [
        "email", "first_name", "last_name", "company_name", "created_at",
    ]  # fmt: skip
    assert body["account"]["email"] == "ops@acme.example"
    assert body["token"] == {"name": "acme-owner", "permissions": ["*:*"]}


def test_account_me_answers_any_active_token(api_as: Callable[[str | None], Api]) -> None:
    """documented on another page: any active token may call it."""
    body = api_as(READ_ONLY).get("/account/me/").json()
    assert body["token"] == {"name": "acme-readonly", "permissions": ["servers:read"]}
    assert api_as(GLOBEX).get("/account/me/").json()["account"]["email"] == "ops@globex.example"


def test_plans_work(api: Api) -> None:
    """documented on another page: the fields; guess: the plans, the types of the prices."""
    body = api.get("/plans/").json()
    assert list(body) == ["count", "results"]
    plan = body["results"][0]
    assert list(plan) == [
        "id", "name", "slug", "vcpus", "memory", "storage", "bandwidth",
        "price_monthly", "price_hourly", "available", "locations", "description",
    ]  # fmt: skip
    assert (plan["price_monthly"], plan["price_hourly"]) == (10.0, 0.014)
    assert [one["id"] for one in body["results"] if not one["available"]] == [5]


def test_plans_can_be_asked_for_by_location(api: Api) -> None:
    """documented on another page: query location."""
    plans = api.get("/plans/", location="ap-southeast").json()["results"]
    assert 4 not in {plan["id"] for plan in plans}


def test_locations_work(api: Api) -> None:
    """guess: `code`; the rest a published client reads."""
    place = api.get("/locations/").json()["results"][0]
    assert place == {
        "id": 1,
        "code": "us-west",
        "name": "Los Angeles",
        "country_name": "United States",
        "country_code": "US",
        "is_active": True,
    }


def test_operating_systems_work(api: Api) -> None:
    """guess: `id` in each version; the rest a published client reads."""
    systems = api.get("/operating-systems/").json()["results"]
    assert all(list(system) == ["uuid", "name", "versions"] for system in systems)
    versions = [version for system in systems for version in system["versions"]]
    assert all(list(version) == ["uuid", "id", "name"] for version in versions)
    assert {version["id"]: version["name"] for version in versions}[5] == "Ubuntu 22.04 LTS"


def test_ssh_keys_work(api: Api, api_as: Callable[[str | None], Api]) -> None:
    """guess: `id`; the rest a published client reads."""
    body = api.get("/ssh-keys/").json()
    assert [key["name"] for key in body["results"]] == ["ops laptop", "deploy"]
    assert list(body["results"][0]) == [
        "uuid", "id", "name", "fingerprint", "created_at", "last_used_at",
    ]  # fmt: skip
    assert re.fullmatch(r"([0-9a-f]{2}:){15}[0-9a-f]{2}", body["results"][0]["fingerprint"])
    assert api_as(GLOBEX).get("/ssh-keys/").json()["count"] == 1


def test_an_ssh_key_can_be_added_and_removed(api: Api, api_as: Callable[[str | None], Api]) -> None:
    """guess: 201, 204; the calls a published client makes."""
    answer = api.post("/ssh-keys/", {"name": "new", "public_key": PUBLIC_KEY})
    assert answer.status_code == 201
    path = f"/ssh-keys/{answer.json()['uuid']}/"
    assert api_as(GLOBEX).delete(path).status_code == 404
    assert api.delete(path).status_code == 204
    assert api.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name", "public_key"]),
        ({"name": "x", "public_key": "nonsense"}, ["public_key"]),
    ],
)
def test_a_wrong_ssh_key_is_rejected(api: Api, body: object, fields: list[str]) -> None:
    """guess: 400."""
    answer = api.post("/ssh-keys/", body)
    assert (answer.status_code, list(answer.json())) == (400, fields)


@pytest.mark.parametrize("path", ALL)
def test_each_can_be_switched_off(api: Api, provider: Sandbox, path: str) -> None:
    """guess: an API that has only the documented nine answers 404."""
    provider.world.settings.catalogue = False
    assert api.get(path).status_code == 404
    assert api.get("/servers/").status_code == 200
