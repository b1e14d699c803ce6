"""The create form's "Use the API": the same create as a script sends it."""

from html import unescape

import pytest
from pytest_django.asserts import assertRedirects

from controlpanel.operations.models import Operation
from tests.people import HTMX

URL = "/teams/acme/servers/new/api/"
FORM = {
    "form_id": "form-0001",
    "name": "web-09",
    "plan_id": "1",
    "os_id": "other",
    "os_id_other": "5",
    "location": "us-west",
}


@pytest.fixture(autouse=True)
def _known(synced):
    """The account is connected, and what can be chosen is known."""


def shown(answer):
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_it_works(bob, sandbox):
    text = shown(bob.post(URL, FORM))
    assert '<details class="quiet-details" id="use-api" open>' in text
    for line in ('"name": "web-09",', '"plan_id": 1,', '"os_id": 5,', '"location": "us-west"'):
        assert line in text
    assert 'curl -X POST "http://localhost:8000/api/v1/servers/"' in text
    assert '"Idempotency-Key": "create-web-09",' in text
    assert "Still to be chosen" not in text
    assert 'value="form-0001"' in text
    assert 'value="web-09"' in text
    assert "error-summary" not in text
    assert not sandbox.changes()
    assert not Operation.objects.exists()


def test_it_works_through_htmx(bob, sandbox):
    text = shown(bob.post(URL, FORM, headers=HTMX))
    assert text.strip().startswith('<div id="typed"')
    assert '"name": "web-09",' in text
    assert not sandbox.changes()


def test_what_is_missing_is_named(bob):
    text = shown(bob.post(URL, {"name": "web-09"}, headers=HTMX))
    assert "Still to be chosen: Location, System, Plan." in text


def test_labels_and_reason_become_headers(bob):
    typed = {**FORM, "labels": "env:ci", "reason": "mehr Platz für A\r\nX-Evil: 1"}
    text = shown(bob.post(URL, typed, headers=HTMX))
    assert '-H "X-Labels: env:ci"' in text
    assert "\nX-Evil" not in text
    assert '"X-Reason": "mehr Platz f\\u00fcr A' in text


def test_what_is_typed_stays_text(bob):
    typed = {**FORM, "name": "a'; rm -rf $(pwd) <b>", "plan_id": "'x"}
    answer = bob.post(URL, typed, headers=HTMX)
    assert b"<b>" not in answer.content
    assert '"name": "a\'\\\'\'; rm -rf $(pwd) <b>"' in shown(answer)


def test_the_form_itself_has_it(bob):
    text = shown(bob.get("/teams/acme/servers/new/"))
    assert '<details class="quiet-details" id="use-api">' in text
    assert "Still to be chosen: Location, System, Plan, Name." in text
    assert f'formaction="{URL}"' in text


def test_a_refused_form_keeps_it(bob):
    answer = bob.post("/teams/acme/servers/new/", {**FORM, "name": "no name!"})
    assert answer.status_code == 422
    assert '"name": "no name!"' in unescape(answer.content.decode())


def test_it_rejects_get(bob):
    assert bob.get(URL).status_code == 405


def test_it_requires_sign_in(nobody):
    assertRedirects(
        nobody.post(URL, FORM), "/accounts/login/?next=%2F", fetch_redirect_response=False
    )


def test_it_requires_the_right(vera):
    assert vera.post(URL, FORM).status_code == 403


def test_it_hides_from_outsiders(charlie):
    assert charlie.post(URL, FORM).status_code == 404
