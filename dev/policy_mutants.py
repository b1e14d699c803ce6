"""Mutants of the role table. It is data, and mutmut changes only what stands in functions."""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

POLICY = "controlpanel/accounts/permissions.py"
TEST = "tests/accounts/test_permissions.py"
_COPIED = ("controlpanel", "dev", "templates", "static", "tests", "manage.py", "pyproject.toml")
_NO_TESTS = 5


def run(root: Path) -> Counter[str]:
    source = (root / POLICY).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="panel-mutants-") as folder:
        tree = Path(folder)
        for name in _COPIED:
            _copy(root / name, tree / name)
        if _outcome(tree, source) != "survived":
            raise RuntimeError(f"{TEST} fails for the table as it is.")
        counts: Counter[str] = Counter()
        for name, mutant in mutants(source):
            outcome = _outcome(tree, mutant)
            counts[outcome] += 1
            if outcome != "killed":
                print(f"    {POLICY}: {name}: {outcome}")
        return counts


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Each right taken out of its group and out of the list, each role renamed, each group of
    rights taken from a role and given to it."""
    groups = _groups(source)
    for number, node in enumerate(ast.walk(ast.parse(source))):
        for name, change in _changes(node, groups):
            tree = ast.parse(source)
            change(_nth(tree, number))
            yield name, ast.unparse(ast.fix_missing_locations(tree))


def _changes(node: ast.AST, groups: list[str]) -> Iterator[tuple[str, "_Change"]]:
    if isinstance(node, ast.Set):
        for place, right in enumerate(node.elts):
            yield f"group without {ast.unparse(right)}", _Drop("elts", place)
    elif isinstance(node, ast.Dict):
        for place, key in enumerate(node.keys):
            yield f"list without {ast.unparse(key) if key else ''}", _Drop("keys values", place)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "frozenset":
        held = [name.id for name in ast.walk(node.args[0]) if isinstance(name, ast.Name)]
        for group in groups:
            now = [*held, group] if group not in held else [one for one in held if one != group]
            verb = "with" if group not in held else "without"
            yield f"role of {' | '.join(held)} {verb} {group}", _Hold(now)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Role":
        yield f"role {ast.unparse(node.args[0])} renamed", _Rename()


class _Change:
    def __call__(self, node: ast.AST) -> None:
        raise NotImplementedError


class _Drop(_Change):
    def __init__(self, fields: str, place: int) -> None:
        self.fields, self.place = fields.split(), place

    def __call__(self, node: ast.AST) -> None:
        for name in self.fields:
            del getattr(node, name)[self.place]


class _Hold(_Change):
    def __init__(self, groups: list[str]) -> None:
        self.text = " | ".join(groups) or "()"

    def __call__(self, node: ast.AST) -> None:
        assert isinstance(node, ast.Call)
        node.args = [ast.parse(self.text, mode="eval").body]


class _Rename(_Change):
    def __call__(self, node: ast.AST) -> None:
        assert isinstance(node, ast.Call)
        node.args[0] = ast.Constant("root")


def _groups(source: str) -> list[str]:
    return [
        ast.unparse(node.targets[0])
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Set)
    ]


def _nth(tree: ast.AST, number: int) -> ast.AST:
    return list(ast.walk(tree))[number]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _outcome(tree: Path, source: str) -> str:
    (tree / POLICY).write_text(source, encoding="utf-8")
    # No bytecode: two mutants of one second and one length would look the same.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", TEST],
        cwd=tree,
        env=environment,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if ran.returncode == _NO_TESTS:
        return "no tests"
    return "killed" if ran.returncode else "survived"
