import re

import pytest

from controlpanel.audit.events import registry, sentences
from controlpanel.audit.log.recorder import Result
from controlpanel.audit.models import AuditEvent
from controlpanel.lib.scope import Actor
from tests.audit.writing import Team, edit, triggers_aside

pytestmark = pytest.mark.django_db
WORKER = Actor("worker", "worker", "worker")
NOBODY = Actor("nobody", "", "eve@example.com")
KINDS = ("create", "update", "delete", "start", "stop", "reboot")


@pytest.fixture
def team(db: None) -> Team:
    return Team("acme")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("server.reboot", "bob@example.com rebooted web-01"),
        ("server.delete", "bob@example.com deleted web-01"),
        ("server.create", "bob@example.com created web-01"),
    ],
)
def test_an_outcome_reads_as_what_was_done(team: Team, event: str, expected: str) -> None:
    assert sentences.sentence(team.write(event)) == expected


def test_what_is_not_known_is_not_said_to_be_done(team: Team) -> None:
    results: tuple[Result, ...] = ("success", "failure", "unknown", "denied")
    said = {
        result: sentences.sentence(team.write("server.stop", result=result)) for result in results
    }
    assert len(set(said.values())) == 4
    assert "could not" in said["failure"]
    assert "no clear answer" in said["unknown"]
    assert "never sent" in said["denied"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_phase_and_result_of_an_operation_has_words_of_its_own(kind: str) -> None:
    known = registry.EVENTS[f"server.{kind}"]
    cells = [
        ("intent", "pending"),
        *(("outcome", result) for result in ("success", "failure", "unknown", "denied")),
        ("observed", "success"),
        *(("reconciled", result) for result in ("success", "failure", "unknown")),
    ]
    assert len({str(known.sentence_for(*cell)) for cell in cells}) == len(cells)


@pytest.mark.parametrize("name", registry.EVENTS)
def test_each_sentence_uses_only_what_its_event_holds(name: str) -> None:
    known = registry.EVENTS[name]
    for sentence in known.sentences.values():
        used = set(re.findall(r"%\((\w+)\)s", str(sentence)))
        assert used <= {"actor", "target"} | known.required
        assert "%" not in re.sub(r"%\(\w+\)s", "", str(sentence))


def test_it_names_the_fields_of_the_event(team: Team) -> None:
    event = team.write("token.refused", target="3f9a-11c2-77de", account="main", owner="ann")
    said = sentences.sentence(event)
    assert said == "VPS.org refused the API token 3f9a-11c2-77de of ann for main"


def test_actor_and_target_are_parts_of_their_own(team: Team) -> None:
    parts = sentences.parts(team.write("server.stop", target="%(actor)s <b>"))
    assert [(part.kind, part.text) for part in parts] == [
        ("actor", "bob@example.com"),
        ("text", " stopped "),
        ("target", "%(actor)s <b>"),
    ]


def test_the_panel_and_nobody_have_words(team: Team) -> None:
    assert sentences.actor_name(team.write(actor=WORKER)) == "The panel"
    assert sentences.actor_name(team.write(actor=NOBODY)) == "eve@example.com"
    assert sentences.actor_name(team.write(actor=Actor("nobody", "", ""))) == "Somebody"


def test_an_event_of_another_version_still_reads(team: Team) -> None:
    team.write()
    triggers_aside()
    edit(team, 1, event="server.hibernate")
    event = AuditEvent.objects.get(chain=team.chain)
    assert sentences.sentence(event) == "server.hibernate: bob@example.com, web-01"
    assert sentences.label(event) == "server.hibernate"


def test_every_result_and_door_has_a_word(team: Team) -> None:
    event = team.write()
    assert sentences.result(event) == "done"
    assert sentences.via(event) == "page"
    assert sentences.label(event) == "Reboot server"
