import re
from urllib.parse import quote

from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Team
from controlpanel.audit.models import AuditEvent
from tests.people import Person
from tests.web.audit.test_audit_list import note


def url(seq: int) -> str:
    return f"/teams/acme/audit/{seq}/"


def test_it_works(alice: Person, bob: Person) -> None:
    note(bob, reason="it hung")
    page = alice.get(url(1))
    assert page.status_code == 200
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.content.decode()))
    assert "bob@example.com rebooted web-01" in text
    assert "it hung" in text
    assert AuditEvent.objects.get().hash in text


def test_a_refusal_names_the_right_that_was_missing(alice: Person, vera: Person) -> None:
    vera.get("/teams/acme/audit/")
    text = alice.get(url(1)).content.decode()
    assert "read the audit log" in text
    assert "/teams/acme/audit/" in text


def test_what_is_not_there_is_not_found(alice: Person, charlie: Person) -> None:
    note(charlie)
    assert alice.get(url(1)).status_code == 404
    assert alice.get(url(9**40)).status_code == 404


def test_hostile_text_is_inert(alice: Person) -> None:
    note(alice, name="<script>alert(1)</script>", reason="<b>x</b>")
    html = alice.get(url(1)).content.decode()
    assert "<script>alert" not in html
    assert "<b>x" not in html


def test_it_requires_the_right(alice: Person, bob: Person) -> None:
    note(alice)
    assert bob.get(url(1)).status_code == 403


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(url(1)), f"/accounts/login/?next={quote(url(1), safe='')}")


def test_it_hides_from_outsiders(alice: Person, charlie: Person) -> None:
    note(alice)
    assert charlie.get(url(1)).status_code == 404


def test_it_rejects_post(alice: Person) -> None:
    note(alice)
    assert alice.post(url(1)).status_code == 405
