"""A registered event that nothing emits is a hole in the log that looks like silence."""

import ast
from collections.abc import Iterator
from pathlib import Path

from controlpanel import env
from controlpanel.audit.events import registry
from controlpanel.audit.events.panel import PANEL
from controlpanel.audit.events.people import PEOPLE
from controlpanel.audit.events.servers import SERVERS
from controlpanel.operations.states import KINDS

_SOURCES = [
    path
    for path in Path(env.ROOT, "controlpanel").glob("**/*.py")
    if not path.name.startswith("events") and "sandbox" not in path.parts
]
# What is named to them is looked for, not recorded.
_ASKING = {"Q", "_was_told", "event_type", "exclude", "filter", "get", "startswith"}


def test_every_registered_event_is_emitted_somewhere() -> None:
    emitted = {name for path in _SOURCES for name in _emitted(path.read_text(encoding="utf-8"))}
    emitted |= {f"server.{kind}" for kind in KINDS}
    assert set(registry.EVENTS) - emitted == set()


def test_one_that_is_only_asked_for_would_be_found() -> None:
    asked = 'AuditEvent.objects.filter(event="panel.started")\nwords = {"panel.closed": 1}\n'
    assert set(_emitted(asked)) == set()
    assert set(_emitted('record_by(scope, "team.changed", target)')) == {"team.changed"}


def test_no_type_is_there_twice() -> None:
    names = [one.name for one in (*PEOPLE, *SERVERS, *PANEL)]
    assert sorted(names) == sorted(registry.EVENTS)


def _emitted(text: str) -> Iterator[str]:
    """Names that are handed to whatever records; not those that are looked for or compared."""
    yield from _texts(ast.parse(text))


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _texts(value)
    elif not isinstance(node, ast.Compare) and not _asks(node):
        for part in ast.iter_child_nodes(node):
            yield from _texts(part)


def _asks(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return name in _ASKING
