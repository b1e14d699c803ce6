"""/teams/<slug>/audit/requests/<id>/: everything that one request did, in order."""

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account, Team
from controlpanel.audit.models import AuditEvent
from controlpanel.lib import request_id
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import Server
from tests.operations.asks import power, sent
from tests.people import Person, join, look, with_servers
from tests.web.audit.test_audit_list import note

ID = "request-1"
URL = f"/teams/acme/audit/requests/{ID}/"


def noted(person: Person, *names: str, ids: tuple[str, ...] = ()) -> None:
    with request_id.bound(ID):
        for name, server in zip(names, ids or ("12345",) * len(names), strict=True):
            note(person, name=name, id=server)


def seqs(html: str) -> list[int]:
    return [int(seq) for seq in re.findall(r'id="event-(\d+)"', html)]


def text_of(person: Person) -> str:
    html = person.get(URL).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def test_it_works(alice: Person, bob: Person) -> None:
    noted(bob, "web-01")
    note(bob)
    noted(bob, "web-02")
    html = alice.get(URL).content.decode()
    assert seqs(html) == [1, 3]
    text = text_of(alice)
    assert "Reboot server × 2" in text
    assert "bob@example.com" in text
    assert ID in text


def test_an_operation_is_followed_beyond_the_request(
    alice: Person,
    bob: Person,
    synced: Account,
    server: Callable[[str], Server],
    sandbox: Sandbox,
) -> None:
    with request_id.bound(ID):
        done = sent(power(bob, "reboot", server("web-server-01")))
    sandbox.advance(60)
    with request_id.bound("tick-0001"):
        look(synced)
        note(alice, name="other", id="1")
    events = AuditEvent.objects.filter(operation_id=str(done.id)).order_by("seq")
    assert [event.request_id for event in events] == [ID, ID, "tick-0001"]
    html = alice.get(URL).content.decode()
    assert seqs(html) == [event.seq for event in events]
    assert "One request: Reboot server" in text_of(alice)
    assert "×" not in html
    followed = alice.get("/teams/acme/audit/requests/tick-0001/").content.decode()
    assert len(seqs(followed)) == 2  # what that look did itself


def test_it_is_a_click_away_from_an_event(alice: Person) -> None:
    noted(alice, "web-01")
    assert f'href="{URL}"' in alice.get("/teams/acme/audit/1/").content.decode()


def test_a_long_one_leads_to_the_list(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlpanel.web.audit.request_trail.MOST", 2)
    noted(alice, "web-01", "web-02", "web-03")
    html = alice.get(URL).content.decode()
    assert seqs(html) == [1, 2]
    assert f'href="/teams/acme/audit/?q=request%3A{ID}"' in html


def test_what_is_out_of_reach_is_not_in_it(team: Team, alice: Person) -> None:
    rita = join(team, "rita", "auditor", with_servers("12345"))
    noted(alice, "web-01", "db-01", ids=("12345", "777"))
    html = rita.get(URL).content.decode()
    assert seqs(html) == [1]
    assert "db-01" not in html
    assert "×" not in html
    paul = join(team, "paul", "auditor", with_servers("999"))
    assert paul.get(URL).status_code == 404


def test_what_is_not_there_is_not_found(alice: Person, charlie: Person) -> None:
    noted(charlie, "web-01")
    assert alice.get(URL).status_code == 404
    assert alice.get("/teams/acme/audit/requests/%00/").status_code == 404


def test_it_requires_the_right(alice: Person, bob: Person) -> None:
    noted(alice, "web-01")
    assert bob.get(URL).status_code == 403


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")


def test_it_hides_from_outsiders(alice: Person, charlie: Person) -> None:
    noted(alice, "web-01")
    assert charlie.get(URL).status_code == 404


def test_it_rejects_post(alice: Person) -> None:
    noted(alice, "web-01")
    assert alice.post(URL).status_code == 405


@pytest.mark.parametrize("sends", ["the whole", "its beginning", "it twice"])
def test_nobody_gets_among_another_persons_request(
    alice: Person, bob: Person, vera: Person, sends: str
) -> None:
    """Each of these opens what bob and vera may not, which is recorded."""
    refused = "/teams/acme/members/invite/"
    theirs = bob.get(refused)["X-Request-Id"]
    given = {"the whole": theirs, "its beginning": theirs[:12], "it twice": (theirs * 2)[:64]}[
        sends
    ]
    vera.get(refused, headers={"X-Request-Id": given})
    first, second = AuditEvent.objects.filter(event="authz_fail").order_by("seq")
    assert first.request_id == theirs
    assert second.request_id != theirs
    url = f"/teams/acme/audit/requests/{theirs}/"
    assert seqs(alice.get(url).content.decode()) == [first.seq]
    listed = alice.get(f"/teams/acme/audit/?q=request:{theirs}").content.decode()
    assert seqs(listed) == [first.seq]


def test_a_request_sent_again_with_its_id_is_another(alice: Person, bob: Person) -> None:
    for _ in range(2):
        bob.get("/teams/acme/members/invite/", headers={"X-Request-Id": "deploy-2026-11"})
    first, second = AuditEvent.objects.filter(event="authz_fail").order_by("seq")
    assert first.request_id != second.request_id
    assert first.request_id.startswith("deploy-2026-11-")
