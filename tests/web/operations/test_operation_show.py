from urllib.parse import quote
from uuid import uuid4

import pytest
from pytest_django.asserts import assertRedirects

from controlpanel.operations.states import KINDS, State
from tests.people import HTMX
from tests.web.asking import shows
from tests.web.operation_rows import URL, ago, new_server, operation


def url(shown):
    return f"{URL}{shown.id}/"


def test_it_works(bob, vera, account):
    shown = operation(
        bob, account, kind="update", state="observed", reason="planned", provider_status=200,
        provider_words="Fine", observed_at=ago(seconds=1),
        body={"name": "new", "backups_enabled": True},
        before={"name": "old", "backups_enabled": False},
    )  # fmt: skip
    page = vera.get(url(shown))
    assert page.status_code == 200
    for words in (
        "Requested", "Sent", "Accepted", "Observed", bob.user.email, "Operator", "192.0.2.7",
        "a page of the panel", "planned", "200", "Fine", "request-0001", "old", "new", "on", "off",
    ):  # fmt: skip
        assert shows(page, words), words
    text = page.content.decode()
    assert 'data-state="observed"' in text
    assert "data-poll" not in text
    assert text.count("<time ") >= 5
    assert "/teams/acme/servers/12345/" in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", [state.value for state in State])
def test_every_state_of_every_kind_has_its_words(bob, account, kind, state):
    shown = operation(bob, account, kind=kind, state=state, provider_id="", code="timeout")
    page = bob.get(url(shown))
    assert page.status_code == 200
    assert f'data-state="{state}"' in page.content.decode()
    assert ("data-poll" in page.content.decode()) is State(state).is_open


@pytest.mark.parametrize(
    ("kind", "state", "words"),
    [
        ("create", "unknown", "If it was, it is already billed."),
        ("create", "not_seen", "there is none to be billed"),
        ("create", "failed", "No server was created, and nothing is billed for it."),
        ("delete", "unknown", "it may still be there and be billed"),
        ("delete", "not_seen", "The server is still there, and it is still billed."),
        ("stop", "observed", "It is still billed until it is deleted."),
        ("reboot", "unknown", "a person has looked at the server"),
    ],
)
def test_it_says_what_it_means_for_the_bill(bob, account, kind, state, words):
    assert shows(bob.get(url(operation(bob, account, kind=kind, state=state))), words)


def test_the_steps_of_a_lost_and_found_answer(bob, account):
    shown = operation(
        bob, account, kind="stop", state="observed", code="timeout", observed_at=ago()
    )
    page = bob.get(url(shown))
    assert shows(page, "Answer lost")
    assert not shows(page, "Accepted")


def test_what_takes_long_is_not_called_failed(bob, account):
    shown = operation(bob, account, kind="stop", answered_at=ago(minutes=31))
    page = bob.get(url(shown))
    assert shows(page, "This takes unusually long")
    assert shows(page, "It has not failed")


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        ("reboot", "/teams/acme/servers/12345/reboot/"),
        ("update", "/teams/acme/servers/12345/edit/"),
    ],
)
def test_a_new_one_is_an_offer_to_those_who_may(bob, vera, account, kind, link):
    shown = operation(bob, account, kind=kind, state="not_seen")
    assert link in bob.get(url(shown)).content.decode()
    assert link not in vera.get(url(shown)).content.decode()


def test_a_create_can_be_started_again(bob, account):
    shown = operation(bob, account, kind="create", state="not_seen", provider_id="")
    assert f"/servers/new/?again={shown.id}" in bob.get(url(shown)).content.decode()


def test_the_audit_is_for_those_who_may_read_it(bob, audrey, account):
    shown = operation(bob, account)
    link = f"/teams/acme/audit/?q={shown.id}"
    assert link in audrey.get(url(shown)).content.decode()
    assert link not in bob.get(url(shown)).content.decode()


def test_several_candidates_are_listed(bob, vera, account):
    body = {"name": "web-09", "plan_id": 1, "os_id": 5, "location": "us-west"}
    shown = operation(
        bob, account, kind="create", state="unknown", provider_id="", server_name="web-09",
        body=body, requested_at=ago(minutes=1),
    )  # fmt: skip
    for provider_id in ("20001", "20002"):
        new_server(account, provider_id)
    page = bob.get(url(shown))
    assert page.content.decode().count("This is it") == 2
    page = vera.get(url(shown))
    assert b"This is it" not in page.content
    assert shows(page, "Somebody with the right to create servers can say it here.")


def test_the_fragment_looks_and_shows_what_changed(bob, synced, server):
    shown = operation(bob, synced, kind="stop", provider_id=server("staging-app").provider_id)
    synced.sync.tried_at = ago(minutes=1)
    synced.sync.save()
    text = bob.get(url(shown), headers=HTMX).content.decode()
    assert text.strip().startswith("<article")
    assert 'data-state="observed"' in text
    assert "data-poll" not in text


def test_the_fragment_tells_of_trouble_by_the_old_state(bob, synced, sandbox, server):
    shown = operation(bob, synced, kind="stop", provider_id=server("staging-app").provider_id)
    synced.sync.tried_at = ago(minutes=1)
    synced.sync.save()
    sandbox.fault("drop_before", "GET", times=None)
    text = bob.get(url(shown), headers=HTMX).content.decode()
    assert 'data-state="accepted"' in text


def test_a_full_page_asks_the_provider_nothing(bob, synced, sandbox):
    before = len(sandbox.journal.entries())
    bob.get(url(operation(bob, synced)))
    assert len(sandbox.journal.entries()) == before


def test_it_requires_sign_in(nobody, bob, account):
    shown = operation(bob, account)
    assertRedirects(nobody.get(url(shown)), f"/accounts/login/?next={quote(url(shown), safe='')}")


def test_it_hides_from_outsiders(bob, charlie, account, other_account):
    assert charlie.get(url(operation(bob, account))).status_code == 404
    assert bob.get(url(operation(charlie, other_account, form_id="theirs"))).status_code == 404
    foreign = operation(charlie, other_account, team=charlie.team)
    assert bob.get(url(foreign)).status_code == 404
    assert bob.get(f"{URL}{uuid4()}/").status_code == 404
    assert bob.get(f"{URL}nonsense/").status_code == 404


def test_it_rejects_post(bob, account):
    assert bob.post(url(operation(bob, account))).status_code == 405


def test_what_the_provider_says_is_inert(bob, account):
    hostile = "<script>alert(1)</script>\u202e\x07\"'"
    shown = operation(
        bob, account, kind="update", state="failed", provider_words=hostile, server_name=hostile,
        provider_id="a/b?<c>", note=hostile, field_errors={"<b>x": [hostile]},
        body={"name": hostile}, before={"name": hostile},
    )  # fmt: skip
    text = bob.get(url(shown)).content.decode()
    assert "<script>alert" not in text
    assert "<b>x" not in text
    assert "\u202e" not in text
    assert "/teams/acme/servers/a%2Fb%3F%3Cc%3E/" in text
