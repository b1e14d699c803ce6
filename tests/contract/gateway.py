"""The gateway in front of the provider that the contract's tests talk to.

A token of the provider's becomes a panel key of somebody who may do as much; a test that lets time
pass lets it pass for the panel too, and its workers look.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import requests
from django.conf import settings

from controlpanel.accounts import access
from controlpanel.accounts.models import Account, Membership, Team, User
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.panel_keys.services import Issued
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING
from controlpanel.operations import sweeper
from controlpanel.operations.models import IS_OPEN, Operation
from controlpanel.sandbox.server import Sandbox
from tests.gateway.wsgi import InProcess
from tests.people import keep_token, look
from tests.sandbox.api import GLOBEX, OWNER, READ_ONLY, REVOKED, Api

# Whose key stands for a token: team, role.
_HOLDERS: Final = {
    OWNER: ("acme", "owner"),
    READ_ONLY: ("acme", "viewer"),
    REVOKED: ("acme", "admin"),
    GLOBEX: ("globex", "owner"),
}
_SYNC_TOKENS: Final = {"acme": OWNER, "globex": GLOBEX}


class Gateway:
    def __init__(self, provider: Sandbox) -> None:
        self.provider = provider
        self.answers: list[requests.Response] = []
        self._accounts: dict[str, Account] = {}
        self._keys: dict[str, Issued] = {}

    def api(self, token: str | None) -> "GatewayApi":
        known = token in _HOLDERS
        return GatewayApi(self, self.key(token).text.reveal() if known and token else token)

    def key(self, token: str) -> Issued:
        if token not in self._keys:
            slug, role = _HOLDERS[token]
            self._keys[token] = self._issue(self._account(slug), role)
            if token == REVOKED:
                self.revoke(token)
        return self._keys[token]

    def revoke(self, token: str) -> None:
        key = self.key(token).key
        panel_key_services.revoke(_scope(key.user, key.team), key)

    def advance(self, seconds: float) -> None:
        clock.shift(timedelta(seconds=seconds))
        if not Operation.objects.filter(IS_OPEN).exists():
            return
        sweeper.sweep()
        for account in self._accounts.values():
            look(account)

    def _account(self, slug: str) -> Account:
        if slug not in self._accounts:
            team = Team.objects.create(slug=slug, name=slug.title())
            account = Account.objects.create(team=team, name=team.name, origin=self.provider.url)
            keep_token(_join(team, "owner"), account, _SYNC_TOKENS[slug], is_sync=True)
            self._accounts[slug] = account
        return self._accounts[slug]

    def _issue(self, account: Account, role: str) -> Issued:
        team = account.team
        held = Membership.objects.filter(team=team, role=role).first()
        scope = _scope(held.user if held else _join(team, role), team)
        rights = frozenset(panel_key_services.grantable(scope))
        return panel_key_services.issue(
            scope, account, name=role, permissions=rights, reach=EVERYTHING, addresses=(), days=1
        )


class GatewayApi(Api):
    def __init__(self, gateway: Gateway, key: str | None) -> None:
        super().__init__(settings.PANEL_PUBLIC_URL, key)
        self._gateway = gateway
        self._session.mount(self.origin, InProcess())

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = super().__call__(method, path, **options)
        self._gateway.answers.append(answer)
        return answer

    def control(self, method: str, path: str, data: object = None, **_: Any) -> Any:
        assert (method, path, data) == ("PATCH", "/tokens/acme-owner", {"revoked": True})
        self._gateway.revoke(OWNER)


def _join(team: Team, role: str) -> User:
    user = User.objects.create_user(f"{role}@{team.slug}.example", name=role)
    Membership.objects.create(team=team, user=user, role=role)
    return user


def _scope(user: User, team: Team) -> Any:
    scope = access.scope_at_work(user.id, team.id, "keys.own")
    assert scope is not None
    return scope


Time = Callable[[float], None]


def both(provider: Time, panel: Time) -> Time:
    """Time that passes for both."""

    def advance(seconds: float) -> None:
        provider(seconds)
        panel(seconds)

    return advance
