"""Keeping API tokens: nothing is stored until VPS.org has accepted it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from controlpanel.accounts.models import Account, Team
from controlpanel.accounts.provider_accounts import free_colour
from controlpanel.accounts.selectors import connected_accounts, is_connected
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.credentials.models import Credential
from controlpanel.credentials.tokens import clients
from controlpanel.credentials.tokens.clients import PURPOSE, binding
from controlpanel.keys import cipher, macs
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.lib.secret import Secret
from controlpanel.lib.text import clean
from controlpanel.vpsorg.errors import ApiError, Forbidden, NotFound, Unauthorized
from controlpanel.vpsorg.token import valid_token
from controlpanel.vpsorg.wire import ServerList

ASK_AGAIN_EVERY: Final = timedelta(minutes=1)


class TokenRefused(Exception):
    """Nothing was stored; the message is a sentence for the person."""


class NameTaken(TokenRefused):
    """It is about the account's name, not about the token."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What VPS.org said about a token."""

    email: str  # empty where `/account/me/` does not answer; never stored
    servers: ServerList
    can_write: bool | None  # None where nobody says

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(server.id for server in self.servers.servers)


@dataclass(frozen=True, slots=True)
class Connected:
    account: Account
    servers: int  # so many did VPS.org show


def check(token: Secret) -> Checked:
    """Asks VPS.org, live. Raises TokenRefused."""
    if not valid_token(token):
        raise TokenRefused(
            _("This is not an API token: expected 8 to 512 characters without spaces.")
        )
    client = clients.new_client(token, clients.PAGE_SECONDS)
    try:
        servers = client.list_servers()
        email, permissions = "", None
        try:
            seen = client.account()
            email, permissions = seen.email, seen.permissions
        except (NotFound, Forbidden):
            pass  # optional at the provider: the servers it sees must do
    except Unauthorized:
        raise TokenRefused(
            _(
                "VPS.org refused this token. Copy it again from Account > Developers there, "
                "or make a new one."
            )
        ) from None
    except ApiError as error:
        raise TokenRefused(
            _("VPS.org could not check the token, so nothing was stored: %(words)s")
            % {"words": " ".join((error.words, _(error.sentence))).strip()}
        ) from None
    return Checked(email, servers, _can_write(permissions))


def store(scope: Scope, account: Account, token: Secret, known_ids: frozenset[str]) -> Credential:
    """Checks and keeps the person's token for this account, in place of the one they had.

    `known_ids`: provider ids of the account's servers in the mirror. Raises TokenRefused.
    """
    _refuse_elsewhere(account)
    checked = check(token)
    with transaction.atomic():
        # Two first tokens of different VPS.org accounts must not pass side by side.
        account = Account.objects.select_for_update().get(id=account.id)
        _refuse_elsewhere(account)
        _refuse_foreign(account, checked, known_ids)
        _remember_identity(account, checked)
        return _write(scope, account, token)


def connect(scope: Scope, name: str, token: Secret, known_ids: frozenset[str]) -> Connected:
    """A new account for the team, with the person's token as its sync token.

    `known_ids`: provider ids of the servers of all accounts that the team has there.
    Raises TokenRefused.
    """
    checked = check(token)
    try:
        with transaction.atomic():
            _refuse_connected(scope, checked, known_ids)
            account = Account.objects.create(
                team_id=scope.team_id,
                name=clean(name, 120),
                colour=free_colour(scope),
                origin=settings.VPSORG_API_ORIGIN,
                identity=_identity(checked.email),
                writable=checked.servers.dialect == "documented",
            )
            record_by(scope, "account.connected", Target("account", str(account.id), account.name))
            _choose(scope, _write(scope, account, token))
    except IntegrityError:
        raise NameTaken(_("The team already has an account of that name.")) from None
    return Connected(account, len(checked.ids))


def change_account(scope: Scope, account: Account, name: str, colour: str) -> bool:
    """What the team calls it. False if nothing differs. Raises NameTaken."""
    try:
        with transaction.atomic():
            held = Account.objects.select_for_update().get(id=account.id, disconnected_at=None)
            before = {"name": held.name, "colour": held.colour}
            after = {"name": clean(name, 120), "colour": colour}
            if before == after:
                return False
            held.name, held.colour = after["name"], after["colour"]
            held.save(update_fields=["name", "colour"])
            target = Target("account", str(held.id), held.name)
            record_by(scope, "account.changed", target, before=before, after=after)
    except IntegrityError:
        raise NameTaken(_("The team already has an account of that name.")) from None
    return True


def remove(scope: Scope, credential: Credential) -> None:
    with transaction.atomic():
        record_by(scope, "token.removed", _target(credential), account=credential.account.name)
        clients.forget_connections(credential)
        credential.delete()


def ask_again(scope: Scope, account: Account) -> bool:
    """VPS.org may be asked at once, though it asked to be left alone. False within a minute of the
    last time that somebody did this for the account."""
    now = clock.now()
    due = Q(asked_again_at=None) | Q(asked_again_at__lte=now - ASK_AGAIN_EVERY)
    with transaction.atomic():
        accounts_due = Account.objects.filter(due, id=account.id)
        if not accounts_due.update(wait_until=None, asked_again_at=now):
            return False
        record_by(scope, "account.asked_again", Target("account", str(account.id), account.name))
    return True


def choose_sync_token(scope: Scope, credential: Credential) -> None:
    with transaction.atomic():
        _choose(scope, credential)


def _choose(scope: Scope, credential: Credential) -> None:
    Credential.objects.filter(account_id=credential.account_id, is_sync=True).update(is_sync=False)
    Credential.objects.filter(id=credential.id).update(is_sync=True)
    credential.is_sync = True
    record_by(
        scope,
        "account.sync_token_chosen",
        Target("account", str(credential.account_id), credential.account.name),
        fingerprint=credential.fingerprint,
        owner=credential.user.email,
    )


def _write(scope: Scope, account: Account, token: Secret) -> Credential:
    assert scope.user_id is not None
    old = (
        Credential.objects.select_for_update()
        .filter(user_id=scope.user_id, account=account)
        .first()
    )
    credential = Credential(
        id=old.id if old else uuid4(),
        user_id=scope.user_id,
        account=account,
        fingerprint=macs.fingerprint(token.reveal()),
        is_sync=old.is_sync if old else False,
        service_name=old.service_name if old else "",
        last_used_at=clock.now(),
        last_result="ok",
    )
    credential.sealed = cipher.seal(PURPOSE, token.reveal(), binding(credential, account))
    credential.save(force_update=old is not None, force_insert=old is None)
    if old:
        clients.forget_connections(credential)
        record_by(
            scope,
            "token.replaced",
            _target(credential),
            account=account.name,
            previous=old.fingerprint,
        )
    else:
        record_by(scope, "token.stored", _target(credential), account=account.name)
    return credential


def _refuse_elsewhere(account: Account) -> None:
    if account.disconnected_at is not None:
        raise TokenRefused(_("This account was disconnected, so no token is kept for it."))
    if not is_connected(account):
        raise TokenRefused(
            _("This account belongs to another API address, so no token can be checked for it.")
        )


def _refuse_connected(scope: Scope, checked: Checked, known_ids: frozenset[str]) -> None:
    team = Team.objects.select_for_update().get(id=scope.team_id)  # one at a time
    if team.closed_at is not None:
        raise TokenRefused(_("This team was closed meanwhile."))
    others = connected_accounts(scope)
    # By the servers too: `/account/me/` may not be there, and an address may have changed since.
    if known_ids & checked.ids or any(_is_same(account, checked) for account in others):
        raise TokenRefused(_("This VPS.org account is already connected to the team."))


def _refuse_foreign(account: Account, checked: Checked, known_ids: frozenset[str]) -> None:
    """Creates with a foreign account's token would bill somebody else."""
    if known_ids & checked.ids:
        foreign = False  # whatever its address is by now
    elif account.identity and checked.email:
        foreign = not _is_same(account, checked)
    else:
        foreign = bool(known_ids)
    if foreign:
        raise TokenRefused(
            _(
                "This token belongs to another VPS.org account than “%(account)s”, so nothing was "
                "stored: servers created with it would be billed to somebody else."
            )
            % {"account": account.name}
        )


def _remember_identity(account: Account, checked: Checked) -> None:
    writable = checked.servers.dialect == "documented"
    # Made again each time, with the key in force, so that an earlier one can be retired some day.
    identity = _identity(checked.email) or account.identity
    Account.objects.filter(id=account.id).update(identity=identity, writable=writable)


def _identity(email: str, key_id: str | None = None) -> str:
    """Keyed hash with its key's id, so that a new key does not make known accounts foreign."""
    if not email:
        return ""
    return ":".join(macs.mac("fingerprint", f"account:{email.lower()}".encode(), key_id))


def _is_same(account: Account, checked: Checked) -> bool:
    if not account.identity or not checked.email:
        return False
    key_id = account.identity.split(":")[0]
    return _identity(checked.email, key_id) == account.identity


def _can_write(permissions: tuple[str, ...] | None) -> bool | None:
    if not permissions:
        return None
    return any(scope in {"*:*", "servers:*", "servers:write"} for scope in permissions)


def _target(credential: Credential) -> Target:
    return Target("credential", str(credential.id), credential.fingerprint)
