"""No Docker engine is needed: the files are held against the specification and the code."""

import json
import re
from typing import Any

import jsonschema
import pytest
import yaml

from controlpanel.env import SETTINGS
from tests.architecture.tree import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SCHEMA = json.loads((ROOT / "tests/architecture/compose-spec/schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft201909Validator(SCHEMA)
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PANEL = ("migrate", "web", "worker", "beat")
# Invitations go out by mail; who signs in with a provider is the operator's to say.
GIVEN = (
    "PANEL_PUBLIC_URL", "PANEL_PROXY_COUNT", "VPSORG_API_URL",
    "PANEL_EMAIL_URL", "PANEL_EMAIL_FROM",
    "PANEL_OIDC_NAME", "PANEL_OIDC_ISSUER", "PANEL_OIDC_CLIENT_ID", "PANEL_OIDC_CLIENT_SECRET_FILE",
)  # fmt: skip


def test_it_follows_the_specification() -> None:
    assert [error.message for error in VALIDATOR.iter_errors(COMPOSE)] == []


def test_a_mistake_is_found() -> None:
    assert not VALIDATOR.is_valid({"services": {"web": {"comand": ["x"]}}})


def test_it_has_all_parts() -> None:
    assert set(COMPOSE["services"]) == {*PANEL, "postgres", "redis"}


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_nothing_starts_before_the_migration(name: str) -> None:
    condition = COMPOSE["services"][name]["depends_on"]["migrate"]["condition"]
    assert condition == "service_completed_successfully"


@pytest.mark.parametrize("name", PANEL)
def test_settings_exist_and_secrets_are_files(name: str) -> None:
    service = COMPOSE["services"][name]
    known = {setting.name for setting in SETTINGS}
    for variable, value in service["environment"].items():
        assert variable in known
        if value.startswith("/run/secrets/"):
            secret = value.removeprefix("/run/secrets/")
            assert secret in service["secrets"]
            assert COMPOSE["secrets"][secret]["file"].startswith("./secrets/")
    for variable in ("DATABASE_URL_FILE", "REDIS_URL_FILE", "PANEL_SECRET_KEY_FILE"):
        assert service["environment"][variable].startswith("/run/secrets/")
    assert "PANEL_DEMO" not in service["environment"]


@pytest.mark.parametrize("name", PANEL)
@pytest.mark.parametrize("variable", GIVEN)
def test_what_the_operator_gives_reaches_the_panel(name: str, variable: str) -> None:
    value = COMPOSE["services"][name]["environment"][variable]
    assert value.startswith(f"${{{variable}:-")


@pytest.mark.parametrize("name", PANEL)
def test_a_rotated_key_ring_reaches_the_running_processes(name: str) -> None:
    folder = COMPOSE["services"][name]["environment"]["PANEL_KEYS_FILE"].removesuffix("/keys.json")
    assert f"./secrets/ring:{folder}" in COMPOSE["services"][name]["volumes"]


def test_secrets_stay_out_of_git_and_of_the_image() -> None:
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert not [line for line in ignored if line.startswith(("!secrets", "!var", "!.git"))]


def test_redis_asks_for_a_password_that_stands_in_a_file() -> None:
    redis = COMPOSE["services"]["redis"]
    assert redis["command"][:2] == ["redis-server", "/run/secrets/redis_config"]
    assert redis["secrets"] == ["redis_config"]
    assert "requirepass" in OPERATING
    assert not [word for word in map(str, redis["command"]) if "requirepass" in word]
    assert not [name for name in PANEL if "REDIS_URL" in COMPOSE["services"][name]["environment"]]


def test_redis_forgets_no_limit_and_nothing_that_waits() -> None:
    assert redis_option("--maxmemory-policy") == "noeviction"
    assert redis_option("--maxmemory") == "256mb"


def redis_option(name: str) -> str:
    words = COMPOSE["services"]["redis"]["command"]
    return str(words[words.index(name) + 1])


REACHED = {
    "migrate": {"database", "queue"},
    "web": {"outside", "database", "queue"},
    "worker": {"outside", "database", "queue"},
    "beat": {"queue"},
    "postgres": {"database"},
    "redis": {"queue"},
}


@pytest.mark.parametrize("name", REACHED)
def test_each_reaches_those_whom_it_asks(name: str) -> None:
    assert set(COMPOSE["services"][name]["networks"]) == REACHED[name]


@pytest.mark.parametrize(
    ("one", "other"), [("postgres", "redis"), ("beat", "postgres"), ("redis", "postgres")]
)
def test_these_do_not_reach_each_other(one: str, other: str) -> None:
    networks = [set(COMPOSE["services"][name]["networks"]) for name in (one, other)]
    assert not networks[0] & networks[1]


def test_database_and_queue_lead_nowhere_else() -> None:
    assert {
        name for name, network in COMPOSE["networks"].items() if (network or {}).get("internal")
    } == {"database", "queue"}


def test_the_operator_is_told_how_to_make_every_secret() -> None:
    for secret in COMPOSE["secrets"].values():
        assert f"> {secret['file'].removeprefix('./')}" in OPERATING


def test_pages_are_published_on_loopback_only() -> None:
    published = {name: service.get("ports", []) for name, service in COMPOSE["services"].items()}
    assert published.pop("web") == ["127.0.0.1:8000:8000"]
    assert not any(published.values())


def test_the_image_is_hashed_in_stages_and_runs_as_nobody_special() -> None:
    assert len(re.findall(r"^FROM ", DOCKERFILE, re.MULTILINE)) == 2
    assert "--require-hashes" in DOCKERFILE
    user = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert user == ["panel"]
    for source in re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE):
        assert (ROOT / source).exists()
        assert f"!{source.removeprefix('./')}" in (ROOT / ".dockerignore").read_text().splitlines()
