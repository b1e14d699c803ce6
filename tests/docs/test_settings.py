"""Every setting stands in the one table, and the document is that table."""

import ast
import re
from pathlib import Path

from controlpanel import env

ROOT = Path(env.ROOT)
_NOT_OURS = {"PATH", "HOME", "CI", "XDG_RUNTIME_DIR", "DJANGO_SETTINGS_MODULE"}
_NOT_OURS |= {"ARGS", "TEST_DATABASE_URL", "PYTHONDONTWRITEBYTECODE"}


def test_the_document_is_the_table():
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == env.document(), "Run: make docs"


def test_no_setting_is_read_past_the_table():
    known = {setting.name for setting in env.SETTINGS}
    for path in [*ROOT.glob("controlpanel/**/*.py"), *ROOT.glob("dev/**/*.py")]:
        for name in _read_from_environment(path):
            assert name in known | _NOT_OURS, f"{path.name} reads {name}, which is not documented"


def test_every_setting_is_read_somewhere():
    sources = [*ROOT.glob("controlpanel/**/*.py"), *ROOT.glob("dev/**/*.py"), ROOT / "Makefile"]
    sources += ROOT.glob("tests/**/*.py")
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources if path.name != "env.py")
    for setting in env.SETTINGS:
        names = {setting.name, setting.name.removesuffix("_FILE")}
        assert any(re.search(rf"\b{name}\b", text) for name in names), setting.name


def _read_from_environment(path: Path) -> set[str]:
    """Names in `os.environ["X"]`, `os.environ.get("X")` and `os.getenv("X")`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Subscript) and _is_environ(node.value):
            found |= _literal(node.slice)
        if isinstance(node, ast.Call) and node.args:
            function = node.func
            if isinstance(function, ast.Attribute) and (
                (function.attr in {"get", "pop", "setdefault"} and _is_environ(function.value))
                or function.attr == "getenv"
            ):
                found |= _literal(node.args[0])
    return found


def _is_environ(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "environ"


def _literal(node: ast.expr) -> set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()
