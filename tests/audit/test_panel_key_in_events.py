"""An event tells which panel key asked, where one did, and is otherwise as it always was."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.events import sentences
from controlpanel.audit.export import bundle_verifier
from controlpanel.audit.export import lines as export_lines
from controlpanel.audit.log.recorder import Target, record_now
from controlpanel.audit.models import AuditEvent, ReviewItem
from controlpanel.audit.review import scanner
from controlpanel.audit.verification.full_check import verify
from tests.audit import second_verifier
from tests.audit.export.test_bundle import all_of, in_order, unpacked
from tests.audit.writing import BOB, PAGE, Team

pytestmark = pytest.mark.django_db
ELSEWHERE = "198.51.100.9"
KEY = replace(PAGE, via="gateway", key="ci-deploy")


@pytest.fixture
def team(db: None) -> Team:
    return Team("acme")


def write(team: Team, origin: Any = KEY) -> AuditEvent:
    return record_now(
        "server.reboot",
        chain=team.chain,
        actor=BOB,
        origin=origin,
        target=Target("server", "12345", "web-01"),
        result="success",
        data={"phase": "outcome", "operation": "o1", "account": "main"},
    )


def test_it_stands_in_the_event_and_only_there(team: Team) -> None:
    by_key, by_page = write(team), write(team, PAGE)
    assert by_key.content["origin"]["key"] == "ci-deploy"
    assert "key" not in by_page.content["origin"]
    assert (by_key.key, by_page.key) == ("ci-deploy", "")
    assert verify().sound


def test_it_is_said(team: Team) -> None:
    assert sentences.via(write(team)) == "key “ci-deploy”"
    assert sentences.via(write(team, replace(KEY, key=""))) == "panel key"
    assert sentences.via(write(team, PAGE)) == "page"
    assert sentences.sentence(write(team)) == "bob@example.com rebooted web-01"


def test_a_name_is_cleaned_and_bounded(team: Team) -> None:
    event = write(team, replace(KEY, key="a\u202e\nb" + "x" * 200))
    assert event.key.startswith("a b")
    assert len(event.key) <= 80
    assert verify().sound


def test_it_is_exported(team: Team) -> None:
    events = [write(team), write(team, PAGE)]
    table = b"".join(export_lines.csv_lines(events)).decode()
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    assert [row["key"] for row in rows] == ["ci-deploy", ""]
    lines = [json.loads(line) for line in export_lines.jsonl_lines(events)]
    assert [line["origin"].get("key") for line in lines] == ["ci-deploy", None]


def test_both_verifiers_take_a_bundle_with_it(team: Team, tmp_path: Path) -> None:
    write(team)
    write(team, PAGE)
    checkpoints.take()
    folder = unpacked(tmp_path / "bundle", all_of(team))
    assert in_order(folder)
    bundle_verifier.verify(folder)
    assert second_verifier.check(folder) == []
    assert "via key “ci-deploy” 192.0.2.7" in (folder / "report.txt").read_text()
    events = (folder / "events.jsonl").read_text()
    (folder / "events.jsonl").write_text(events.replace("ci-deploy", "ci-delete"))
    assert not in_order(folder)


def test_each_key_has_addresses_of_its_own(team: Team) -> None:
    """Where its creator comes from says nothing about a key, and neither does another key."""
    other = replace(KEY, key="backup", address=ELSEWHERE)
    write(team, PAGE)
    write(team)
    write(team, other)  # the first one of that key is learned
    fresh = write(team, replace(KEY, address=ELSEWHERE))
    write(team, replace(KEY, address=ELSEWHERE))
    write(team, other)
    while scanner.advance(team.chain):
        pass
    items = ReviewItem.objects.filter(chain=team.chain, rule="addresses")
    assert list(items.values_list("seq", flat=True)) == [fresh.seq]
