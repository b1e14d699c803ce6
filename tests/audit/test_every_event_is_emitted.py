"""A registered event that nothing emits is a hole in the log that looks like silence."""

import re
from pathlib import Path

from controlpanel import env
from controlpanel.audit import events
from controlpanel.operations.states import KINDS

_SOURCES = [
    path
    for path in Path(env.ROOT, "controlpanel").glob("**/*.py")
    if path.name != "events.py" and "sandbox" not in path.parts
]


def test_every_registered_event_is_emitted_somewhere():
    text = "\n".join(path.read_text(encoding="utf-8") for path in _SOURCES)
    emitted = set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)?)"', text))
    emitted |= {f"server.{kind}" for kind in KINDS}
    assert set(events.EVENTS) <= emitted
