"""/teams/<slug>/audit/review/: what waits for a second look, and signing it off."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account, Team
from controlpanel.audit.log.recorder import Target, record, record_now
from controlpanel.audit.models import AuditEvent, ReviewItem
from controlpanel.audit.review import scanner
from controlpanel.audit.verification.full_check import verify
from controlpanel.lib import clock
from controlpanel.lib.scope import Origin
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import OutsideChange
from tests.people import HTMX, Person, join, look, with_labels, with_servers
from tests.web.asking import shows

URL = "/teams/acme/audit/review/"
WHY = "Asked for in the morning meeting."


@pytest.fixture(autouse=True)
def _at_noon() -> None:
    now = clock.now()
    clock.shift(now.replace(hour=12, minute=0) - now)


def delete(
    person: Person, server: str = "12345", *, name: str = "web-01", labels: tuple[str, ...] = ()
) -> AuditEvent:
    return note(
        person,
        "server.delete",
        Target("server", server, name),
        labels=labels,
        phase="outcome",
        operation="x",
        account="main",
    )


def note(
    person: Person,
    event: str,
    target: Target,
    *,
    labels: tuple[str, ...] = (),
    result: Any = "success",
    **data: Any,
) -> AuditEvent:
    scope = person.scope()
    with transaction.atomic():
        return record(
            event,
            chain=str(scope.team_id),
            actor=scope.actor,
            origin=Origin("page", "192.0.2.7", "Browser/1.0", "request-0001"),
            target=target,
            result=result,
            labels=labels,
            data=data,
        )


def derive(person: Person) -> None:
    while scanner.advance(str(person.team.id)):
        pass


def choice(*events: AuditEvent) -> list[str]:
    return [f"{event.seq}.{event.seq}" for event in events]


def signed() -> dict[int, str]:
    rows = ReviewItem.objects.exclude(signed_at=None)
    return {row.seq: row.signed_by_name for row in rows}


def test_it_works(audrey: Person, adam: Person) -> None:
    gone = delete(adam, name="web<b>")
    derive(adam)
    page = audrey.get(URL)
    assert b"adam@example.com deleted web&lt;b&gt;" in page.content
    assert shows(page, "Deletions")
    answer = audrey.post(URL, {"event": choice(gone), "note": ""})
    assert (answer.status_code, answer["Location"]) == (303, URL)
    item = ReviewItem.objects.get()
    assert (item.signed_by_name, item.note) == ("audrey@example.com", "")
    event = AuditEvent.objects.get(event="review.signed_off")
    assert event.seq == item.signed_seq
    assert (event.data["seqs"], event.data["rules"]) == ([gone.seq], ["deletes"])
    assert (event.target_id, event.actor_name) == ("12345", "audrey@example.com")
    page = audrey.get(URL)
    assert shows(page, "1 event signed off.")
    assert shows(page, "Nothing waits")
    assert verify().wrong is None


def test_it_works_through_htmx(audrey: Person, adam: Person) -> None:
    gone = delete(adam)
    derive(adam)
    answer = audrey.post(URL, {"event": choice(gone)}, headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, URL)


def test_it_is_empty(audrey: Person) -> None:
    assert shows(audrey.get(URL), "Nothing waits")


def test_several_at_once_want_a_sentence(audrey: Person, adam: Person) -> None:
    events = [delete(adam, str(number)) for number in range(3)]
    derive(adam)
    for words in ("", "ok"):
        answer = audrey.post(URL, {"event": choice(*events), "note": words})
        assert answer.status_code == 422
        assert shows(answer, "Write a sentence")
        assert shows(answer, "checked")
    assert not signed()
    assert audrey.post(URL, {"event": choice(*events), "note": WHY}).status_code == 303
    assert len(signed()) == 3
    said = AuditEvent.objects.filter(event="review.signed_off")
    assert [(one.target_id, one.data["seqs"]) for one in said.order_by("seq")] == [
        (str(number), [events[number].seq]) for number in range(3)
    ]
    assert {one.reason for one in said} == {WHY}


def test_one_event_names_all_that_was_signed_off_of_a_target(audrey: Person, adam: Person) -> None:
    events = [delete(adam), delete(adam)]
    derive(adam)
    audrey.post(URL, {"event": choice(*events), "note": WHY})
    said = AuditEvent.objects.get(event="review.signed_off")
    assert said.data["seqs"] == [event.seq for event in events]


def test_it_wants_a_choice(audrey: Person, adam: Person) -> None:
    delete(adam)
    derive(adam)
    for chosen in ([], ["x"], ["1"], ["1.1.1"], ["-1.1"], ["9" * 40]):
        answer = audrey.post(URL, {"event": chosen, "note": WHY})
        assert answer.status_code == 422
        assert shows(answer, "Choose at least one event.")
    assert not signed()


def test_nobody_signs_off_their_own(alice: Person, adam: Person, audrey: Person) -> None:
    own, other = delete(adam), delete(alice)
    derive(adam)
    page = adam.get(URL)
    assert shows(page, "Your own action: somebody else must look at it.")
    assert shows(page, f'value="{own.seq}.{own.seq}" disabled')
    adam.post(URL, {"event": choice(own, other), "note": WHY})
    assert signed() == {other.seq: "adam@example.com"}
    assert shows(adam.get(URL), f"somebody else must look at it: #{own.seq}.")
    assert AuditEvent.objects.get(event="review.signed_off").data["seqs"] == [other.seq]
    audrey.post(URL, {"event": choice(own)})
    assert own.seq in signed()


def test_it_happens_once(audrey: Person, alice: Person, adam: Person) -> None:
    gone = delete(adam)
    derive(adam)
    for person in (audrey, audrey, alice):
        person.post(URL, {"event": choice(gone), "note": f"By {person.user.name}."})
    assert AuditEvent.objects.filter(event="review.signed_off").count() == 1
    assert ReviewItem.objects.get().note == "By Audrey."
    assert shows(alice.get(URL), f"Somebody has signed off already: #{gone.seq}.")


@pytest.mark.databases
@pytest.mark.django_db(transaction=True)
def test_two_at_once_sign_off_once(audrey: Person, alice: Person, adam: Person) -> None:
    events = [delete(adam, str(number)) for number in range(6)]
    derive(adam)
    for person in (audrey, alice):
        person.sign_in()
    together = threading.Barrier(2)

    def sign(person: Person) -> None:
        together.wait()
        person.post(URL, {"event": choice(*events), "note": f"Seen by {person.user.name}."})
        connection.close()

    threads = [threading.Thread(target=sign, args=(person,)) for person in (audrey, alice)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert AuditEvent.objects.filter(event="review.signed_off").count() == 6
    assert len(set(signed().values())) == 1
    assert verify().wrong is None


def test_refusals_that_went_on_meanwhile_are_looked_at_once_more(
    audrey: Person, vera: Person
) -> None:
    for _ in range(5):
        refusal = note(vera, "authz_fail", Target("team", "x", "Acme"), result="denied")
    derive(vera)
    assert shows(audrey.get(URL), "Refusals in a row: 5")
    seen = choice(refusal)
    note(vera, "authz_fail", Target("team", "x", "Acme"), result="denied")
    derive(vera)
    audrey.post(URL, {"event": seen})
    assert not signed()
    page = audrey.get(URL)
    assert shows(page, "There were more refusals meanwhile")
    assert shows(page, "Refusals in a row: 6")
    audrey.post(URL, {"event": [f"{refusal.seq}.{refusal.seq + 1}"]})
    assert signed()


def test_an_outside_change_is_acknowledged_by_it(
    audrey: Person, synced: Account, sandbox: Sandbox
) -> None:
    sandbox.world.fleets["acme"][12345].name = "theirs"
    look(synced)
    derive(audrey)
    change = OutsideChange.objects.get()
    chosen = {"event": [f"{change.event_seq}.{change.event_seq}"]}
    answer = audrey.post(URL, chosen)
    assert answer.status_code == 422
    assert shows(answer, "Say what you found out")
    audrey.post(URL, {**chosen, "note": "The night shift."})
    change.refresh_from_db()
    assert (change.acknowledged_by_name, change.note) == ("audrey@example.com", "The night shift.")
    assert signed()


@pytest.mark.parametrize(
    ("reach", "sees"),
    [
        (with_labels("env:prod"), True),
        (with_labels("env"), True),
        (with_labels("env:test"), False),
        (with_servers("12345"), True),
        (with_servers("12346"), False),
    ],
)
def test_what_is_out_of_reach_does_not_exist(
    team: Team, adam: Person, reach: Any, sees: bool
) -> None:
    gone = delete(adam, labels=("env:prod",))
    added = note(adam, "member.added", Target("user", "x", "new@example.com"), role="viewer")
    derive(adam)
    rita = join(team, "rita", "auditor", reach)
    page = rita.get(URL)
    assert shows(page, "deleted web-01") == sees
    assert not shows(page, "new@example.com")
    rita.post(URL, {"event": choice(gone, added), "note": WHY})
    assert (gone.seq in signed()) == sees
    assert added.seq not in signed()
    if sees:  # and they can read what they said
        assert shows(rita.get("/teams/acme/audit/"), "signed off event")


def test_another_team_sees_nothing(charlie: Person, adam: Person) -> None:
    gone = delete(adam)
    derive(adam)
    assert charlie.get(URL).status_code == 404
    answer = charlie.post("/teams/globex/audit/review/", {"event": choice(gone), "note": WHY})
    assert answer.status_code == 303
    assert not signed()


def test_it_filters_by_rule(audrey: Person, adam: Person) -> None:
    delete(adam)
    note(adam, "member.added", Target("user", "x", "new@example.com"), role="viewer")
    derive(adam)
    page = audrey.get(f"{URL}?rule=grants")
    assert shows(page, "new@example.com")
    assert not shows(page, "deleted web-01")
    assert shows(audrey.get(f"{URL}?rule=night"), "Nothing waits for this reason")
    assert shows(audrey.get(f"{URL}?rule=moon"), "deleted web-01")
    answer = audrey.post(f"{URL}?rule=grants", {"event": ["2.2"]})
    assert answer["Location"] == f"{URL}?rule=grants"


def test_it_has_pages(audrey: Person, adam: Person) -> None:
    for number in range(120):
        delete(adam, str(number), name=f"web-{number:03}")
    derive(adam)
    seen: list[str] = []
    address, pages = URL, 0
    while address:
        page = audrey.get(address)
        seen += [f"web-{n:03}" for n in range(120) if shows(page, f"deleted web-{n:03}<")]
        pages += 1
        address = URL + page.context["next"].removeprefix(URL) if page.context["next"] else ""
    assert seen == [f"web-{n:03}" for n in range(120)]
    assert pages == 3
    back = audrey.get(page.context["previous"])
    assert shows(back, "deleted web-050<")
    assert not shows(back, "deleted web-100<")
    assert shows(audrey.get(back.context["previous"]), "deleted web-000<")
    assert shows(audrey.get(f"{URL}?page=nonsense"), "deleted web-000<")


def test_it_says_how_far_it_has_looked(audrey: Person, adam: Person) -> None:
    delete(adam)
    assert shows(audrey.get(URL), "Looked through to event #0 of #1.")
    derive(adam)
    assert not shows(audrey.get(URL), "Looked through")


def test_the_events_page_says_who_signed_off_when_and_why(audrey: Person, adam: Person) -> None:
    gone = delete(adam)
    address = f"/teams/acme/audit/{gone.seq}/"
    assert not shows(audrey.get(address), "waits for a second look")
    derive(adam)
    assert shows(audrey.get(address), "waits for a second look")
    assert shows(adam.get(address), "This is your own action")
    answer = audrey.post(URL, {"event": choice(gone), "note": "Fine.<i>", "next": address})
    assert answer["Location"] == address
    page = audrey.get(address)
    assert shows(page, "signed off by audrey@example.com")
    assert b"Fine.&lt;i&gt;" in page.content
    assert shows(page, 'href="/teams/acme/audit/2/"')


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_it_leads_nowhere_else(audrey: Person, adam: Person, wanted: str) -> None:
    gone = delete(adam)
    derive(adam)
    answer = audrey.post(URL, {"event": choice(gone), "next": wanted})
    assert answer["Location"] == URL


def test_who_may_not_review_may_not_sign_off(vera: Person, bob: Person, adam: Person) -> None:
    gone = delete(adam)
    derive(adam)
    for person in (vera, bob):
        assert person.get(URL).status_code == 403
        assert person.post(URL, {"event": choice(gone), "note": WHY}).status_code == 403
        assert not shows(person.get("/teams/acme/servers/"), "/audit/review/")
    assert not signed()


def test_nothing_is_signed_off_that_cannot_be_recorded(
    audrey: Person, adam: Person, request: pytest.FixtureRequest
) -> None:
    gone = delete(adam)
    derive(adam)
    request.getfixturevalue("audit_broken")
    assert audrey.post(URL, {"event": choice(gone), "note": WHY}).status_code == 503
    assert not signed()


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={URL.replace('/', '%2F')}")


def test_it_asks_as_often_for_1_as_for_50(
    audrey: Person, adam: Person, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for number in range(50):
        delete(adam, str(number))
    derive(adam)
    audrey.get(URL)
    with django_assert_max_num_queries(16):
        audrey.get(URL)


def test_the_record_of_a_sign_off_does_not_wait_itself(audrey: Person, adam: Person) -> None:
    now = clock.now()
    clock.shift(now.replace(hour=23) - now)
    gone = delete(adam)
    derive(adam)
    audrey.post(URL, {"event": choice(gone), "note": WHY})
    derive(adam)
    assert set(ReviewItem.objects.values_list("seq", flat=True)) == {gone.seq}
    record_now(
        "audit.exported",
        chain=str(adam.team.id),
        actor=adam.scope().actor,
        origin=Origin("page"),
        target=Target("team", "x", "Acme"),
        result="success",
        data={"format": "csv", "what": "all"},
    )
    derive(adam)
    assert ReviewItem.objects.filter(signed_at=None).count() == 0


def test_refusals_in_a_row_do_not_tell_of_servers_out_of_reach(vera: Person, team: Team) -> None:
    """The row counts all refusals of a person, wherever they were, and is signed off as a whole."""
    prod, other = Target("server", "12345", "web-01"), Target("server", "12346", "db-01")
    operation = {"phase": "intent", "operation": "x", "account": "main"}
    for target, labels in [
        (other, ()),
        (other, ()),
        (other, ()),
        (other, ()),
        (prod, ("env:prod",)),
    ]:
        refusal = note(vera, "server.delete", target, labels=labels, result="denied", **operation)
    derive(vera)
    item = ReviewItem.objects.get(rule="refusals")
    assert (item.seq, item.count) == (refusal.seq, 5)
    auditor = join(team, "rita", "auditor", with_labels("env:prod"))

    assert not shows(auditor.get(URL), "Refusals in a row")
    auditor.post(URL, {"event": [choice(refusal)], "note": WHY})

    assert ReviewItem.objects.get(rule="refusals").signed_at is None
