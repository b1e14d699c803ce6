"""What waits for a second look comes out of the events, each once, whoever looks and how often."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from controlpanel.audit import tasks
from controlpanel.audit.log.recorder import Result, Target, record_now
from controlpanel.audit.models import (
    AuditEvent,
    RefusalDay,
    ReviewCursor,
    ReviewItem,
    ReviewRules,
    SeenAddress,
)
from controlpanel.audit.review import scanner
from controlpanel.audit.review import settings as review_settings
from controlpanel.lib import clock
from controlpanel.lib.scope import Actor, Origin
from tests.audit.writing import BOB, PAGE, Team

NOON = 12
ALICE = Actor("user", "a1ice", "alice@example.com", "owner")
WORKER = Actor("worker", "worker", "worker")
PROVIDER = Actor("provider", "vps.org", "VPS.org")
QUIET: dict[str, Any] = {"night_from": 3, "night_to": 4}


@pytest.fixture
def team(db: None) -> Team:
    return Team("acme")


@pytest.fixture(autouse=True)
def _at_noon() -> None:
    """What is said of nights holds for those tests alone that ask for one."""
    to_hour(NOON)


def to_hour(hour: int) -> None:
    now = clock.now()
    clock.shift(now.replace(hour=hour, minute=0, second=0) - now)


def write(
    team: Team,
    event: str,
    *,
    actor: Actor = BOB,
    target: Target | None = None,
    result: Result = "success",
    address: str = PAGE.address,
    reason: str = "",
    **data: Any,
) -> AuditEvent:
    target = target or Target("user", "target", "somebody@example.com")
    origin = Origin(PAGE.via, address, PAGE.user_agent, str(uuid4()))
    return record_now(
        event,
        chain=team.chain,
        actor=actor,
        origin=origin,
        target=target,
        result=result,
        reason=reason,
        data=data,
    )


def refuse(team: Team, actor: Actor = BOB, minutes: float = 0) -> AuditEvent:
    clock.shift(timedelta(minutes=minutes))
    return write(team, "authz_fail", actor=actor, result="denied")


def look(team: Team) -> None:
    while scanner.advance(team.chain):
        pass


def found(team: Team) -> list[tuple[str, int]]:
    rows = ReviewItem.objects.filter(chain=team.chain).order_by("seq", "id")
    return [(row.rule, row.seq) for row in rows]


def test_it_works(team: Team) -> None:
    for phase, result in (("intent", "pending"), ("outcome", "success"), ("observed", "success")):
        team.write("server.delete", phase=phase, result=result)  # type: ignore[arg-type]
    tasks.look_again()
    assert found(team) == [("deletes", 2)]
    item = ReviewItem.objects.get()
    assert (item.actor_id, item.target_id, item.signed_at) == (BOB.id, "id-web-01", None)


@pytest.mark.parametrize(
    ("event", "actor", "fields", "rule"),
    [
        ("account.disconnected", BOB, {"servers": 1, "tokens": 1}, "deletes"),
        ("invitation.sent", BOB, {"after": {}}, "grants"),
        ("member.added", BOB, {"role": "owner"}, "grants"),
        ("member.changed", BOB, {"before": {}, "after": {}}, "grants"),
        ("member.restored", BOB, {}, "grants"),
        ("ownership.transferred", BOB, {"giver": "x", "before": {}, "after": {}}, "grants"),
        ("role.changed", BOB, {"before": {}, "after": {}}, "grants"),
        ("policy.changed", BOB, {"before": {}, "after": {}}, "rules"),
        ("operation.closed", BOB, {"operation": "x", "kind": "reboot"}, "unknown"),
        ("outside.appeared", PROVIDER, {"account": "main", "after": {}}, "outside"),
        ("provider.suspicious", PROVIDER, {"why": "x", "known": 9, "listed": 1}, "outside"),
        ("authn_login_success", BOB, {}, ""),
        ("member.removed", BOB, {"before": {}}, "removals"),
        ("member.left", BOB, {"before": {}}, ""),
        ("server.locked", BOB, {"level": "delete"}, ""),
        ("server.unlocked", BOB, {"level": "delete", "locked_by": "x"}, "unlocks"),
        ("server.labelled", BOB, {"before": ["a"], "after": []}, ""),
        ("server.labelled", BOB, {"before": ["a"], "after": [], "guarded": ["a"]}, "labels"),
        ("audit.delivery_changed", BOB, {"before": {}, "after": {}}, "rules"),
        ("audit.exported", BOB, {"format": "csv", "what": "all"}, ""),
        ("token.stored", BOB, {"account": "main"}, ""),
    ],
)
def test_what_waits_by_itself(
    team: Team, event: str, actor: Actor, fields: dict[str, Any], rule: str
) -> None:
    write(team, event, actor=actor, **fields)
    look(team)
    assert found(team) == ([(rule, 1)] if rule else [])


def test_an_answer_that_was_lost_waits(team: Team) -> None:
    team.write("server.stop", phase="outcome", result="unknown")
    team.write("server.stop", phase="reconciled", result="unknown")
    look(team)
    assert found(team) == [("unknown", 1)]


def test_what_a_worker_found_out_is_still_the_persons_action(team: Team) -> None:
    operation = str(uuid4())
    team.write("server.delete", phase="outcome", result="unknown", operation=operation)
    team.write("server.delete", phase="reconciled", actor=WORKER, operation=operation)
    look(team)
    assert found(team) == [("unknown", 1), ("deletes", 2)]
    assert set(ReviewItem.objects.values_list("actor_id", flat=True)) == {BOB.id}


def test_refusals_in_a_row_are_one_item(team: Team) -> None:
    for _ in range(4):
        refuse(team, minutes=1)
    look(team)
    assert not found(team)
    fifth = refuse(team, minutes=1)
    for _ in range(7):
        refuse(team, minutes=1)
    look(team)
    assert found(team) == [("refusals", fifth.seq)]
    item = ReviewItem.objects.get()
    assert (item.count, item.last_seq) == (12, 12)


def refuse_many(team: Team, count: Any) -> AuditEvent:
    """What a process counted only: refusals of one actor beyond the first of a minute."""
    now = clock.now().isoformat()
    return write(team, "authz_many_refused", result="denied", count=count, since=now, until=now,
                 why={"authz_fail": count}, addresses=[PAGE.address])  # fmt: skip


@pytest.mark.parametrize(
    ("counted", "most"),
    [([2], 500), ([400], 500), ([1, 1, 1, 1], 500), ([3, 30_000], 1), ([1, 2, 4, 8], 2)],
)
def test_refusals_that_one_event_counts_are_as_many(
    team: Team, counted: list[int], most: int
) -> None:
    """A day's total and a row of them hold what the event holds, in batches of any size."""
    for _ in range(3):
        refuse(team)
    events = [refuse_many(team, count) for count in counted]
    while scanner.advance(team.chain, most):
        pass
    assert RefusalDay.objects.get().count == 3 + sum(counted)
    item = ReviewItem.objects.get(rule="refusals")
    assert (item.count, item.last_seq) == (3 + sum(counted), events[-1].seq)


@pytest.mark.parametrize("count", [1, 0, -3, "40", None, True, 2.5, [9]])
def test_a_count_that_is_none_is_one_refusal(team: Team, count: Any) -> None:
    refuse_many(team, count)
    look(team)
    assert RefusalDay.objects.get().count == 1


def test_refusals_of_several_or_over_a_day_are_not_in_a_row(team: Team) -> None:
    for number in range(8):
        refuse(team, actor=(BOB, ALICE)[number % 2])
    for _ in range(8):
        refuse(team, minutes=11)
    look(team)
    assert not found(team)


def test_refusals_after_the_sign_off_or_a_pause_are_another_item(team: Team) -> None:
    for _ in range(5):
        refuse(team)
    look(team)
    ReviewItem.objects.update(signed_at=clock.now())
    for _ in range(4):
        refuse(team)
    look(team)
    assert found(team) == [("refusals", 5)]
    refuse(team)
    refuse(team, minutes=30)
    for _ in range(4):
        refuse(team)
    look(team)
    assert found(team) == [("refusals", 5), ("refusals", 10), ("refusals", 15)]
    assert list(ReviewItem.objects.order_by("seq").values_list("count", flat=True)) == [5, 5, 5]


def test_wrong_passwords_are_refusals(team: Team) -> None:
    for _ in range(5):
        write(team, "authn_login_fail", result="failure")
    look(team)
    assert found(team) == [("refusals", 5)]


def test_a_new_address_waits_and_the_first_is_learned(team: Team) -> None:
    write(team, "authn_login_success")
    write(team, "authn_login_fail", result="failure", address="198.51.100.9")
    write(team, "authn_login_success", address="198.51.100.9")
    write(team, "authn_login_success", address="198.51.100.9")
    write(team, "authn_login_success", actor=ALICE, address="198.51.100.9")
    look(team)
    assert found(team) == [("addresses", 3)]
    assert SeenAddress.objects.count() == 3


def test_work_at_night_waits_by_the_teams_clock(team: Team) -> None:
    to_hour(23)
    team.write("server.stop", phase="intent", result="pending")
    team.write("server.stop", phase="outcome")
    team.write("server.stop", phase="observed", actor=WORKER)
    look(team)
    assert found(team) == [("night", 2)]
    change(team, time_zone="Asia/Tokyo")  # where it is morning
    team.write("server.stop", phase="outcome")
    look(team)
    assert ("night", 5) not in found(team)
    change(team, night_from=1, night_to=9)
    team.write("server.stop", phase="outcome")
    look(team)
    assert ("night", 7) in found(team)


def change(team: Team, on: set[str] | None = None, **numbers: Any) -> bool:
    scope = team.scope
    before = scanner.settings_after(team.chain, 2**62)
    return review_settings.change(scope, set(before.on) if on is None else on, **numbers)


def test_switching_a_rule_holds_from_then_on(team: Team) -> None:
    """Also for events that nobody had looked at yet when it was switched."""
    team.write("server.delete")
    assert change(team, {"rules"}, **QUIET)
    team.write("server.delete")
    assert change(team, {"rules", "deletes", "tokens"})
    team.write("server.delete")
    write(team, "token.stored", account="main")
    look(team)
    # A rule that is switched off goes on holding for the event that says so.
    expected = [("deletes", 1), ("rules", 2), ("rules", 4), ("deletes", 5), ("tokens", 6)]
    assert found(team) == expected
    assert not change(team, {"rules", "deletes", "tokens"})
    assert ReviewRules.objects.count() == 2


def test_even_switching_off_what_watches_the_rules_waits(team: Team) -> None:
    change(team, set())
    change(team, {"deletes"})
    look(team)
    assert found(team) == [("rules", 1)]


def test_the_change_of_rules_says_what_was_and_is(team: Team) -> None:
    change(team, {"deletes", "exports"}, in_a_row=9)
    data = AuditEvent.objects.get().data
    assert data["before"]["in_a_row"] == 5
    assert data["after"]["in_a_row"] == 9
    assert data["before"]["refusals"] is True
    assert data["after"]["refusals"] is False
    assert data["before"]["exports"] is False
    assert data["after"]["exports"] is True
    assert "deletes" not in data["after"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("in_a_row", 1),
        ("in_a_row", 101),
        ("minutes", 0),
        ("night_from", 24),
        ("night_to", 22),
        ("time_zone", "Mars/Base"),
    ],
)
def test_what_makes_no_sense_is_refused(team: Team, field: str, value: Any) -> None:
    with pytest.raises(review_settings.SettingsRefused) as refused:
        change(team, **{field: value})
    assert refused.value.field == field
    assert not AuditEvent.objects.exists()


def test_what_another_version_wrote_is_left_aside(team: Team) -> None:
    team.write("server.delete")
    ReviewRules.objects.create(
        chain=team.chain, from_seq=0, settings={"minutes": 3, "moon": True, "switched": {"x": True}}
    )
    look(team)
    assert found(team) == [("deletes", 1)]


def test_acknowledging_an_outside_change_closes_its_item(team: Team) -> None:
    server = Target("server", "id-1", "web-01")
    seen = write(team, "outside.vanished", actor=PROVIDER, target=server, account="main", before={})
    look(team)
    write(
        team,
        "outside.acknowledged",
        target=server,
        reason="The night shift.",
        account="main",
        what="vanished",
        seq=seen.seq,
    )
    look(team)
    item = ReviewItem.objects.get()
    assert (item.note, item.signed_by_name) == ("The night shift.", BOB.name)
    assert item.signed_seq == 2


def test_refusals_are_counted_by_day(team: Team) -> None:
    for _ in range(3):
        refuse(team)
    look(team)
    clock.shift(timedelta(days=1))
    refuse(team)
    look(team)
    assert list(RefusalDay.objects.order_by("day").values_list("count", flat=True)) == [3, 1]


def test_the_panels_own_chain_has_no_team_to_look(db: None) -> None:
    record_now(
        "member.added",
        chain="panel",
        actor=BOB,
        origin=PAGE,
        target=Target("user", "x", "x"),
        result="success",
        data={"role": "owner"},
    )
    tasks.look_again()
    assert not ReviewItem.objects.exists()
    assert not ReviewCursor.objects.exists()


def some_events(team: Team) -> None:
    for number in range(12):
        write(team, "member.added", role="viewer")
        refuse(team, minutes=1)
        if number % 4 == 0:
            change(team, {"rules", "refusals"} if number % 8 else {"grants", "refusals"})
        write(team, "authn_login_success", address=f"192.0.2.{number % 5}")
        clock.shift(timedelta(minutes=number * 2))


def outcome(team: Team) -> list[Any]:
    rows = ReviewItem.objects.filter(chain=team.chain).order_by("seq", "rule")
    return list(rows.values_list("seq", "rule", "count", "last_seq", "actor_id"))


@pytest.mark.databases
@pytest.mark.parametrize("most", [1, 3, 500])
def test_it_is_the_same_in_any_steps_and_when_done_again(team: Team, most: int) -> None:
    some_events(team)
    look(team)
    whole, days = outcome(team), list(RefusalDay.objects.values_list("day", "count"))
    assert whole
    for model in (ReviewItem, ReviewCursor, SeenAddress, RefusalDay):
        model.objects.all().delete()
    while scanner.advance(team.chain, most):
        pass
    assert outcome(team) == whole
    assert list(RefusalDay.objects.values_list("day", "count")) == days
    ReviewCursor.objects.all().delete()  # and once more from the beginning
    look(team)
    assert [row[:2] for row in outcome(team)] == [row[:2] for row in whole]


@pytest.mark.databases
def test_a_worker_that_dies_half_way_leaves_nothing_half(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.write("server.delete")
    whole = scanner._Scan.write

    def dies(self: Any) -> None:
        whole(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scanner._Scan, "write", dies)
        with pytest.raises(KeyboardInterrupt):
            scanner.advance(team.chain)
    assert not found(team)
    assert not ReviewCursor.objects.filter(seq__gt=0).exists()
    look(team)
    assert found(team) == [("deletes", 1)]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(gaps=st.lists(st.floats(0, 12), min_size=1, max_size=25), most=st.integers(1, 9))
# One run goes on in the second batch and ends, and another begins and goes on in the same.
@example(gaps=[*[0.0] * 8, 11.0, *[0.0] * 5], most=7)
def test_refusals_in_a_row_as_said_in_another_way(db: None, gaps: list[float], most: int) -> None:
    team = Team("acme")
    times = []
    for gap in gaps:
        times.append(refuse(team, minutes=gap).at)
    while scanner.advance(team.chain, most):
        pass
    assert [(row[0], row[2]) for row in outcome(team)] == in_a_row(times)


def in_a_row(times: list[Any], least: int = 5, span: timedelta = timedelta(minutes=10)) -> Any:
    """Number and size of each run, from the times alone."""
    runs: list[list[int]] = []
    told = last = None
    for place, at in enumerate(times):
        if last is not None and at - last <= span:
            runs[-1][1] += 1
            told, last = place, at
            continue
        lately = [
            n for n in range(place + 1) if at - times[n] <= span and (told is None or n > told)
        ]
        if len(lately) >= least:
            runs.append([place + 1, len(lately)])
            told, last = place, at
    return [tuple(run) for run in runs]


def test_nothing_new_costs_two_questions(team: Team, django_assert_num_queries: Any) -> None:
    team.write("server.delete")
    look(team)
    with django_assert_num_queries(2):
        scanner.catch_up()
