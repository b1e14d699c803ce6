"""Every route × every kind of key × own, out of reach, foreign and absent: expected from data."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction

from controlpanel.accounts import access
from controlpanel.accounts.models import Membership, Team, TeamPolicy, User
from controlpanel.accounts.teams import members
from controlpanel.accounts.teams.members import set_reach
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import rejections
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.panel_keys.format import new_text
from controlpanel.gateway.routes import BASE, ROUTES
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING
from controlpanel.servers.models import Server, ServerLabel
from tests.gateway.asking import Script, key_of, said
from tests.gateway.cells import (
    ABSENT,
    CELLS,
    FAR,
    FOREIGN,
    HOLDERS,
    NEAR,
    VERBS,
    Cell,
    Holder,
    expected,
    targets,
)
from tests.operations.asks import create, power, sent
from tests.people import OWNER_TOKEN, look, with_labels, with_servers

pytestmark = pytest.mark.django_db
CI = with_labels("env:ci")


class World:
    """What the cells are about, and a key of each kind."""

    def __init__(self, people, account, other_account, server):
        self.alice, self.adam, self.bob, self.vera, self.audrey, self.charlie = people
        self.account = account
        for one in Server.objects.filter(account=account, provider_id__in=NEAR):
            ServerLabel.objects.create(server=one, key="env", value="ci")
        near, far = (
            sent(power(self.alice, "reboot", server(name)))
            for name in ("db-server-01", "cache-sg-01")
        )
        self.operations = {
            "near": near,
            "far": far,
            "foreign": sent(create(self.charlie, other_account)),
        }

    def key(self, name: str) -> Script:
        made: dict[str, Callable[[], Script]] = {
            "owner": lambda: key_of(self.alice, self.account),
            "admin": lambda: key_of(self.adam, self.account),
            "operator": lambda: key_of(self.bob, self.account),
            "viewer": lambda: key_of(self.vera, self.account),
            "auditor": lambda: key_of(self.audrey, self.account),
            "reboots only": lambda: key_of(
                self.bob, self.account, {"servers.view", "servers.reboot"}
            ),
            "by label": lambda: key_of(self.alice, self.account, reach=CI),
            "by servers": lambda: key_of(self.alice, self.account, reach=with_servers(*NEAR)),
            "of one within a label": self._within_a_label,
            "of one demoted to viewer": lambda: self._changed(self.bob, "viewer"),
            "of one promoted since": lambda: self._changed(self.vera, "operator"),
            "from its address": lambda: key_of(self.bob, self.account, addresses=["127.0.0.0/8"]),
            "from a wrong address": lambda: key_of(
                self.bob, self.account, addresses=["192.0.2.0/24"]
            ),
            "rotated, the new one": lambda: self._rotated()[1],
            "rotated without overlap": lambda: self._rotated()[0],
            "expired": self._expired,
            "revoked": self._revoked,
            "of one suspended": lambda: self._after(
                Membership.objects.filter(user=self.bob.user).update, suspended_at=clock.now()
            ),
            "of one removed": lambda: self._after(self.bob.membership.delete),
            "of one deactivated": lambda: self._after(
                User.objects.filter(id=self.bob.user.id).update, is_active=False
            ),
            "of one without a second step": lambda: self._after(
                TeamPolicy.objects.create, team=self.bob.team, mfa_from="2020-01-01"
            ),
            "of a closed team": lambda: self._after(
                Team.objects.filter(id=self.bob.team.id).update, closed_at=clock.now()
            ),
            "of a disconnected account": lambda: self._after(
                type(self.account).objects.filter(id=self.account.id).update,
                disconnected_at=clock.now(),
            ),
            "unknown": lambda: Script(PanelKey(), new_text()),
            "malformed": lambda: Script(PanelKey(), new_text()[:-1] + "_"),
            "a token of VPS.org": lambda: Script(PanelKey(), OWNER_TOKEN),
            "none": lambda: Script(PanelKey(), ""),
        }
        return made[name]()

    def id(self, cell: Cell, target: str) -> str:
        if "{operation}" in cell.path:
            return str(self.operations[target].id if target in self.operations else uuid4())
        return {"near": cell.near, "far": FAR, "foreign": FOREIGN, "absent": ABSENT}[target]

    def _after(self, change, **fields) -> Script:
        script = key_of(self.bob, self.account)
        change(**fields)
        return script

    def _changed(self, person, role) -> Script:
        script = key_of(person, self.account)
        members.change(self.alice.scope(), person.membership, role, EVERYTHING)
        return script

    def _within_a_label(self) -> Script:
        """Not the key is for some servers, but the person who made it."""
        script = key_of(self.bob, self.account)
        membership = self.bob.membership
        set_reach(membership, CI)
        membership.save()
        return script

    def _expired(self) -> Script:
        script = key_of(self.bob, self.account)
        PanelKey.objects.update(expires_at=clock.now() - timedelta(seconds=1))
        return script

    def _revoked(self) -> Script:
        script = key_of(self.bob, self.account)
        panel_key_services.revoke(self.bob.scope(), script.key)
        return script

    def _rotated(self) -> tuple[Script, Script]:
        old = key_of(self.bob, self.account)
        new = panel_key_services.rotate(self.bob.scope(), old.key, overlap=timedelta(0))
        return old, Script(new.key, new.text.reveal())


@pytest.fixture
def world(synced, other_account, alice, adam, bob, vera, audrey, charlie, server, sandbox) -> World:
    look(other_account)
    people = alice, adam, bob, vera, audrey, charlie
    made = World(people, synced, other_account, server)
    sandbox.advance(5)
    rejections.forget()
    return made


@contextmanager
def passing(sandbox) -> Iterator[None]:
    """What is done in here is not done to the next one: making a world takes long."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    sandbox.reset()
    rejections.forget()


@pytest.mark.parametrize("number", range(3))
def test_cells(world, sandbox, number):
    for holder in HOLDERS[number::3]:
        with passing(sandbox):
            script = world.key(holder.name)
            for cell in CELLS:
                for target in targets(holder, cell):
                    check(world, sandbox, script, holder, cell, target)


def check(world: World, sandbox, script: Script, holder: Holder, cell: Cell, target: str) -> None:
    path = cell.path
    for part in ("{id}", "{operation}"):
        path = path.replace(part, world.id(cell, target) if part in path else "")
    status, code = expected(holder, cell, target)
    calls, denials = len(sandbox.journal.entries()), denied()
    answer = script.send(cell.method, path, cell.body)
    where = (holder.name, cell.method, path)
    assert answer.status_code == status, (*where, answer.content)
    assert answer["X-Request-Id"]
    assert denied() == denials + (status == 403), where
    if status < 400:
        return
    told = said(answer)
    assert told["detail"], where
    # Where a key is for everything, the provider itself says that there is no such server.
    by_provider = status == 404 and holder.reach == "all" and "/servers/" in path
    assert told.get("code") == (None if by_provider else code), where
    if status == 403:
        assert told["permission"] == cell.right
    if not by_provider:
        assert len(sandbox.journal.entries()) == calls, where


def denied() -> int:
    return AuditEvent.objects.filter(event="authz_fail").count()


def test_what_is_out_of_reach_is_said_like_what_is_absent(world, bob):
    script = world.key("by label")
    for cell in CELLS:
        if cell.near:
            far, absent = (
                script.send(
                    cell.method,
                    cell.path.replace("{id}", world.id(cell, target)).replace(
                        "{operation}", world.id(cell, target)
                    ),
                    cell.body,
                )
                for target in ("far", "absent")
            )
            assert (far.status_code, far.content) == (absent.status_code, absent.content)


def test_every_refused_key_hears_the_same(world, sandbox):
    said_to = set()
    for holder in HOLDERS:
        if holder.rights is None:
            with passing(sandbox):
                answer = world.key(holder.name).get("/servers/")
                said_to.add((answer.status_code, answer.content, answer["WWW-Authenticate"]))
    assert len(said_to) == 1


@pytest.mark.parametrize("name", ["owner", "none"])
def test_no_other_verb(world, sandbox, name):
    """Whoever asks."""
    script = world.key(name)
    calls = len(sandbox.journal.entries())
    for path in dict.fromkeys(cell.path for cell in CELLS):
        here = [cell.method for cell in CELLS if cell.path == path]
        real = path.replace("{id}", "12345").replace("{operation}", str(uuid4()))
        for verb in VERBS:
            if verb not in here:
                answer = script.send(verb, real)
                assert answer.status_code == 405, (verb, path)
                assert answer["Allow"].split(", ") == here
    assert len(sandbox.journal.entries()) == calls


@pytest.mark.parametrize("name", ["viewer", "reboots only"])
def test_a_door_that_asks_for_no_right_is_noticed(monkeypatch, world, sandbox, name):
    """The table is no decoration."""
    monkeypatch.setattr(access, "require", lambda *_asked: None)
    [holder] = [one for one in HOLDERS if one.name == name]
    cell = next(one for one in CELLS if one.right not in (holder.rights or ()) and one.right)
    with pytest.raises((AssertionError, KeyError)):
        check(world, sandbox, world.key(name), holder, cell, "")


def test_every_route_is_in_the_table():
    assert {(route.method, route.path, route.permission) for route in ROUTES} == {
        (cell.method, cell.path, cell.right) for cell in CELLS
    }
    assert BASE == "/api/v1"


def test_there_are_enough_cells():
    assert sum(len(targets(holder, cell)) for holder in HOLDERS for cell in CELLS) >= 600
