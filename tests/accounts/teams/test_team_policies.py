"""What a team asks of its members: setting it, and whether a change needs a reason."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator

from controlpanel.accounts import access
from controlpanel.accounts.models import TeamPolicy
from controlpanel.accounts.teams import team_policies
from controlpanel.accounts.teams.team_policies import PolicyRefused
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from tests.people import Person


def events() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event="policy.changed").order_by("seq"))


def second_step(person: Person, kind: str = "totp") -> Authenticator:
    return Authenticator.objects.create(user=person.user, type=kind, data={})


def test_without_a_row_nothing_is_asked(team) -> None:
    policy = team_policies.of(team.id)
    assert (policy.reason_kinds, policy.reason_labels, policy.service_tokens) == ([], [], False)
    assert (policy.mfa_from, policy.idle_minutes, policy.session_hours) == (None, None, None)
    assert not team_policies.needs_reason(policy, "delete", ["env:prod"])
    assert not TeamPolicy.objects.exists()


@pytest.mark.parametrize(
    ("kind", "labels", "needed"),
    [
        ("delete", (), True),
        ("stop", (), False),
        ("stop", ("env:prod",), True),
        ("stop", ("env",), True),
        ("stop", ("environment",), False),
        ("stop", ("team:web",), True),
        ("stop", ("team:db", "web"), False),
        ("create", ("team:db", "env:test"), True),
    ],
)
def test_a_reason_is_needed_by_kind_or_label(kind, labels, needed) -> None:
    policy = TeamPolicy(reason_kinds=["delete"], reason_labels=["env", "team:web"])
    assert team_policies.needs_reason(policy, kind, labels) is needed


def test_a_change_is_kept_with_before_and_after_of_what_changed(alice: Person) -> None:
    team_policies.change(alice.scope(), reason_kinds=["reboot", "delete"], idle_minutes=30)
    team_policies.change(alice.scope(), reason_kinds=["delete", "reboot"], idle_minutes=60)
    kept = team_policies.of(alice.team.id)
    assert (kept.reason_kinds, kept.idle_minutes) == (["reboot", "delete"], 60)
    first, second = events()
    assert '"before":{"idle_minutes":null,"reason_kinds":[]}' in first.canonical
    assert '"before":{"idle_minutes":30}' in second.canonical
    assert '"after":{"idle_minutes":60}' in second.canonical


def test_no_change_is_no_event(alice: Person) -> None:
    team_policies.change(alice.scope(), service_tokens=False, reason_labels=[])
    assert not events()
    assert not TeamPolicy.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reason_kinds", ["fly"]),
        ("reason_labels", [f"label-{n}" for n in range(21)]),
        ("idle_minutes", 4),
        ("idle_minutes", 10_081),
        ("session_hours", 0),
        ("session_hours", 721),
    ],
)
def test_what_is_out_of_bounds_is_refused(alice: Person, field, value) -> None:
    with pytest.raises(PolicyRefused) as refusal:
        team_policies.change(alice.scope(), **{field: value})
    assert refusal.value.field == field
    assert not TeamPolicy.objects.exists()


@pytest.mark.parametrize(
    ("field", "ends"), [("idle_minutes", (5, 10_080)), ("session_hours", (1, 720))]
)
def test_the_bounds_themselves_are_allowed(alice: Person, field, ends) -> None:
    for value in (*ends, None):
        assert getattr(team_policies.change(alice.scope(), **{field: value}), field) == value


def test_it_needs_the_right_as_of_now(alice: Person, adam: Person) -> None:
    with pytest.raises(access.Denied):
        team_policies.change(adam.scope(), idle_minutes=30)
    scope = alice.scope()
    alice.user.memberships.update(role="viewer")
    with pytest.raises(access.Denied):
        team_policies.change(scope, idle_minutes=30)
    assert not events()


def test_nobody_locks_themselves_out(alice: Person) -> None:
    today = clock.now().date()
    with pytest.raises(PolicyRefused):
        team_policies.change(alice.scope(), mfa_from=today)
    with pytest.raises(PolicyRefused):
        team_policies.change(alice.scope(), mfa_from=today - timedelta(days=9))
    team_policies.change(alice.scope(), mfa_from=today + timedelta(days=1))
    codes = second_step(alice, "recovery_codes")
    with pytest.raises(PolicyRefused):
        team_policies.change(alice.scope(), mfa_from=today)
    codes.delete()
    second_step(alice)
    team_policies.change(alice.scope(), mfa_from=today)
    assert team_policies.of(alice.team.id).mfa_from == today
    team_policies.change(alice.scope(), mfa_from=None)
    assert f'"before":{{"mfa_from":"{today}"}}' in events()[-1].canonical


def test_no_record_no_change(alice: Person, audit_broken) -> None:
    with pytest.raises(AuditUnavailable):
        team_policies.change(alice.scope(), idle_minutes=30)
    assert not TeamPolicy.objects.exists()
