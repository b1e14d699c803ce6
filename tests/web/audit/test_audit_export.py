"""/teams/<slug>/audit/export/: what the audit page finds, taken out, and the record of it."""

import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import Settings
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Team
from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.export import bundle, exports
from controlpanel.audit.log import read_only_state
from controlpanel.audit.log.content import requested_as
from controlpanel.audit.log.recorder import Target, record
from controlpanel.audit.models import AuditEvent, Checkpoint, Export
from controlpanel.lib import clock
from controlpanel.lib.scope import Actor, Origin
from controlpanel.reports import exports as report_exports
from tests.audit import second_verifier
from tests.people import Person, join, with_labels, with_servers

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

URL = "/teams/acme/audit/export/"


@pytest.fixture(autouse=True)
def ledger_file(settings: Settings, tmp_path: Path) -> None:
    settings.PANEL_CHECKPOINTS_FILE = tmp_path / "ledger" / "checkpoints.jsonl"


@pytest.fixture(autouse=True)
def events(team: Team) -> list[AuditEvent]:
    """Three of web-01, two of db-01; only the last two of web-01 bear the label."""
    return [
        write(team, "101", "web-01"),
        write(team, "102", "db-01", actor="eve@example.com"),
        write(team, "101", "web-01", "env:prod"),
        write(team, "102", "db-01", "env:dev"),
        write(team, "101", "web-01", "env:prod", actor="eve@example.com"),
    ]


def write(
    team: Team, server: str, name: str, *labels: str, actor: str = "bob@example.com", **more: Any
) -> AuditEvent:
    with transaction.atomic():
        return record(
            "server.reboot",
            chain=str(team.id),
            actor=Actor("user", actor.partition("@")[0], actor, "operator"),
            origin=Origin("page", "192.0.2.7", "Browser/1.0", f"request-{uuid4()}"),
            target=Target("server", server, name),
            result="success",
            labels=labels,
            data={"phase": "outcome", "operation": str(uuid4()), "account": "main"},
            **more,
        )


def created(team: Team, operation: str, server: str, name: str) -> None:
    record(
        "server.create",
        chain=str(team.id),
        actor=Actor("user", "bob", "bob@example.com", "operator"),
        origin=Origin("page"),
        target=Target("server", server, name),
        result="pending",
        data={"phase": "intent", "operation": operation, "account": "main"},
    )


def given(person: Person, form: str, query: str = "") -> bytes:
    answer: Any = person.post(f"{URL}?{query}&format={form}")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment"), answer.content.decode()[:3000]
    return b"".join(answer.streaming_content)


def rows(person: Person, query: str = "") -> list[dict[str, str]]:
    text = given(person, "csv", query).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def unpacked(person: Person, folder: Path, query: str = "") -> Path:
    folder = folder / "bundle"
    with zipfile.ZipFile(io.BytesIO(given(person, "bundle", query))) as archive:
        archive.extractall(folder)
    assert second_verifier.check(folder) == []
    return folder


def verified(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "verify.py"],
        cwd=folder, env={}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_says_what_would_be_taken(audrey: Person) -> None:
    text = audrey.get(f"{URL}?actor=eve").content.decode()
    assert "2 events, as of now" in text
    assert "Who: eve" in text
    assert "?q=actor%3Aeve&amp;format=bundle" in text
    assert bundle.verifier_hash() in text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "proves that nothing is missing"),
        ("after=2026-01-01", "proves that nothing is missing"),
        ("target=101", "proves the history of each target"),
        ("target=101&actor=eve", "not that no other fits"),
    ],
)
def test_the_page_says_what_a_bundle_would_prove(audrey: Person, query: str, words: str) -> None:
    assert words in " ".join(audrey.get(f"{URL}?{query}").content.decode().split())


def test_csv_has_a_header_and_a_row_an_event(audrey: Person, events: list[AuditEvent]) -> None:
    first, *rest = rows(audrey)
    assert len(rest) == 4
    assert first["sentence"] == "bob@example.com rebooted web-01"
    assert first["hash"] == events[0].hash
    assert first["at"] == events[0].content["at"]
    assert (first["actor"], first["target_id"], first["result"]) == (
        "bob@example.com", "101", "success",
    )  # fmt: skip
    assert [row["labels"] for row in rest] == ["", "env:prod", "env:dev", "env:prod"]


def test_csv_begins_with_what_spreadsheets_know_utf8_by(
    audrey: Person, events: list[AuditEvent]
) -> None:
    content = given(audrey, "csv")
    assert content.startswith(b"\xef\xbb\xbfseq,at,")
    assert content.count(b"\xef\xbb\xbf") == 1
    assert not given(audrey, "jsonl").startswith(b"\xef\xbb\xbf")


def test_csv_guards_what_a_spreadsheet_would_run(audrey: Person, team: Team) -> None:
    for name in ('=HYPERLINK("http://x")', "+1", "-1", "@SUM(1)", " =1", "＝1"):
        write(team, "666", name, reason=name)
    for row in rows(audrey, "target=666"):
        assert row["target"].startswith("'")
        assert row["reason"].startswith("'")


def test_jsonl_has_everything_that_was_recorded(audrey: Person, events: list[AuditEvent]) -> None:
    lines = [json.loads(line) for line in given(audrey, "jsonl").decode().splitlines()]
    assert [line["seq"] for line in lines] == [event.seq for event in events]
    for line, event in zip(lines, events, strict=True):
        assert line["id"] == f"{event.chain}:{event.seq}"
        assert (line["hash"], line["prev"]) == (event.hash, event.prev_hash)
        assert {name: line[name] for name in event.content} == event.content


def test_the_filters_of_the_page_are_in_force(audrey: Person) -> None:
    assert [row["seq"] for row in rows(audrey, "actor=eve")] == ["2", "5"]
    assert rows(audrey, "q=there-is-none") == []


def test_who_took_what_is_recorded_first(audrey: Person) -> None:
    content = given(audrey, "csv", "actor=eve")
    event = AuditEvent.objects.get(event="audit.exported")
    assert event.actor_name == "audrey@example.com"
    assert event.data == {
        "format": "csv",
        "what": "2 events",
        "query": "actor:eve",
        "count": 2,
        "first": 2,
        "last": 5,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


@pytest.mark.parametrize("form", sorted(exports.TYPES))
def test_nothing_is_given_that_cannot_be_recorded(
    audrey: Person, audit_broken: None, form: str
) -> None:
    answer = audrey.post(f"{URL}?format={form}")
    assert answer.status_code == 503
    assert "web-01" not in answer.content.decode()


@pytest.mark.parametrize("form", sorted(exports.TYPES))
@pytest.mark.parametrize("verb", ["get", "head"])
def test_a_link_takes_nothing(audrey: Person, form: str, verb: str) -> None:
    """Any page can hold one, or an image with such an address."""
    before = AuditEvent.objects.count(), Checkpoint.objects.count(), Export.objects.count()
    answer = getattr(audrey, verb)(f"{URL}?format={form}")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/html")
    after = AuditEvent.objects.count(), Checkpoint.objects.count(), Export.objects.count()
    assert after == before


@pytest.mark.parametrize("form", sorted(exports.TYPES))
def test_another_sites_form_takes_nothing(audrey: Person, form: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(audrey.user)
    assert browser.post(f"{URL}?format={form}").status_code == 403
    assert not AuditEvent.objects.filter(event="audit.exported").exists()


def test_a_second_bundle_of_the_same_needs_no_second_checkpoint(audrey: Person) -> None:
    for _ in range(3):
        given(audrey, "bundle", "target=101")
    assert Checkpoint.objects.count() == 1


def test_at_most_one_checkpoint_a_minute(audrey: Person, alice: Person, team: Team) -> None:
    """What the last one does not cover yet is prepared, whoever asks and however often."""
    given(audrey, "bundle", "target=101")
    write(team, "101", "web-01")
    for person in (audrey, alice, audrey):
        answer = person.post(f"{URL}?target=101&format=bundle")
        assert answer.status_code == 303
        report_exports.work()
    assert Checkpoint.objects.count() == 1
    assert {one.state for one in Export.objects.all()} == {"waiting"}
    clock.shift(timedelta(seconds=61))
    for _ in range(2):
        report_exports.work()
    assert Checkpoint.objects.count() == 2
    assert [one.state for one in Export.objects.all()] == ["ready", "ready"]
    assert all(one.count == 4 for one in Export.objects.all())


def test_what_the_workers_signed_meanwhile_is_enough(audrey: Person, team: Team) -> None:
    given(audrey, "bundle", "target=101")
    write(team, "101", "web-01")
    audrey.post(f"{URL}?target=101&format=bundle")
    clock.shift(timedelta(seconds=5))
    assert checkpoints.take()
    report_exports.work()
    assert Export.objects.get().state == "ready"
    assert Checkpoint.objects.count() == 2


def test_a_table_waits_for_no_checkpoint(audrey: Person, team: Team) -> None:
    given(audrey, "bundle", "target=101")
    write(team, "101", "web-01")
    assert len(rows(audrey, "target=101")) == 4


def test_a_bundle_of_everything_is_a_span(audrey: Person, tmp_path: Path) -> None:
    assert "hold all that" in verified(unpacked(audrey, tmp_path))


def test_a_bundle_of_one_server_is_its_complete_history(audrey: Person, tmp_path: Path) -> None:
    folder = unpacked(audrey, tmp_path, "target=101")
    assert "these 3 events are the complete history of server 101" in verified(folder)
    assert "db-01" not in everything(folder)


def test_a_servers_bundle_holds_the_request_that_made_it(
    audrey: Person, team: Team, tmp_path: Path
) -> None:
    """It was recorded before the server had an id; the request for another one stays out."""
    wish, other = str(uuid4()), str(uuid4())
    for operation, server, name in (
        (wish, requested_as(wish), "new-01"),
        (other, requested_as(other), "secret-01"),
        (wish, "103", "new-01"),
        (other, "104", "secret-01"),
    ):
        created(team, operation, server, name)
    folder = unpacked(audrey, tmp_path, "target=103")
    said = verified(folder)
    assert "these 1 events are the complete history of server 103" in said
    assert f"these 1 events are the complete history of server {requested_as(wish)}" in said
    assert "secret-01" not in everything(folder)


def test_other_filters_prove_that_events_are_there_but_not_that_they_are_all(
    audrey: Person, tmp_path: Path
) -> None:
    folder = unpacked(audrey, tmp_path, "actor=eve")
    said = verified(folder)
    assert "no other event fits the filters actor:eve" in said
    assert "its events from 3 on are the complete history of server 101" in said
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [(line["seq"], line["asked"]) for line in lines] == [(2, True), (4, False), (5, True)]
    report = (folder / "report.txt").read_text()
    assert report.count("not asked for") == 1
    assert "that no other fits the filters is not proven" in report


def test_a_reader_of_some_servers_gets_only_those(team: Team, tmp_path: Path) -> None:
    reader = join(team, "rita", "auditor", with_servers("101"))
    assert {row["target"] for row in rows(reader)} == {"web-01"}
    folder = unpacked(reader, tmp_path)
    assert "these 3 events are the complete history of server 101" in verified(folder)
    for foreign in ("db-01", '"102"', "env:dev", "rita@"):
        assert foreign not in everything(folder)


def test_a_reader_by_label_gets_what_bore_it(team: Team, tmp_path: Path) -> None:
    reader = join(team, "rita", "auditor", with_labels("env:prod"))
    assert [row["seq"] for row in rows(reader)] == ["3", "5"]
    folder = unpacked(reader, tmp_path)
    assert "its events from 2 on are the complete history of server 101" in verified(folder)
    assert "db-01" not in everything(folder)
    assert "not all of it" in (folder / "report.txt").read_text()


def test_what_may_not_be_seen_leaves_a_gap_that_is_said(team: Team, tmp_path: Path) -> None:
    """The label went and came back, and then went for good."""
    write(team, "101", "web-01")
    write(team, "101", "web-01", "env:prod")
    reader = join(team, "rita", "auditor", with_labels("env:prod"))
    folder = unpacked(reader, tmp_path / "came-back")
    said = verified(folder)
    assert "its events from 5 on are the complete history" in said
    assert "Only signed: what is here of server 101 before its event 5" in said
    write(team, "101", "web-01")
    clock.shift(timedelta(minutes=1))
    said = verified(unpacked(reader, tmp_path / "gone"))
    assert "Only signed: what is here of server 101 before its event 6" in said
    assert "complete history" not in said


def test_a_reader_of_some_servers_finds_no_other_by_a_filter(team: Team) -> None:
    reader = join(team, "rita", "auditor", with_servers("101"))
    answer = reader.post(f"{URL}?target=102&format=bundle")
    assert answer.status_code == 409
    assert "Nothing was recorded about that" in answer.content.decode()


def test_it_says_what_is_wrong_with_the_address(audrey: Person) -> None:
    assert audrey.get(f"{URL}?after=soon").status_code == 422
    assert audrey.post(f"{URL}?after=soon&format=csv").status_code == 422
    for answer in (audrey.get(f"{URL}?format=exe"), audrey.post(f"{URL}?format=exe")):
        assert answer.status_code == 422
        assert "csv, jsonl, bundle" in answer.content.decode()


def test_it_requires_the_right(alice: Person, bob: Person, vera: Person) -> None:
    assert alice.get(URL).status_code == 200
    for person in (bob, vera):
        answer = person.post(f"{URL}?format=csv")
        assert answer.status_code == 403
        assert "export the audit log" in answer.content.decode()


def test_it_rejects_put(alice: Person) -> None:
    assert alice.put(URL).status_code == 405


def test_it_requires_sign_in(nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")


def test_it_hides_from_outsiders(charlie: Person) -> None:
    assert charlie.post(f"{URL}?format=csv").status_code == 404


def everything(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.iterdir() if path.name != "verify.py")


@pytest.mark.parametrize(
    "moment", ["0001-01-01", "0001-01-01T00:00Z", "9999-12-31T23:59:59.999999"]
)
def test_the_ends_of_time_are_no_trouble(audrey: Person, moment: str) -> None:
    for key in ("after", "before"):
        assert audrey.get(URL, {"q": f"{key}:{moment}"}).status_code in {200, 422}
        answer = audrey.post(f"{URL}?q={quote(f'{key}:{moment}')}&format=bundle")
        assert answer.status_code in {200, 303, 409, 422}


def test_a_bundle_signs_nothing_while_the_panel_is_read_only(audrey: Person) -> None:
    """What was changed past the panel must not get into a checkpoint by way of an export."""
    given(audrey, "bundle")
    before = Checkpoint.objects.count()
    read_only_state.close(read_only_state.CHANGED, "another")

    answer = audrey.post(f"{URL}?format=bundle")

    assert answer.status_code == 503
    assert Checkpoint.objects.count() == before
