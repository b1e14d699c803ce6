"""A reach narrowed by another one: within it is what is within each, wherever it is interpreted."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlpanel.accounts.models import Account
from controlpanel.accounts.teams import members
from controlpanel.audit.events.registry import EVENTS
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.reading import selectors as audit_selectors
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING, Reach
from controlpanel.operations.checks import preconditions
from controlpanel.operations.models import Operation
from controlpanel.servers import labels, selectors
from controlpanel.servers.models import Server, ServerLabel
from tests.people import Person

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

LABELS = ("env:prod", "env:staging", "env", "web", "web:1")
IDS = tuple(str(number) for number in range(100, 110))

reaches = st.one_of(
    st.just(EVERYTHING),
    st.frozensets(st.sampled_from(LABELS), max_size=3).map(
        lambda found: Reach("labels", labels=found)
    ),
    st.frozensets(st.sampled_from(IDS), max_size=6).map(
        lambda found: Reach("servers", servers=found)
    ),
)
Fleet = dict[str, frozenset[str]]


@pytest.fixture
def fleet(bob: Person, account: Account) -> Fleet:
    """Servers with different labels, and of each an operation and an event."""
    known: Fleet = {}
    for number, provider_id in enumerate(IDS):
        carried = frozenset(label for place, label in enumerate(LABELS) if number >> place & 1)
        known[provider_id] = carried
        server = Server.objects.create(
            account=account, provider_id=provider_id, name=f"s{provider_id}", seen_at=clock.now(),
            first_seen_at=clock.now(),
        )  # fmt: skip
        for label in carried:
            key, _, value = label.partition(":")
            ServerLabel.objects.create(server=server, key=key, value=value)
        Operation.objects.create(
            team=account.team, account=account, kind="reboot", provider_id=provider_id,
            labels=labels.to_text(carried), form_id=provider_id, actor_id="x", actor_name="x",
            actor_role="operator", via="page", body={},
        )  # fmt: skip
        event_of(bob, provider_id, carried)
    return known


def event_of(bob: Person, provider_id: str, carried: frozenset[str]) -> None:
    facts: dict[str, Any] = dict.fromkeys(_required("server.locked"), "x")
    target = Target("server", provider_id, provider_id)
    with transaction.atomic():
        record_by(bob.scope(), "server.locked", target, labels=carried, **facts)


def _required(name: str) -> Collection[str]:
    return EVENTS[name].required


def plainly(reach: Reach, provider_id: str, carried: frozenset[str]) -> bool:
    """What one plain reach means, said once more."""
    if reach.kind == "all":
        return True
    if reach.kind == "servers":
        return provider_id in reach.servers
    keys = {label.split(":")[0] for label in carried}
    return bool(reach.labels & (carried | keys))


def thorough(examples: int) -> Callable[[Any], Any]:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


@thorough(60)
@given(one=reaches, other=reaches)
def test_within_it_is_what_is_within_each(
    one: Reach, other: Reach, fleet: Fleet, bob: Person
) -> None:
    both = one & other
    expected = {
        provider_id
        for provider_id, carried in fleet.items()
        if plainly(one, provider_id, carried) and plainly(other, provider_id, carried)
    }
    scope = replace(bob.scope(), reach=both)
    assert ids(selectors.visible(scope)) == expected
    assert ids(labels.within(both, Operation.objects.all())) == expected
    seen = audit_selectors.within(scope, AuditEvent.objects.filter(event="server.locked"))
    assert set(seen.values_list("target_id", flat=True)) == expected
    for server in Server.objects.all():
        assert selectors.is_within(both, server) == (server.provider_id in expected)


@thorough(60)
@given(one=reaches, other=reaches, third=reaches)
def test_it_is_an_intersection(one: Reach, other: Reach, third: Reach) -> None:
    assert one & EVERYTHING == one if one.parts else (one & EVERYTHING).is_all
    assert set((one & one).parts) == set(one.parts)
    assert set((one & other).parts) == set((other & one).parts)
    assert set(((one & other) & third).parts) == set((one & (other & third)).parts)
    assert (one & other).is_all == (one.is_all and other.is_all)
    assert members.is_within(one & other, one)
    assert members.is_within(one & other, other)


@thorough(60)
@given(one=reaches, other=reaches, carried=st.frozensets(st.sampled_from(LABELS), max_size=3))
def test_whoever_creates_a_server_would_see_it(
    one: Reach, other: Reach, carried: frozenset[str]
) -> None:
    allowed = not preconditions.out_of_reach(one & other, carried)
    sees = plainly(one, "new", carried) and plainly(other, "new", carried)
    # Of chosen servers a new one is none.
    assert allowed == sees


@thorough(60)
@given(one=reaches, other=reaches, label=st.sampled_from(LABELS))
def test_one_label_alone(one: Reach, other: Reach, label: str) -> None:
    assert (one & other).covers(label) == all(
        plainly(part, "", frozenset({label})) for part in (one, other)
    )


def test_a_label_may_only_be_taken_off_while_one_of_each_stays(fleet: Fleet, alice: Person) -> None:
    both = Reach("labels", labels=frozenset({"env:prod"})) & Reach(
        "labels", labels=frozenset({"web"})
    )
    scope = replace(alice.scope(), reach=both)
    server = Server.objects.get(provider_id="109")
    with pytest.raises(labels.LabelRefused, match="web"):
        labels.put(scope, server, frozenset({"env:prod"}))
    with pytest.raises(labels.LabelRefused, match="env:prod"):
        labels.put(scope, server, frozenset({"web"}))
    labels.put(scope, server, frozenset({"env:prod", "web:1"}))


def ids(rows: Any) -> set[str]:
    return set(rows.values_list("provider_id", flat=True))
