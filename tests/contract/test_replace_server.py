from collections.abc import Callable

import pytest

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import EDIT, READ_ONLY, Api


def test_it_works(api: Api) -> None:
    """documented: 200, all three fields. guess: it answers the server's details."""
    before = api.get("/servers/12345/").json()
    answer = api.put("/servers/12345/", EDIT)
    assert answer.status_code == 200
    after = api.get("/servers/12345/").json()
    assert list(answer.json()) == list(after)
    assert {key: after[key] for key in EDIT} == EDIT
    assert after["updated_at"] > before["updated_at"]
    assert after["created_at"] == before["created_at"]


@pytest.mark.parametrize("name", list(EDIT))
def test_it_requires_every_field(api: Api, name: str) -> None:
    """documented: all three are required, 400."""
    answer = api.put("/servers/12345/", {key: EDIT[key] for key in EDIT if key != name})
    assert (answer.status_code, list(answer.json())) == (400, [name])


@pytest.mark.parametrize(
    ("name", "value"),
    [("name", "a b"), ("hostname", ""), ("hostname", "x"), ("backups_enabled", 1)],
)
def test_it_rejects_an_invalid_field(api: Api, provider: Sandbox, name: str, value: object) -> None:
    """documented: 400, invalid parameters; nothing is changed."""
    before = api.get("/servers/12345/").json()
    answer = api.put("/servers/12345/", EDIT | {name: value})
    assert (answer.status_code, list(answer.json())) == (400, [name])
    after = api.get("/servers/12345/").json()
    assert {key: after[key] for key in EDIT} == {key: before[key] for key in EDIT}


def test_other_fields_are_ignored(api: Api) -> None:
    """guess: they change nothing."""
    assert api.put("/servers/12345/", EDIT | {"status": "stopped", "id": 1}).status_code == 200
    assert api.status() == "active"


def test_an_absent_server_is_not_found(api: Api) -> None:
    """documented: 404."""
    assert api.put("/servers/99999/", EDIT).status_code == 404
    assert api.put("/servers/12353/", EDIT).status_code == 404


def test_it_requires_a_token(api_as: Callable[[str | None], Api]) -> None:
    """guess: 401 as everywhere."""
    assert api_as(None).put("/servers/12345/", EDIT).status_code == 401


def test_it_requires_more_than_reading(api_as: Callable[[str | None], Api]) -> None:
    """guess: 403."""
    assert api_as(READ_ONLY).put("/servers/12345/", EDIT).status_code == 403
