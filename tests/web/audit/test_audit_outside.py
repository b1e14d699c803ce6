"""/teams/<slug>/audit/outside/: what was done without the panel waits for a person."""

import pytest

from controlpanel.accounts.models import Account
from controlpanel.audit.models import AuditEvent
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import OutsideChange, ServerLabel
from tests.people import Person, join, look, with_labels, with_servers

URL = "/teams/acme/audit/outside/"
SERVER = "/teams/acme/servers/12345/"


@pytest.fixture
def renamed(synced: Account, sandbox: Sandbox, server) -> OutsideChange:
    web = server("web-server-01")
    ServerLabel.objects.create(server=web, key="env", value="prod")
    sandbox.world.fleets["acme"][12345].name = "theirs<b>"
    look(synced)
    return OutsideChange.objects.get()


def test_it_works(audrey: Person, renamed: OutsideChange) -> None:
    page = audrey.get(URL).content.decode()
    assert "Renamed outside the panel" in page
    assert "name: web-server-01 → theirs&lt;b&gt;" in page
    answer = audrey.post(URL, {"change": str(renamed.id), "note": "The night shift."})
    assert (answer.status_code, answer["Location"]) == (303, URL)
    renamed.refresh_from_db()
    assert renamed.acknowledged_by_name == "audrey@example.com"
    assert renamed.note == "The night shift."
    event = AuditEvent.objects.get(event="outside.acknowledged")
    assert (event.target_id, event.reason) == ("12345", "The night shift.")
    assert (event.data["seq"], event.labels) == (renamed.event_seq, "|env|env:prod|")
    page = audrey.get(URL).content.decode()
    assert "1 change acknowledged." in page
    assert "Nothing waits" in page


def test_it_happens_once(audrey: Person, alice: Person, renamed: OutsideChange) -> None:
    for person in (audrey, alice):
        person.post(URL, {"change": str(renamed.id), "note": f"By {person.user.name}."})
    assert AuditEvent.objects.filter(event="outside.acknowledged").count() == 1
    assert OutsideChange.objects.get().note == "By Audrey."
    assert "Somebody else has acknowledged that already." in alice.get(URL).content.decode()


def test_it_wants_a_note_and_a_choice(audrey: Person, renamed: OutsideChange) -> None:
    for body, words in (
        ({"change": str(renamed.id)}, "Say what you found out"),
        ({"note": "Why."}, "Choose at least one change."),
        ({"change": "no-id", "note": "Why."}, "Choose at least one change."),
    ):
        answer = audrey.post(URL, body)
        assert answer.status_code == 422
        assert words in answer.content.decode()
    assert OutsideChange.objects.get().acknowledged_at is None


def test_who_may_not_review_may_not_acknowledge(vera: Person, renamed: OutsideChange) -> None:
    assert vera.post(URL, {"change": str(renamed.id), "note": "Me."}).status_code == 403
    assert OutsideChange.objects.get().acknowledged_at is None


@pytest.mark.parametrize(
    ("reach", "sees"),
    [
        (with_labels("env:prod"), True),
        (with_labels("env:test"), False),
        (with_servers("12345"), True),
        (with_servers("12346"), False),
    ],
)
def test_what_is_out_of_reach_does_not_exist(
    team, renamed: OutsideChange, reach, sees: bool
) -> None:
    rita = join(team, "rita", "auditor", reach)
    assert ("theirs&lt;b&gt;" in rita.get(URL).content.decode()) == sees
    rita.post(URL, {"change": str(renamed.id), "note": "Mine."})
    assert bool(OutsideChange.objects.get().acknowledged_at) == sees


def test_another_team_sees_nothing(charlie: Person, renamed: OutsideChange) -> None:
    assert charlie.get(URL).status_code == 404
    answer = charlie.post(
        "/teams/globex/audit/outside/", {"change": str(renamed.id), "note": "Mine."}
    )
    assert answer.status_code == 303
    assert OutsideChange.objects.get().acknowledged_at is None


def test_the_servers_page_says_so_until_it_is_acknowledged(
    bob: Person, audrey: Person, renamed: OutsideChange
) -> None:
    assert "Renamed outside the panel" in bob.get(SERVER).content.decode()
    assert "without this panel" in audrey.get("/teams/acme/audit/").content.decode()
    audrey.post(URL, {"change": str(renamed.id), "note": "The night shift."})
    assert "Renamed outside the panel" not in bob.get(SERVER).content.decode()
