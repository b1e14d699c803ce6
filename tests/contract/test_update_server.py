from collections.abc import Callable

import pytest

from tests.sandbox.api import EDIT, READ_ONLY, Api


@pytest.mark.parametrize("name", list(EDIT))
def test_it_changes_only_what_was_sent(api: Api, name: str) -> None:
    """documented: any subset. guess: 200 with the server's details."""
    before = api.get("/servers/12345/").json()
    answer = api.patch("/servers/12345/", {name: EDIT[name]})
    assert answer.status_code == 200
    after = api.get("/servers/12345/").json()
    changed = {key for key in before if before[key] != after[key]} - {"resource_usage"}
    assert changed == {name, "updated_at"}
    assert after[name] == EDIT[name] == answer.json()[name]


def test_nothing_sent_changes_nothing(api: Api) -> None:
    """guess: 200."""
    before = api.get("/servers/12345/").json()["updated_at"]
    assert api.patch("/servers/12345/", {}).status_code == 200
    assert api.get("/servers/12345/").json()["updated_at"] == before


@pytest.mark.parametrize(
    ("name", "value"), [("name", "a b"), ("name", None), ("hostname", "x"), ("backups_enabled", 0)]
)
def test_it_rejects_an_invalid_field(api: Api, name: str, value: object) -> None:
    """guess: 400 as for PUT."""
    answer = api.patch("/servers/12345/", {name: value})
    assert (answer.status_code, list(answer.json())) == (400, [name])


def test_an_absent_server_is_not_found(api: Api) -> None:
    """guess: 404 as for PUT."""
    assert api.patch("/servers/99999/", EDIT).status_code == 404


def test_it_requires_a_token(api_as: Callable[[str | None], Api]) -> None:
    """guess: 401 as everywhere."""
    assert api_as(None).patch("/servers/12345/", EDIT).status_code == 401


def test_it_requires_more_than_reading(api_as: Callable[[str | None], Api]) -> None:
    """guess: 403."""
    assert api_as(READ_ONLY).patch("/servers/12345/", EDIT).status_code == 403
