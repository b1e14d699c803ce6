import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import choices
from dev.choices import RefusedError
from dev.panel import assemble
from dev.valkey import free_port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    return {
        "PORT": str(free_port()),
        "SANDBOX_PORT": str(free_port()),
        "PANEL_VAR": str(tmp_path / "var"),
    }


def test_it_works(given: dict[str, str]) -> None:
    chosen = choices.read(given)
    assert chosen.address == f"http://localhost:{given['PORT']}"
    assert "127.0.0.1" in chosen.hosts


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_port_in_use_is_one_sentence(given: dict[str, str], taken: int, name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        choices.read({**given, name: str(taken)})
    sentence = str(refused.value)
    assert f"Port {taken} is in use" in sentence
    assert f"{name}=" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "８０００"])
def test_a_port_is_a_number(given: dict[str, str], text: str) -> None:
    with pytest.raises(RefusedError, match="PORT must be a number"):
        choices.read({**given, "PORT": text})


def test_ports_differ(given: dict[str, str]) -> None:
    with pytest.raises(RefusedError, match="both"):
        choices.read({**given, "SANDBOX_PORT": given["PORT"]})


def test_another_provider_needs_no_sandbox(given: dict[str, str], taken: int) -> None:
    given |= {"SANDBOX_PORT": str(taken), "VPSORG_API_URL": "https://api.example.com"}
    panel = assemble(choices.read(given), given)
    assert [child.name for child in panel.services] == ["valkey"]
    assert panel.pages[0].environment["VPSORG_API_URL"] == "https://api.example.com"


def test_another_redis_needs_no_valkey(given: dict[str, str]) -> None:
    given["REDIS_URL"] = "redis://127.0.0.1:1/0"
    panel = assemble(choices.read(given), given)
    assert [child.name for child in panel.services] == ["sandbox"]
    assert panel.pages[0].environment["REDIS_URL"] == given["REDIS_URL"]


def test_the_token_reaches_only_the_step_that_checks_it(given: dict[str, str]) -> None:
    given |= {"VPSORG_API_TOKEN": "canary", "SOMETHING": "inherited"}
    panel = assemble(choices.read(given), given)
    assert panel.prepare.environment["VPSORG_API_TOKEN"] == "canary"
    for child in panel.children:
        assert "VPSORG_API_TOKEN" not in child.environment
        assert child.environment["SOMETHING"] == "inherited"


def test_no_secret_stands_on_a_command_line(given: dict[str, str]) -> None:
    given["VPSORG_API_TOKEN"] = "canary"
    panel = assemble(choices.read(given), given)
    password = panel.pages[0].environment["REDIS_URL"].split("@")[0].rpartition(":")[2]
    words = [word for child in panel.children for word in child.command]
    assert len(password) == 32
    assert not [word for word in words if "canary" in word or password in word]
