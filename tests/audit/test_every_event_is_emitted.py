"""A registered event that nothing emits is a hole in the log that looks like silence."""

import re
from pathlib import Path

from controlpanel import env
from controlpanel.audit import events
from controlpanel.audit.events_of_panel import PANEL
from controlpanel.audit.events_of_people import PEOPLE
from controlpanel.audit.events_of_servers import SERVERS
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


def test_no_type_is_there_twice() -> None:
    names = [one.name for one in (*PEOPLE, *SERVERS, *PANEL)]
    assert sorted(names) == sorted(events.EVENTS)
