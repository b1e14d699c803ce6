from typing import Any

import pytest
from django.core.management import call_command

from controlpanel.audit.models import AuditEvent, SearchText
from controlpanel.audit.reading import selectors, text_index
from controlpanel.audit.verification.full_check import verify
from tests.audit.writing import Team, change

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def found(team: Team, word: str) -> list[int]:
    events = AuditEvent.objects.filter(chain=team.chain).order_by("-seq")
    return [event.seq for event in text_index.matching(events, team.chain, word)]


def named(team: Team, **asked: Any) -> list[int]:
    return [event.seq for event in selectors.events(team.scope, **asked)]


def test_it_works(acme: Team, globex: Team) -> None:
    acme.write(target="needle-01")
    globex.write(target="needle-01")
    acme.write(target="needle-02")
    assert text_index.index() > 0
    assert found(acme, "needle") == [8, 7]
    assert found(acme, "NEEDLE-01") == [7]
    assert named(acme, target="eedle-0") == [8, 7]
    assert named(acme, actor="bob@", target="needle") == [8, 7]
    assert named(acme, actor="needle") == []
    assert found(acme, "haystack") == []


def test_it_finds_what_is_not_taken_up_yet(acme: Team) -> None:
    acme.write(target="needle-01")
    text_index.index()
    acme.write(target="needle-02")
    assert found(acme, "needle") == [8, 7]
    text_index.index()
    assert found(acme, "needle") == [8, 7]


@pytest.mark.parametrize("word", ["ne", '"quoted" \\ text', "%", "50%_off", "ÄÖÜ-straße", "NOT (a"])
def test_any_word_is_found_as_before(acme: Team, word: str) -> None:
    acme.write(target="other")
    acme.write(note=f"needle {word} in a haystack")
    before = found(acme, word)
    assert 8 in before
    text_index.index()
    assert found(acme, word) == before


def test_a_frequent_word_is_found_too(acme: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        acme.write_numbered(number)
    text_index.index()
    everything = list(range(18, 0, -1))
    assert found(acme, "web-") == everything
    monkeypatch.setattr(text_index, "_OFTEN", 100)
    assert found(acme, "web-") == everything
    monkeypatch.setattr(text_index, "_FEW", 3)
    assert found(acme, "web-") == everything


def test_it_goes_on_in_batches(acme: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_index, "BATCH", 2)
    assert text_index.index(most=3) == 4
    assert text_index.index() == 2
    assert text_index.index() == 0
    assert found(acme, "web-") == [6, 5, 4, 3, 2, 1]


def test_a_falsified_index_invents_nothing_and_can_be_made_again(acme: Team) -> None:
    acme.write(target="needle-01")
    text_index.index()
    change("UPDATE audit_searchtext SET seq = 100 WHERE seq = 7")
    assert found(acme, "needle") == []
    assert verify().sound
    call_command("index_audit", "--anew")
    assert SearchText.objects.count() == 7
    assert found(acme, "needle") == [7]
