"""/teams/<slug>/audit/export/<id>/: what is too much to be given at once."""

import re
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from controlpanel.accounts.models import Membership, Team
from controlpanel.audit.export import exports
from controlpanel.audit.models import AuditEvent, Export
from controlpanel.lib import clock
from controlpanel.reports import exports as report_exports
from tests.people import HTMX, Person, join
from tests.web.audit.test_audit_export import URL, write

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def var(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, team: Team) -> None:
    settings.PANEL_VAR = tmp_path / "var"
    settings.PANEL_CHECKPOINTS_FILE = tmp_path / "var" / "checkpoints.jsonl"
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    for name in ("web-01", "web-01", "web-01", "db-01"):
        write(team, name, name)


def begun(person: Person, query: str = "?format=csv") -> Export:
    answer = person.post(f"{URL}{query}")
    export = Export.objects.latest("asked_at")
    assert answer.status_code == 303
    assert answer["Location"] == f"{URL}{export.id}/"
    return export


def shown(person: Person, export: Export) -> str:
    answer = person.get(f"{URL}{export.id}/")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("form", sorted(exports.TYPES))
def test_too_much_is_not_given_at_once(audrey: Person, form: str) -> None:
    answer = audrey.post(f"{URL}?format={form}")
    assert answer.status_code == 303
    assert Export.objects.get().form == form
    assert not AuditEvent.objects.filter(event="audit.exported").exists()


def test_a_bundle_may_be_longer_than_what_was_found(audrey: Person, team: Team) -> None:
    first = AuditEvent.objects.filter(chain=str(team.id)).earliest("seq")
    url = f"{URL}?q={first.request_id}"
    assert audrey.post(f"{url}&format=csv").status_code == 200
    assert audrey.post(f"{url}&format=bundle").status_code == 303


def test_the_page_offers_to_prepare_it(audrey: Person) -> None:
    text = audrey.get(f"{URL}?target=web-01").content.decode()
    assert "More than 2 events" in text
    assert re.search(r'method="post"\s+action="\?q=target%3Aweb-01&amp;format=csv"', text)


def test_it_is_prepared_and_taken(audrey: Person) -> None:
    export = begun(audrey, "?target=web-01&format=csv")
    text = shown(audrey, export)
    assert "being prepared" in text
    assert "data-moving" in text
    assert "/file/" not in text
    report_exports.work()
    text = shown(audrey, export)
    assert "data-poll" not in text
    assert "Target: web-01" in text
    assert Export.objects.get(id=export.id).sha256 in text
    answer = audrey.get(f"{URL}{export.id}/file/")
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-acme-')
    assert b"".join(answer.streaming_content).count(b"\n") == 4  # type: ignore[attr-defined]
    assert AuditEvent.objects.get(event="audit.exported").actor_name == "audrey@example.com"
    assert f"{export.id}" in audrey.get(URL).content.decode()


def test_the_fragment_is_asked_for_while_it_is_prepared(audrey: Person) -> None:
    export = begun(audrey)
    text = audrey.get(f"{URL}{export.id}/", headers=HTMX).content.decode()
    assert text.strip().startswith('<article id="export"')


def test_one_too_many_is_refused(audrey: Person) -> None:
    for form in exports.TYPES:
        begun(audrey, f"?format={form}")
    answer = audrey.post(f"{URL}?format=csv&target=web-01")
    assert answer.status_code == 409
    assert "Wait until one is ready" in answer.content.decode()


def test_it_says_when_the_file_is_gone(audrey: Person) -> None:
    export = begun(audrey)
    report_exports.work()
    clock.shift(report_exports.KEPT * 2)
    answer = audrey.get(f"{URL}{export.id}/file/")
    assert answer.status_code == 404
    assert "Let it be prepared again" in answer.content.decode()
    report_exports.work()
    assert "The file was deleted" in shown(audrey, export)


def test_it_is_only_its_persons(audrey: Person, alice: Person, charlie: Person) -> None:
    export = begun(audrey)
    report_exports.work()
    for person in (alice, charlie):
        for address in (f"{URL}{export.id}/", f"{URL}{export.id}/file/"):
            assert person.get(address).status_code == 404
    foreign = f"/teams/globex/audit/export/{export.id}/file/"
    assert charlie.get(foreign).status_code == 404
    assert str(export.id) not in alice.get(URL).content.decode()


def test_it_requires_the_right_at_the_moment_of_taking(audrey: Person) -> None:
    export = begun(audrey)
    report_exports.work()
    Membership.objects.filter(user=audrey.user).update(role="viewer")
    for address in (f"{URL}{export.id}/", f"{URL}{export.id}/file/"):
        assert audrey.get(address).status_code == 403
    Membership.objects.filter(user=audrey.user).delete()
    assert audrey.get(f"{URL}{export.id}/file/").status_code == 404


def test_it_requires_sign_in(audrey: Person, nobody: Client) -> None:
    export = begun(audrey)
    assert nobody.get(f"{URL}{export.id}/file/").status_code == 302
    assert nobody.post(f"{URL}?format=csv").status_code == 302


def test_it_rejects_post(team: Team) -> None:
    person = join(team, "rita", "auditor")
    export = begun(person)
    for address in (f"{URL}{export.id}/", f"{URL}{export.id}/file/"):
        assert person.post(address).status_code == 405


def test_a_post_without_a_format_begins_nothing(audrey: Person) -> None:
    assert audrey.post(URL).status_code == 422
    assert not Export.objects.exists()
