"""What VPS.org answered, and what a receipt says of it: done, not done, or not known. Its own words
come first, a guess is called one, and nothing is said that nobody knows."""

from typing import Any

import pytest

from controlpanel.operations.states import KINDS
from controlpanel.servers.models import AccountSync
from tests.operations.asks import create, power, rename, sent
from tests.people import OPERATOR_TOKEN, look
from tests.web.asking import shows
from tests.web.operation_rows import URL, operation

NOT_DONE = "Failed: nothing was done."
NOT_KNOWN = "Unknown: VPS.org may have done this or not."
GUESS = "Our guess, if its words say nothing else: your API token lacks the permission"
# The fault; the headline; what is said; what must not be.
ANSWERS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"status": 400, "body": {"detail": "No."}}, NOT_DONE, "VPS.org answered 400: “No.”", "token"),
    ({"status": 400, "body": ""}, NOT_DONE, "VPS.org answered 400, without a reason.", "lost"),
    (
        {"status": 401, "body": {"detail": "Expired."}},
        NOT_DONE,
        "401: “Expired.” It does not",
        "lost",
    ),
    ({"status": 402, "body": {"message": "Poor."}}, NOT_DONE, "402: “Poor.” The account's", "lost"),
    (
        {"status": 403, "body": {"detail": "Host is in maintenance."}},
        NOT_DONE,
        "VPS.org answered 403: “Host is in maintenance.” " + GUESS,
        "Your API token may not",
    ),
    (
        {"status": 403, "body": "<h1>no</h1>"},
        NOT_DONE,
        "403, without a reason. " + GUESS,
        "may not do",
    ),
    (
        {"status": 404, "body": {"detail": "Gone."}},
        NOT_DONE,
        "404: “Gone.” Either",
        "still there, and",
    ),
    ({"status": 405, "body": {"detail": "No."}}, NOT_DONE, "VPS.org answered 405: “No.”", "token"),
    ({"status": 409, "body": {"error": "Busy."}}, NOT_DONE, "409: “Busy.” It conflicts", "lost"),
    (
        {"status": 410, "body": ""},
        NOT_DONE,
        "VPS.org answered 410, without a reason.",
        "still there, and",
    ),
    (
        {"status": 422, "body": {"name": ["Odd."]}},
        NOT_DONE,
        "VPS.org answered 422: “name: Odd.”",
        "lost",
    ),
    (
        {"status": 423, "body": {"detail": "Held."}},
        NOT_DONE,
        "VPS.org answered 423: “Held.”",
        "lost",
    ),
    (
        {"status": 429, "body": {"detail": "Slow."}},
        NOT_DONE,
        "429: “Slow.” VPS.org asks to",
        "lost",
    ),
    ({"status": 451, "body": "plain words"}, NOT_DONE, "answered 451: “plain words”", "lost"),
    (
        {"status": 408, "body": {"detail": "Late."}},
        NOT_KNOWN,
        "408: “Late.” It stopped waiting",
        "lost",
    ),
    (
        {"status": 500, "body": {"detail": "Oops."}},
        NOT_KNOWN,
        "VPS.org answered 500: “Oops.”",
        "lost",
    ),
    (
        {"status": 502, "body": "<html>Bad</html>"},
        NOT_KNOWN,
        "answered 502, without a reason.",
        "lost",
    ),
    (
        {"status": 503, "body": {"detail": "Down."}},
        NOT_KNOWN,
        "VPS.org answered 503: “Down.”",
        "lost",
    ),
    ({"status": 503, "body": ""}, NOT_KNOWN, "VPS.org answered 503, without a reason.", "lost"),
    ({"status": 504, "body": ""}, NOT_KNOWN, "VPS.org answered 504, without a reason.", "lost"),
    (
        {"status": 302, "headers": {"Location": "/"}},
        NOT_KNOWN,
        "302, without a reason. That is a red",
        "lost",
    ),
    (
        {"kind": "drop_after"},
        NOT_KNOWN,
        "The connection broke before VPS.org answered.",
        "answered 5",
    ),
    (
        {"kind": "drop_before"},
        NOT_KNOWN,
        "The connection broke before VPS.org answered.",
        "answered 5",
    ),
]


def asked(kind, adam, account, server):
    if kind == "create":
        return create(adam, account)
    if kind == "update":
        return rename(adam, server("mail-relay"), "post-office")
    return power(adam, kind, server("build-runner" if kind == "start" else "mail-relay"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fault", "headline", "words", "never"), ANSWERS)
def test_an_answer_has_its_words(
    adam, synced, sandbox, server, kind, fault, headline, words, never
):
    method = {"update": "PATCH", "delete": "DELETE"}.get(kind, "POST")
    sandbox.fault(**{"kind": "status", "method": method, "path": "/servers/", **fault})
    done = sent(asked(kind, adam, synced, server))
    page = adam.get(f"{URL}{done.id}/")
    assert shows(page, headline)
    assert shows(page, words)
    said = page.content.decode().partition('id="receipt"')[2].partition("Who and why")[0]
    assert never not in said
    if fault.get("status"):
        assert (f"Answered {fault['status']}" in said) is (headline == NOT_KNOWN)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("name_resolution", "VPS.org could not be reached, so nothing was sent."),
        ("connection_refused", "VPS.org could not be reached, so nothing was sent."),
        ("connect_timeout", "VPS.org could not be reached, so nothing was sent."),
        ("unreachable", "VPS.org could not be reached, so nothing was sent."),
        ("tls", "No secure connection to VPS.org could be made, so nothing was sent."),
        ("bad_id", "The id of this server cannot be sent to VPS.org, so nothing was sent."),
    ],
)
def test_what_was_never_sent_was_not_refused(bob, account, kind, code, words):
    page = bob.get(f"{URL}{operation(bob, account, kind=kind, state='failed', code=code).id}/")
    assert shows(page, words)
    assert not shows(page, "VPS.org answered")


@pytest.mark.parametrize(
    ("code", "status", "words", "step"),
    [
        ("timeout", None, "VPS.org did not answer in time.", "Answer lost"),
        ("connection_lost", None, "The connection broke before VPS.org answered.", "Answer lost"),
        ("lost", None, "The panel was interrupted while it sent this.", "Interrupted"),
        ("truncated", 201, "answered 201, without a reason. Its answer did", "Answered 201"),
        ("timeout", 201, "Its answer did not arrive whole.", "Answered 201"),
        ("too_large", 200, "Its answer was too large to be read.", "Answered 200"),
        ("unreadable", 200, "Its answer could not be understood.", "Answered 200"),
        ("unexpected_status", 202, "VPS.org does not document that code for this.", "Answered 202"),
        ("redirect", 307, "That is a redirect, which the panel does not follow.", "Answered 307"),
        ("not_known_here", 200, "VPS.org answered 200", "Answered 200"),
        ("not_known_here", None, "VPS.org's answer was lost.", "Answer lost"),
    ],
)  # fmt: skip
def test_what_is_not_known_says_why(bob, account, code, status, words, step):
    lost = operation(bob, account, state="unknown", code=code, provider_status=status)
    page = bob.get(f"{URL}{lost.id}/")
    assert shows(page, words)
    assert shows(page, step)
    assert shows(page, "The server may have rebooted or not.")


def test_a_service_token_is_guessed_at_by_its_name(bob, account):
    token = {"name": "robot", "owner": "Alice", "fingerprint": "x"}
    lost = operation(
        bob, account, state="failed", code="forbidden", provider_status=403, service_token=token,
        provider_words="Maintenance.",
    )  # fmt: skip
    page = bob.get(f"{URL}{lost.id}/")
    assert shows(page, "VPS.org answered 403: “Maintenance.” Our guess, if its words say nothing")
    assert shows(page, "the service token “robot” lacks the permission for this")


def test_the_form_for_a_new_server_quotes_first(bob, synced, sandbox):
    sandbox.fault("status", "POST", "/servers/$", status=403, body={"detail": "Host is full."})
    form = {"name": "web-09", "plan_id": "1", "os_id": "5", "location": "us-west"}
    page = bob.post("/teams/acme/servers/new/", form)
    assert page.status_code == 422
    assert shows(page, "VPS.org answered 403: “Host is full.” Our guess")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "VPS.org answers 403 when it is asked for the servers of “Acme”"),
        (401, "VPS.org refused the sync token of “Acme”"),
    ],
)
def test_the_list_quotes_what_keeps_it_from_being_newer(bob, synced, sandbox, status, words):
    sandbox.fault("status", "GET", status=status, body={"detail": "Host in maintenance."})
    look(synced)
    assert AccountSync.objects.get(account=synced).trouble
    page = bob.get("/teams/acme/servers/")
    assert shows(page, words)
    assert shows(page, "VPS.org says: Host in maintenance.")
    assert shows(page, "Our guess, if it says nothing else") is (status == 403)


def test_a_token_that_is_answered_403_is_not_called_wrong(adam, account, sandbox):
    sandbox.fault("status", "GET", status=403, body={"detail": "Host in maintenance."}, times=None)
    page = adam.post("/teams/acme/tokens/", {"token": OPERATOR_TOKEN})
    assert shows(page, "VPS.org answered 403")
    assert shows(page, "Host in maintenance.")
