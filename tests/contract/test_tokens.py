from collections.abc import Callable

import pytest

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import NEW, OWNER, READ_ONLY, REVOKED, Api

EVERY_READ = [
    "/servers/", "/servers/12345/", "/account/me/", "/plans/", "/locations/",
    "/operating-systems/", "/ssh-keys/",
]  # fmt: skip


@pytest.mark.parametrize("token", [None, "", "vps_never_issued_0001", REVOKED])
@pytest.mark.parametrize("path", EVERY_READ)
def test_it_rejects_a_missing_unknown_or_revoked_token(
    api_as: Callable[[str | None], Api], path: str, token: str | None
) -> None:
    """documented: 401, invalid or missing API token. guess: revoked is invalid; the form."""
    answer = api_as(token).get(path)
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Invalid or missing API token"}


def test_only_bearer_counts(api_as: Callable[[str | None], Api]) -> None:
    """documented: Authorization: Bearer <token>."""
    answer = api_as(None)("GET", "/servers/", headers={"Authorization": f"Token {OWNER}"})
    assert answer.status_code == 401


def test_the_token_is_looked_at_before_the_body(api_as: Callable[[str | None], Api]) -> None:
    """guess: 401, not 400, for a bad body without a token."""
    assert api_as(None).post("/servers/", {}).status_code == 401


def test_revoking_acts_at_once(api: Api, provider: Sandbox) -> None:
    """guess."""
    assert api.get("/servers/").status_code == 200
    api.control("PATCH", "/tokens/acme-owner", {"revoked": True})
    assert api.get("/servers/").status_code == 401


def test_a_read_only_token_reads_servers_and_the_catalogue(
    api_as: Callable[[str | None], Api],
) -> None:
    """guess: servers:read covers plans, locations and systems (a published client), not keys."""
    api = api_as(READ_ONLY)
    statuses = {path: api.get(path).status_code for path in EVERY_READ}
    assert statuses == dict.fromkeys(EVERY_READ, 200) | {"/ssh-keys/": 403}


def test_a_refused_change_says_so(api_as: Callable[[str | None], Api]) -> None:
    """guess: 403 with a detail."""
    answer = api_as(READ_ONLY).post("/servers/", NEW)
    assert answer.json() == {"detail": "You do not have permission to perform this action."}
