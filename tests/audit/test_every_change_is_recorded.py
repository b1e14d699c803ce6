"""A change that emits no event is a hole in the log: routes, services and commands, all of them."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import get_resolver

from controlpanel import env
from controlpanel.audit.events import registry
from tests.audit.emitting import (
    COMMANDS,
    COMMANDS_THAT_CHANGE_NOTHING,
    ROUTES,
    ROUTES_THAT_CHANGE_NOTHING,
    WRITERS,
)

ROOT = Path(env.ROOT)
PACKAGE = ROOT / "controlpanel"
WRITES = {
    "save", "create", "update", "delete", "bulk_create", "bulk_update", "get_or_create",
    "update_or_create",
}  # fmt: skip
# Packages without rows of what people do. The log itself is written by its own rules.
NO_ROWS = {"audit", "lib", "sandbox", "vpsorg"}
RECORDING = ("record", "_record", "tell", "_tell")


def test_every_route_says_what_it_records() -> None:
    assert not ROUTES_THAT_CHANGE_NOTHING & ROUTES.keys()
    assert _route_names() == ROUTES_THAT_CHANGE_NOTHING | ROUTES.keys()


def test_every_command_says_what_it_records() -> None:
    known = COMMANDS.keys() | COMMANDS_THAT_CHANGE_NOTHING | _refused().keys()
    assert not COMMANDS.keys() & COMMANDS_THAT_CHANGE_NOTHING
    assert set(get_commands()) == known


@pytest.mark.parametrize("listed", [*ROUTES.items(), *COMMANDS.items()], ids=lambda one: one[0])
def test_what_they_record_is_registered(listed: tuple[str, frozenset[str]]) -> None:
    assert listed[1]
    assert listed[1] <= registry.EVENTS.keys()


def test_every_function_that_writes_rows_records_it_or_says_who_does() -> None:
    silent = {name for name, records in _writers() if not records}
    assert silent - WRITERS.keys() == set(), "These write rows: where is the event?"
    assert WRITERS.keys() - {name for name, _ in _writers()} == set(), "These are gone."


def test_one_that_records_nothing_would_be_found() -> None:
    silent = "def rename(team):\n    team.name = 'x'\n    team.save()\n"
    loud = silent + "    record_by(scope, 'team.changed')\n"
    assert list(_writers_in("x.py", silent)) == [("x.py:rename", False)]
    assert list(_writers_in("x.py", loud)) == [("x.py:rename", True)]


@pytest.mark.parametrize("name", ["changepassword", "createsuperuser", "flush"])
def test_commands_past_the_record_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    manage = _manage()
    monkeypatch.setattr("sys.argv", ["manage.py", name])
    with pytest.raises(SystemExit, match="does nothing here"):
        manage.main()


def _writers() -> Iterator[tuple[str, bool]]:
    for path in sorted(PACKAGE.glob("*/**/*.py")):
        place = path.relative_to(PACKAGE)
        if place.parts[0] not in NO_ROWS and "migrations" not in place.parts:
            yield from _writers_in(str(place), path.read_text(encoding="utf-8"))


def _writers_in(place: str, text: str) -> Iterator[tuple[str, bool]]:
    module = ast.parse(text)
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    for node in [*module.body, *(part for one in classes for part in one.body)]:
        if not isinstance(node, ast.FunctionDef):
            continue
        calls = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
        if any(isinstance(call, ast.Attribute) and call.attr in WRITES for call in calls):
            names = [getattr(call, "attr", getattr(call, "id", "")) for call in calls]
            yield f"{place}:{node.name}", any(name.startswith(RECORDING) for name in names)


def _route_names() -> set[str]:
    def iterate(patterns):
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                yield from iterate(pattern.url_patterns)
            else:
                yield pattern.name

    return set(iterate(get_resolver().url_patterns))


def _manage():
    found = importlib.util.spec_from_file_location("manage", ROOT / "manage.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _refused() -> dict[str, str]:
    return dict(_manage().REFUSED)
