"""One question, four answers: the list, the server's page, the action, and the page that says what
somebody may do. Whatever the role, the reach and the labels, they agree."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from controlpanel.accounts.models import Account, TeamRole
from controlpanel.accounts.permissions import PERMISSIONS
from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING, Reach
from controlpanel.operations.models import Operation
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import Server, ServerLabel
from tests.people import OPERATOR_TOKEN, Person, join, keep_token

TEAM: Final = "/teams/acme"
LABELS: Final = ("env", "env:prod", "env:test", "environment")
# What can be done to a server that rests in this state; the last part of the address.
LEGAL: Final = {
    "active": ("stop", "reboot", "edit", "delete"),
    "stopped": ("start", "edit", "delete"),
    "suspended": ("edit", "delete"),
}
BODY: Final = {"edit": {"name": "renamed-01"}}
# Without these nobody comes near a server; they are drawn oftener than by chance.
NEAR: Final = ("servers.view", "servers.reboot", "servers.stop", "servers.edit", "servers.delete")


@dataclass(frozen=True)
class Someone:
    rights: frozenset[str]
    reach: Reach
    suspended: bool


def reaches(ids: list[str]) -> st.SearchStrategy[Reach]:
    labels = st.frozensets(st.sampled_from(LABELS), min_size=1, max_size=2)
    servers = st.frozensets(st.sampled_from([*ids, "999999"]), min_size=1, max_size=4)
    by_labels = labels.map(lambda some: Reach("labels", labels=some))
    by_servers = servers.map(lambda some: Reach("servers", servers=some))
    return st.one_of(by_labels, by_labels, by_servers, st.just(EVERYTHING))


def people(ids: list[str]) -> st.SearchStrategy[Someone]:
    some = st.frozensets(st.sampled_from(sorted(PERMISSIONS)))
    near = st.frozensets(st.sampled_from(NEAR), min_size=2)
    rights = st.one_of(st.builds(frozenset.union, some, near), near, some)
    return st.builds(Someone, rights, reaches(ids), st.sampled_from([False] * 7 + [True]))


def is_within(reach: Reach, provider_id: str, labels: set[str]) -> bool:
    """What the words of a reach mean, said once more and in another way."""
    if reach.kind == "servers":
        return provider_id in reach.servers
    keys = {label.split(":")[0] for label in labels}
    return reach.kind == "all" or bool(reach.labels & (labels | keys))


def in_force(given: Someone) -> frozenset[str]:
    """Rights about the whole team are for those who are there for all of it."""
    whole_team = {"accounts.connect", "members.manage", "keys.others", "policies.manage"}
    return given.rights - (set() if given.reach.is_all else whole_team | {"team.manage"})


@contextmanager
def undone() -> Iterator[None]:
    """Whatever the block writes is gone after it."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def hired(team: Any, account: Account, given: Someone) -> Person:
    slug = "random"
    TeamRole.objects.create(team=team, slug=slug, name="Random", permissions=sorted(given.rights))
    person = join(team, "rita", slug, given.reach)
    keep_token(person.user, account, OPERATOR_TOKEN)
    if given.suspended:
        person.user.memberships.update(suspended_at=clock.now())
    return person


def put_labels(servers: list[Server], drawn: list[frozenset[str]]) -> dict[str, set[str]]:
    for server, labels in zip(servers, drawn, strict=True):
        for label in labels:
            key, _sign, value = label.partition(":")
            ServerLabel.objects.create(server=server, key=key, value=value)
    return {one.provider_id: set(some) for one, some in zip(servers, drawn, strict=True)}


def listed(person: Person) -> set[str] | None:
    """None: there is no list for them."""
    answer = person.get(f"{TEAM}/servers/")
    if answer.status_code != 200:
        assert answer.status_code in {403, 404}
        return None
    return set(re.findall(r'<tr [^>]*data-server-id="(\d+)"', answer.content.decode()))


def effective(asker: Person, about: Person) -> tuple[set[str], set[str]]:
    """The rights, and the servers that the page names."""
    page = asker.get(f"{TEAM}/members/{about.user.id}/access/")
    assert page.status_code == 200
    text = page.content.decode().partition("<main")[2]
    rights = set(re.findall(r'data-right="([\w.]+)"\s+data-allowed="yes"', text))
    return rights, set(re.findall(r'href="/teams/acme/servers/(\d+)/"', text))


def acted(person: Person, sandbox: Sandbox, provider_id: str, kind: str) -> str:
    """ "done", "denied" or "absent"; and whatever is not done was neither sent nor asked for."""
    before = len(sandbox.changes()), Operation.objects.count()
    denials = AuditEvent.objects.filter(event="authz_fail").count()
    body = BODY.get(kind, {})
    if kind == "delete":
        body = {"confirm_name": Server.objects.get(provider_id=provider_id).name}
    answer = person.post(f"{TEAM}/servers/{provider_id}/{kind}/", body)
    after = len(sandbox.changes()), Operation.objects.count()
    if answer.status_code == 303:
        assert after == (before[0] + 1, before[1] + 1)
        assert Operation.objects.latest("requested_at").state in {"accepted", "observed"}
        return "done"
    assert after == before
    if answer.status_code == 403:
        assert AuditEvent.objects.filter(event="authz_fail").count() == denials + 1
    return {403: "denied", 404: "absent"}[answer.status_code]


def pages(person: Person, ids: list[str]) -> dict[str, int]:
    return {one: person.get(f"{TEAM}/servers/{one}/").status_code for one in ids}


def agree(scene: "Scene", given: Someone, kinds: list[str]) -> None:
    """The four answers, each held against the others, and against what the words mean."""
    rita, ids = scene.rita, list(scene.labels)
    reached = {one for one in ids if is_within(given.reach, one, scene.labels[one])}
    shown, codes = listed(rita), pages(rita, ids)
    rights, named = effective(scene.alice, rita)
    assert rights == (set() if given.suspended else in_force(given))
    assert (shown is not None) is ("servers.view" in rights)
    assert shown in (None, reached)
    assert {one for one, code in codes.items() if code == 200} == (shown or set()) == named
    if not given.suspended:
        assert effective(rita, rita) == (rights, named)
    for provider_id, kind in zip(ids, kinds, strict=True):
        outcome = acted(rita, scene.sandbox, provider_id, kind)
        if given.suspended:
            assert outcome == "absent"
        elif f"servers.{kind}" not in rights:
            assert outcome == "denied"
        else:
            assert outcome == ("done" if provider_id in reached else "absent")


@dataclass(frozen=True)
class Scene:
    sandbox: Sandbox
    alice: Person
    rita: Person
    labels: dict[str, set[str]]


def run(sandbox: Sandbox, alice: Person, account: Account, examples: int) -> None:
    servers = list(Server.objects.filter(account=account).order_by("provider_id"))
    ids = [one.provider_id for one in servers]
    labels = st.frozensets(st.sampled_from(LABELS), max_size=2)

    @given(
        someone=people(ids),
        drawn=st.tuples(*(labels for _one in servers)),
        kinds=st.tuples(*(st.sampled_from(LEGAL[one.status]) for one in servers)),
    )
    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # no shrinking: each try is some twenty pages
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    def four_answers(
        someone: Someone, drawn: tuple[frozenset[str], ...], kinds: tuple[str, ...]
    ) -> None:
        sandbox.reset()
        with undone():
            labelled = put_labels(servers, list(drawn))
            rita = hired(alice.team, account, someone)
            agree(Scene(sandbox, alice, rita, labelled), someone, list(kinds))

    alice.sign_in()  # not in what is undone
    four_answers()


def test_the_four_answers_agree(sandbox: Sandbox, alice: Person, synced: Account) -> None:
    run(sandbox, alice, synced, examples=25)


@pytest.mark.deep
@pytest.mark.timeout(1200)
def test_the_four_answers_agree_for_many(sandbox: Sandbox, alice: Person, synced: Account) -> None:
    run(sandbox, alice, synced, examples=300)
