"""Anybody does anything, in any order, while anything fails and time goes by."""

import contextlib
from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django import Settings

from controlpanel.accounts.models import Account, Membership, Team
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification import full_check
from controlpanel.credentials.models import Credential
from controlpanel.lib import clock, ids
from controlpanel.operations import sweeper
from controlpanel.operations.models import Operation
from controlpanel.operations.states import MOVES, State
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import Server
from tests.faults.changes import BASE, CHANGES, Change
from tests.faults.settling import passes
from tests.people import (
    ADMIN_TOKEN,
    GLOBEX_TOKEN,
    HTMX,
    OPERATOR_TOKEN,
    OWNER_TOKEN,
    READONLY_TOKEN,
    REVOKED_TOKEN,
    Person,
    join,
    keep_token,
    look,
)
from tests.tools.breaking import broken_audit

NAMES = ("alice", "adam", "bob", "vera", "audrey", "charlie")
STARTING = {"alice": ("owner", OWNER_TOKEN), "adam": ("admin", ADMIN_TOKEN),
            "bob": ("operator", OPERATOR_TOKEN), "vera": ("viewer", ""),
            "audrey": ("auditor", "")}  # fmt: skip
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "accept_close"},
    {"kind": "reset"},
    {"kind": "garbage"},
    {"kind": "empty"},
    {"kind": "truncated"},
    {"kind": "redirect"},
    {"kind": "stuck"},
    {"kind": "wrong_id"},
    {"kind": "hostile", "text": "crlf"},
    {"kind": "status", "status": 400, "body": {"name": ["No."]}},
    {"kind": "status", "status": 401},
    {"kind": "status", "status": 404},
    {"kind": "status", "status": 429, "headers": {"Retry-After": "5"}},
    {"kind": "status", "status": 503},
)
READ_FAULTS: tuple[dict[str, Any], ...] = (
    *FAULTS,
    {"kind": "stale_list"},
    {"kind": "short_list", "keep": 1},
    {"kind": "short_list", "keep": 1, "lie": True},
    {"kind": "rewrite", "set": {"status": "defragmenting"}},
)
FINE = {200, 202, 303, 403, 404, 409, 422}
people = st.sampled_from(NAMES)
changes = st.sampled_from(CHANGES)


class Panel(RuleBasedStateMachine):
    sandbox: Sandbox  # set by the test
    settings: Settings

    @initialize()
    def begin(self) -> None:
        self.sandbox.reset()
        self.settings.VPSORG_API_ORIGIN = self.sandbox.url
        clock.reset()
        self.seen: dict[Any, str] = {}
        self.forms: list[tuple[str, str, dict[str, str]]] = []
        # Rolled back at the end: as good as a new database, and much faster.
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.team = Team.objects.create(slug="acme", name="Acme")
        self.account = Account.objects.create(team=self.team, name="Acme", origin=self.sandbox.url)
        self.people = {name: self._person(name) for name in NAMES}
        look(self.account)

    def teardown(self) -> None:
        if not hasattr(self, "atomic"):
            return
        try:
            self._ends_well()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)
            clock.reset()

    def _person(self, name: str) -> Person:
        if name == "charlie":
            return join(Team.objects.create(slug="globex", name="Globex"), name, "owner")
        role, token = STARTING[name]
        person = join(self.team, name, role)
        if token:
            keep_token(person.user, self.account, token, is_sync=name == "alice")
        return person

    # What people do

    @rule(who=people, change=changes, pick=st.integers(0, 30), name=st.integers(0, 2))
    def anybody_asks(self, who: str, change: Change, pick: int, name: int) -> None:
        self._asks(who, change, pick, name)

    def _asks(self, who: str, change: Change, pick: int, name: int) -> None:
        address, form = self._form(change, pick, name)
        self.forms.append((who, address, form))
        self._posts(who, address, form)

    @rule(change=changes, pick=st.integers(0, 30), then=st.sampled_from([0, 5, 130]))
    def one_who_may_asks_for_what_can_be(self, change: Change, pick: int, then: int) -> None:
        """And a worker looks some time later."""
        look(self.account)
        status = {"start": "stopped", "stop": "active", "reboot": "active"}.get(change.kind, "")
        fit = [
            place
            for place, server in enumerate(self._servers())
            if not status or (server.status == status and not server.gone_at)
        ]
        place = fit[pick % len(fit)] if fit else 0
        self._asks("adam" if change.role == "admin" else "bob", change, place, pick)
        passes(self.sandbox, then)
        look(self.account)

    @precondition(lambda self: self.forms)
    @rule(data=st.data())
    def sends_a_form_again(self, data: st.DataObject) -> None:
        self._posts(*data.draw(st.sampled_from(self.forms)))

    @rule(who=people, change=changes, pick=st.integers(0, 30))
    def asks_while_the_log_is_full(self, who: str, change: Change, pick: int) -> None:
        before, calls = Operation.objects.count(), len(self.sandbox.changes())
        address, form = self._form(change, pick, 0)
        with broken_audit():
            answer = self.people[who].post(address, form)
        assert answer.status_code in {503, 409, 422}
        assert (Operation.objects.count(), len(self.sandbox.changes())) == (before, calls)

    @rule(who=people, path=st.sampled_from(["servers/", "operations/", "audit/", "tokens/"]))
    def looks(self, who: str, path: str) -> None:
        for headers in ({}, HTMX):
            answer = self.people[who].get(f"{BASE}/{path}", headers=headers)
            assert answer.status_code in FINE

    @precondition(lambda self: self.seen)
    @rule(who=people, data=st.data(), what=st.sampled_from(["close", "adopt"]))
    def ends_one_by_hand(self, who: str, data: st.DataObject, what: str) -> None:
        operation = Operation.objects.get(id=data.draw(st.sampled_from(list(self.seen))))
        server = Server.objects.filter(account=self.account).order_by("-first_seen_at").first()
        form = {"note": "Looked.", "server": server.provider_id if server else ""}
        self._posts(who, f"{BASE}/operations/{operation.id}/{what}/", form)

    # What happens to people

    @rule(who=st.sampled_from(NAMES[:5]), role=st.sampled_from(["admin", "operator", "viewer"]))
    def changes_role(self, who: str, role: str) -> None:
        Membership.objects.filter(user=self.people[who].user, team=self.team).update(role=role)

    @rule(who=st.sampled_from(NAMES[2:5]))
    def leaves_or_comes_back(self, who: str) -> None:
        user = self.people[who].user
        gone, _ = Membership.objects.filter(user=user, team=self.team).delete()
        if not gone:
            Membership.objects.create(user=user, team=self.team, role="operator")

    @rule(who=st.sampled_from(NAMES[:5]),
          token=st.sampled_from([OPERATOR_TOKEN, READONLY_TOKEN, REVOKED_TOKEN, ""]))  # fmt: skip
    def has_another_token(self, who: str, token: str) -> None:
        user = self.people[who].user
        kept = Credential.objects.filter(user=user, account=self.account)
        is_sync = kept.filter(is_sync=True).exists()
        kept.delete()
        if token:
            keep_token(user, self.account, token, is_sync=is_sync)

    @rule(who=st.sampled_from(["alice", "adam", "charlie"]),
          token=st.sampled_from([OWNER_TOKEN, GLOBEX_TOKEN, REVOKED_TOKEN]))  # fmt: skip
    def types_a_token(self, who: str, token: str) -> None:
        self._posts(who, f"{BASE}/tokens/", {"token": token})

    # What happens at VPS.org

    @rule(fault=st.sampled_from(FAULTS), method=st.sampled_from(["POST", "PATCH", "PUT", "DELETE"]))
    def a_change_will_fail(self, fault: dict[str, Any], method: str) -> None:
        self.sandbox.fault(**fault, method=method)

    @rule(fault=st.sampled_from(READ_FAULTS), times=st.integers(1, 3))
    def reads_will_fail(self, fault: dict[str, Any], times: int) -> None:
        self.sandbox.fault(**fault, method="GET", times=times)

    @rule()
    def faults_are_mended(self) -> None:
        self.sandbox.desk.faults.clear()

    @rule(pick=st.integers(0, 30), status=st.sampled_from(["active", "stopped", "suspended", ""]))
    def somebody_else_changes_a_server(self, pick: int, status: str) -> None:
        servers = list(self.sandbox.world.fleet("acme"))
        assume(servers)
        server = servers[pick % len(servers)]
        if status:
            self.sandbox.world.change(server, status=status, goal="", due=None)
        else:
            self.sandbox.world.delete(server)

    @rule(name=st.integers(0, 2))
    def somebody_else_creates_a_server(self, name: int) -> None:
        self.sandbox.world.accounts["acme"].credit = 100_000
        self.sandbox.world.create(
            "acme", name=f"fresh-{name}", hostname="", plan_id=1, os_id=5, location="us-west",
            ssh_key_id=None, backups_enabled=False,
        )  # fmt: skip

    # What the panel's processes do

    @rule(seconds=st.sampled_from([1, 5, 12, 25, 130, 700, 2000]))
    def time_passes(self, seconds: int) -> None:
        passes(self.sandbox, seconds)

    @rule()
    def a_worker_looks(self) -> None:
        look(self.account)

    @rule()
    def a_worker_sweeps(self) -> None:
        sweeper.sweep()

    @rule(who=st.sampled_from(NAMES[:3]), change=changes, pick=st.integers(0, 30),
          at=st.sampled_from(["requested", "sending"]))  # fmt: skip
    def a_process_dies(self, who: str, change: Change, pick: int, at: str) -> None:
        """After the intent was written, or after the row was claimed."""
        before = set(Operation.objects.values_list("id", flat=True))
        address, form = self._form(change, pick, 1)
        with pytest.MonkeyPatch.context() as patch:
            place = {"requested": "send_within_page", "sending": "_attempt"}[at]
            patch.setattr(f"controlpanel.operations.runner.{place}", _dies)
            with contextlib.suppress(_Died):
                self.people[who].post(address, form)
        new = Operation.objects.exclude(id__in=before)
        assert all(operation.state == at for operation in new)

    # What holds

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        if not hasattr(self, "seen"):
            return
        calls = Counter(entry.request_id for entry in self.sandbox.changes())
        assert all(count == 1 for count in calls.values()), calls
        operations = {operation.request_id: operation for operation in Operation.objects.all()}
        assert calls.keys() <= operations.keys()
        assert all(operations[request].sending_at for request in calls)

    @invariant()
    def states_only_move_as_the_table_says(self) -> None:
        if not hasattr(self, "seen"):
            return
        for operation in Operation.objects.all():
            old = self.seen.get(operation.id, State.REQUESTED.value)
            assert operation.state in _reachable(State(old)), (old, operation.state)
            self.seen[operation.id] = operation.state

    @invariant()
    def every_operation_is_on_record(self) -> None:
        if not hasattr(self, "seen"):
            return
        events = AuditEvent.objects.exclude(operation_id="").exclude(event="operation.closed")
        phases = Counter((event.operation_id, event.phase) for event in events)
        for operation in Operation.objects.all():
            assert phases[str(operation.id), "intent"] == 1
            unanswered = operation.state in {"requested", "sending"}
            assert phases[str(operation.id), "outcome"] == (not unanswered)
            assert phases[str(operation.id), "observed"] <= 1
        assert full_check.verify().sound

    def _ends_well(self) -> None:
        """Left alone, with everything mended, nothing but what waits for a person stays open."""
        self.sandbox.desk.faults.clear()
        Credential.objects.filter(account=self.account).delete()
        keep_token(self.people["alice"].user, self.account, OWNER_TOKEN, is_sync=True)
        Account.objects.filter(id=self.account.id).update(writable=True)
        for seconds in (30, 310, 310, 130, 310):
            passes(self.sandbox, seconds)
            sweeper.sweep()
            look(self.account)
            self.nothing_is_sent_twice()
            self.states_only_move_as_the_table_says()
            self.every_operation_is_on_record()
        halfway = Operation.objects.filter(state__in=["requested", "sending"])
        assert not halfway.exists()

    def _posts(self, who: str, address: str, form: dict[str, str]) -> None:
        answer = self.people[who].post(address, form)
        assert answer.status_code in FINE, answer.content

    def _servers(self) -> list[Server]:
        return list(Server.objects.filter(account=self.account).order_by("provider_id"))

    def _form(self, change: Change, pick: int, name: int) -> tuple[str, dict[str, str]]:
        form = {**change.form, "form_id": ids.new_form_id(), "reason": "why not"}
        if change.kind == "create":
            return f"{BASE}/servers/new/", {**form, "name": f"fresh-{name}"}
        servers = self._servers()
        assume(servers)
        server = servers[pick % len(servers)]
        if change.kind == "delete":
            form["confirm_name"] = server.name
        if change.is_edit:
            form |= {"name": f"renamed-{name}", "original_name": server.name}
        page = {"update": "edit"}.get(change.kind, change.kind)
        return f"{BASE}/servers/{server.provider_id}/{page}/", form


class _Died(BaseException):
    """Unlike any error, nothing in the panel catches it: as little as it would a kill."""


def _dies(*args: object, **kwargs: object) -> None:
    raise _Died


def _reachable(state: State) -> set[str]:
    """By any number of moves, none included."""
    found, waiting = {state}, [state]
    while waiting:
        new = MOVES[waiting.pop()] - found
        found |= new
        waiting += new
    return {one.value for one in found}


def run(sandbox: Sandbox, panel_settings: Settings, examples: int, steps: int) -> None:
    machine = type("Machine", (Panel,), {"sandbox": sandbox, "settings": panel_settings})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.deep
@pytest.mark.timeout(1200)
@pytest.mark.django_db
def test_no_invariant_breaks(sandbox: Sandbox, settings: Settings) -> None:
    run(sandbox, settings, examples=120, steps=40)


@pytest.mark.django_db
def test_no_invariant_breaks_soon(sandbox: Sandbox, settings: Settings) -> None:
    run(sandbox, settings, examples=2, steps=25)
