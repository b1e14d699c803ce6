"""Strings that name code: what they name is there. A moved function breaks them silently."""

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from tests.architecture.test_tasks import FORMER_NAMES
from tests.architecture.tree import ROOT, texts

_ROOTS: Final = "controlpanel|dev|tests|benchmarks"
# `controlpanel.wsgi:application`, `controlpanel.servers.sync:_settle`, `tests.people`
DOTTED: Final = re.compile(rf"(?<![\w./-])(?:{_ROOTS})(?:\.[A-Za-z_]\w*)+(?::[A-Za-z_]\w*)?")
# `tests/faults/test_killed.py::test_name`
FILE: Final = re.compile(rf"(?<![\w./-])(?:{_ROOTS}|docs)/[\w./-]*\.\w+(?:::\w+)?")
# In documents, where the folder of the panel's code is left out: `operations/states.py`.
IN_DOCUMENT: Final = re.compile(r"`(\w+/[\w/]+\.py)`")
# Names of files, and of what another program makes of a function.
_NO_CODE: Final = re.compile(r"\.(md|txt|in|py)$|mutmut")
# Written by a command, and moved to its place.
_TEMPORARY: Final = ".new"
# What was so when it was written, and stays as it is.
_HISTORY: Final = ("docs/decisions/", "CHANGELOG.md")
_PAGES: Final = {".html", ".css", ".js", ".svg"}
_MENTIONED: Final = re.compile(rf"(?:{_ROOTS})[./]")
_IMPORT: Final = re.compile(r"^ *(?:from|import) .*$", re.MULTILINE)
_LIBRARIES: Final = ("django", "allauth", "csp", "whitenoise", "django_htmx", "template_partials")

PYPROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def bindings(path: Path) -> set[str]:
    """What the module at `path` defines, imports or assigns."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
    return found


def source_of(words: list[str]) -> Path | None:
    """The file of a module; nothing is imported, since some modules begin to serve then."""
    place = ROOT.joinpath(*words)
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.exists():
            return path
    return None


def is_there(name: str) -> bool:
    words = re.split("[.:]", name)
    known = len(words)
    while known and not source_of(words[:known]):
        known -= 1
    source, rest = source_of(words[:known]), words[known:]
    if source is None or (rest and rest[0] not in bindings(source)):
        return False
    if len(rest) < 2:
        return True
    there: Any = importlib.import_module(".".join(words[:known]))
    for word in rest:
        there = getattr(there, word, None)
    return there is not None


def file_is_there(name: str, *folders: str) -> bool:
    path, _, function = name.partition("::")
    for folder in ("", *folders):
        place = ROOT / folder / path
        if place.exists():
            return not function or function in bindings(place)
    return False


def strings_of(path: Path) -> Iterator[str]:
    """A Python file's strings, with what a constant of that file puts into them."""
    tree = tree_of(path)
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(_text(part, constants) for part in node.values)
            node.values = []  # told already
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _text(part: ast.expr, constants: dict[str, str]) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    value = part.value if isinstance(part, ast.FormattedValue) else part
    return constants.get(value.id, "\0") if isinstance(value, ast.Name) else "\0"


def named(text: str) -> set[str]:
    return {name for name in DOTTED.findall(text) if not _NO_CODE.search(name)}


@cache
def strings_of_project() -> tuple[tuple[str, str], ...]:
    """Which file says it, and what it says. Not this one, which also names what is not there."""
    found: list[tuple[str, str]] = []
    for path in texts():
        name = str(path.relative_to(ROOT))
        if name.startswith(_HISTORY) or path.suffix in _PAGES or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            found.append((name, text))
        elif _MENTIONED.search(_IMPORT.sub("", text)):  # most do not, and to parse takes long
            found += [(name, string) for string in strings_of(path)]
    return tuple(found)


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("controlpanel.wsgi:application", True),
        ("controlpanel.operations", True),
        ("controlpanel.operations.runner", True),
        ("controlpanel.operations.runner:send", True),
        ("controlpanel.outgoing.enqueue._silent_until", True),
        ("controlpanel.keys.ring.os.fsync", True),
        ("controlpanel.keys.ring.os.fsink", False),
        ("controlpanel.operations.runner:sends", False),
        ("controlpanel.operations.runner.sends", False),
        ("controlpanel.operation", False),
        ("controlpanel.outgoing.enqueues", False),
        ("tests.faults.child_settings", True),
        ("tests.faults.child_setting", False),
        ("dev.run", True),
    ],
)
def test_what_is_there_and_what_is_not(name: str, there: bool) -> None:
    assert is_there(name) is there


def test_constants_are_put_into_strings() -> None:
    kill_points = {text for text in strings_of(ROOT / "tests/faults/test_killed.py") if ":" in text}
    assert "controlpanel.operations.runner:_write" in kill_points


def test_strings_name_code_that_is_there() -> None:
    found = [(file, name) for file, text in strings_of_project() for name in named(text)]
    assert len(found) > 150
    there = (name in FORMER_NAMES or is_there(name) for _file, name in found)
    assert not [one for one, is_found in zip(found, there, strict=True) if not is_found]


def test_strings_name_files_that_are_there() -> None:
    found = [
        (file, name)
        for file, text in strings_of_project()
        for name in FILE.findall(text)
        if not name.endswith(_TEMPORARY)
    ]
    assert len(found) > 80
    assert not [(file, name) for file, name in found if not file_is_there(name)]


def test_documents_name_files_that_are_there() -> None:
    found = [
        (file, name)
        for file, text in strings_of_project()
        if file.endswith(".md")
        for name in IN_DOCUMENT.findall(text)
    ]
    assert len(found) > 10
    assert not [(file, name) for file, name in found if not file_is_there(name, "controlpanel")]


def settings_strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from settings_strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from settings_strings(inner)


def test_settings_name_code_of_libraries_that_is_there() -> None:
    given = importlib.import_module("controlpanel.settings")
    dotted = re.compile(rf"(?:{'|'.join(_LIBRARIES)})(?:\.\w+)+")
    found = {
        text
        for name in dir(given)
        if name.isupper()
        for text in settings_strings(getattr(given, name))
        if dotted.fullmatch(text)
    }
    assert len(found) > 25
    assert not [name for name in found if not _is_importable(name)]


def _is_importable(name: str) -> bool:
    if name in settings.INSTALLED_APPS:  # loaded long since
        return True
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        try:
            import_string(name)
        except ImportError:
            return False
    return True


def test_the_ladder_names_packages_that_are_there() -> None:
    found = []
    for contract in PYPROJECT["tool"]["importlinter"]["contracts"]:
        for container in contract.get("containers", ()):
            layers = [*contract["layers"], *contract.get("exhaustive_ignores", ())]
            found += [
                f"{container}.{package}" for layer in layers for package in re.split(r"\W+", layer)
            ]
    assert len(found) > 15
    assert not [name for name in found if name.strip(".") and not is_there(name)]


def test_lists_of_patterns_match_something() -> None:
    tools = PYPROJECT["tool"]
    patterns = [
        *tools["ruff"]["lint"]["per-file-ignores"],
        *tools["mutmut"]["only_mutate"],
        *tools["mutmut"]["also_copy"],
        *tools["mutmut"]["source_paths"],
        *tools["pytest"]["ini_options"]["testpaths"],
    ]
    selected = tools["mutmut"]["pytest_add_cli_args_test_selection"]
    named_tests = [name.removeprefix("--ignore=") for name in selected]
    assert not [pattern for pattern in patterns if not any(ROOT.glob(pattern))]
    assert not [name for name in named_tests if not file_is_there(name)]


def test_types_are_asked_of_modules_that_are_there() -> None:
    modules = [
        name
        for override in PYPROJECT["tool"]["mypy"]["overrides"]
        for name in override["module"]
        if re.match(rf"(?:{_ROOTS})\b", name)
    ]
    paths = [name.replace(".", "/") for name in modules]
    assert paths
    assert not [path for path in paths if not [*ROOT.glob(f"{path}.py"), *ROOT.glob(path)]]
