"""Issuing, rotating and revoking panel keys. Nobody gives a key what they lack themselves."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.accounts import access
from controlpanel.accounts.models import Account, Team
from controlpanel.accounts.permissions import PERMISSIONS
from controlpanel.accounts.selectors import is_connected
from controlpanel.accounts.teams import members, team_policies
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.audit.tables import projections as table_projections
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import digest as key_digest
from controlpanel.credentials.panel_keys import networks as key_networks
from controlpanel.credentials.panel_keys import projections
from controlpanel.credentials.panel_keys.format import new_text
from controlpanel.keys import macs
from controlpanel.lib import clock
from controlpanel.lib.scope import Reach, Scope
from controlpanel.lib.secret import Secret
from controlpanel.lib.text import clean, redact

# All that a key can be for: what the gateway does.
RIGHTS: Final = (
    "servers.view",
    "servers.create",
    "servers.edit",
    "servers.start",
    "servers.stop",
    "servers.reboot",
    "servers.delete",
)
SIGHT: Final = "servers.view"
DAYS: Final = range(1, 365 + 1)
USUAL_DAYS: Final = 90
NAME_LENGTH: Final = 80
LONGEST_OVERLAP: Final = timedelta(days=30)
MOST_ADDRESSES: Final = 20
MOST_NAMED: Final = 200  # labels, or servers
MOST_KEYS: Final = 50


class PanelKeyRefused(Exception):
    """Nothing was changed; the message is a sentence, about `field` if it is about one."""

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field


@dataclass(frozen=True, slots=True)
class Issued:
    """`text` is the key itself: shown once, and kept nowhere."""

    key: PanelKey
    text: Secret


def grantable(scope: Scope) -> list[str]:
    """Rights that this person can give a key, in order."""
    return [right for right in RIGHTS if scope.allows(right)]


def own(scope: Scope) -> QuerySet[PanelKey]:
    return of_team(scope).filter(user_id=_user(scope))


def of_team(scope: Scope) -> QuerySet[PanelKey]:
    """Everybody's, expired and revoked ones too, the newest first."""
    found = PanelKey.objects.filter(team_id=scope.team_id).select_related(
        "account", "user", "replaced_by"
    )
    return found.order_by("-created_at", "id")


def issue(
    scope: Scope,
    account: Account,
    *,
    name: str,
    permissions: frozenset[str],
    reach: Reach,
    addresses: Sequence[str],
    days: int,
) -> Issued:
    """Raises PanelKeyRefused, access.Denied."""
    _insist(scope)
    wanted = PanelKey(
        name=_good_name(name), permissions=_in_order(permissions), addresses=_networks(addresses)
    )
    _refuse_days(days)
    members.set_reach(wanted, reach)
    with transaction.atomic():
        now = _as_now(scope)
        wanted.account = _held(now, account.id)
        _refuse_many(now)
        _refuse_same_name(now, wanted.name)
        return _issue(now, wanted, timedelta(days=days))


def rotate(scope: Scope, key: PanelKey, *, overlap: timedelta) -> Issued:
    """A new one for the same, for as long as the old one was; that one ends after the overlap.

    By its creator only. Raises PanelKeyRefused, access.Denied.
    """
    _insist(scope)
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise PanelKeyRefused(
            _("The old key can go on working for %(days)d days at most.")
            % {"days": LONGEST_OVERLAP.days},
            "overlap",
        )
    with transaction.atomic():
        now = _as_now(scope)
        old = _old(now, key)
        wanted = PanelKey(
            name=old.name,
            account=_held(now, old.account_id),
            permissions=[right for right in old.permissions if now.allows(right)],
            addresses=old.addresses,
        )
        members.set_reach(wanted, old.reach)
        issued = _issue(now, wanted, _lifetime(old), replaces=old)
        old.replaced_by = issued.key
        old.expires_at = min(old.expires_at, clock.now() + overlap)
        old.save(update_fields=["replaced_by", "expires_at"])
        _record(
            now,
            "panel_key.rotated",
            old,
            rows=[projections.of_key(old)],
            until=old.expires_at.isoformat(timespec="seconds"),
        )
    return issued


def revoke(scope: Scope, key: PanelKey) -> bool:
    """Acts at once. One's own always; another's for whoever may. False if it was revoked already.

    Raises access.Denied.
    """
    if key.user_id != scope.user_id or scope.key_id:
        access.require(access.as_now(scope), "keys.others", "")
    with transaction.atomic():
        _hold_team(scope)  # or whoever removes its creator holds the log, and waits for this row
        return _revoke(scope, key)


def usable_of(scope: Scope, user_id: UUID) -> QuerySet[PanelKey]:
    return _usable(PanelKey.usable().filter(team_id=scope.team_id, user_id=user_id))


def usable_for(account: Account) -> QuerySet[PanelKey]:
    return _usable(PanelKey.usable().filter(account=account))


def usable_in(team: Team) -> QuerySet[PanelKey]:
    return _usable(PanelKey.usable().filter(team=team))


def revoke_all(scope: Scope, keys: Iterable[PanelKey], why: str) -> list[PanelKey]:
    """With what they hang on: `why` is "member_removed", "account_disconnected" or "team_closed".
    Whoever calls has asked for the right to that."""
    return [key for key in keys if _revoke(scope, key, why=why)]


def target(key: PanelKey) -> Target:
    return Target("panel_key", str(key.id), key.name)


def _usable(keys: QuerySet[PanelKey]) -> QuerySet[PanelKey]:
    return keys.select_related("account", "user").order_by("user__email", "name", "id")


def _issue(
    scope: Scope, wanted: PanelKey, lifetime: timedelta, *, replaces: PanelKey | None = None
) -> Issued:
    assert scope.user_id is not None
    _refuse_what_one_lacks(scope, wanted.permissions)
    _refuse_reach(scope, wanted.reach)
    text = Secret(new_text())
    wanted.team_id, wanted.user_id = scope.team_id, scope.user_id
    wanted.fingerprint = macs.fingerprint(text.reveal())
    wanted.pepper_id, wanted.digest = key_digest.made(text)
    wanted.created_at = clock.now()
    wanted.expires_at = wanted.created_at + lifetime
    wanted.save(force_insert=True)
    _record(
        scope,
        "panel_key.issued",
        wanted,
        rows=[projections.of_key(wanted)],
        after={
            "permissions": wanted.permissions,
            **members.shown_reach(wanted.reach),
            "addresses": wanted.addresses,
            "expires": wanted.expires_at.isoformat(timespec="seconds"),
        },
        **({"replaces": str(replaces.id)} if replaces else {}),
    )
    return Issued(wanted, text)


def _revoke(scope: Scope, key: PanelKey, **why: str) -> bool:
    with transaction.atomic():
        there = PanelKey.objects.filter(id=key.id, team_id=scope.team_id, revoked_at=None)
        now = clock.now()
        if there.update(revoked_at=now, revoked_by=clean(scope.actor.name, 254)) != 1:
            return False
        key.revoked_at, key.revoked_by = now, clean(scope.actor.name, 254)
        _record(scope, "panel_key.revoked", key, rows=[projections.no_key(key)], **why)
    return True


def _record(scope: Scope, event: str, key: PanelKey, **data: Any) -> None:
    record_by(
        scope,
        event,
        target(key),
        account=key.account.name,
        owner=key.user.email,
        fingerprint=key.fingerprint,
        **data,
    )


def _insist(scope: Scope) -> None:
    """Outside of a transaction, which would take the record of a refusal back with it."""
    if scope.user_id is None or scope.key_id:
        raise PanelKeyRefused(_("Only a person who is signed in issues panel keys."))
    access.require(access.as_now(scope), "keys.own", "")


def _as_now(scope: Scope) -> Scope:
    """While nobody else changes who is in the team, or which accounts it has."""
    _hold_team(scope)
    now = access.as_now(scope)
    if not now.allows("keys.own"):
        raise PanelKeyRefused(_("You can no longer keep panel keys in this team."))
    assert scope.user_id is not None
    if access.lacks_second_step(scope.user_id, team_policies.of(scope.team_id)):
        raise PanelKeyRefused(
            _("The team asks for a second step, which you do not have yet. Add one first.")
        )
    return now


def _hold_team(scope: Scope) -> None:
    Team.objects.select_for_update(no_key=True).get(id=scope.team_id)


def _held(scope: Scope, account_id: UUID) -> Account:
    account = Account.objects.filter(id=account_id, team_id=scope.team_id).first()
    if account is None or not is_connected(account):
        raise PanelKeyRefused(_("Choose one of the accounts that the team works with."), "account")
    return account


def _old(scope: Scope, key: PanelKey) -> PanelKey:
    found = PanelKey.objects.select_for_update(of=("self",)).select_related("account", "user")
    old = found.filter(id=key.id, team_id=scope.team_id, user_id=_user(scope)).first()
    if old is None:
        raise PanelKeyRefused(_("Only its creator renews a panel key."))
    if not old.is_usable:
        raise PanelKeyRefused(_("This key no longer works. Issue a new one instead."))
    if not table_projections.explains(str(scope.team_id), projections.of_key(old)):
        raise PanelKeyRefused(_("This key is not as the audit log says. Issue a new one instead."))
    if old.replaced_by_id:
        raise PanelKeyRefused(_("This key was renewed already; the new one takes its place."))
    return old


def _lifetime(key: PanelKey) -> timedelta:
    """Its own, within what a key can have: the log says when it ends, and not when it began."""
    shortest, longest = timedelta(days=DAYS[0]), timedelta(days=DAYS[-1])
    return min(max(key.expires_at - key.created_at, shortest), longest)


def _good_name(name: str) -> str:
    name = clean(name, NAME_LENGTH)
    if not name:
        raise PanelKeyRefused(
            _("Give the key a name that says where it is used, such as “ci-deploy”."), "name"
        )
    if redact(name) != name:
        raise PanelKeyRefused(
            _("This is a key or a token, which must not stand in a name. Choose a name."), "name"
        )
    return name


def _in_order(permissions: Collection[str]) -> list[str]:
    foreign = set(permissions) - set(RIGHTS)
    if foreign:
        raise PanelKeyRefused(
            _("A panel key cannot be for this: %(names)s.")
            % {"names": ", ".join(clean(name, 40) for name in sorted(foreign))},
            "permissions",
        )
    return [right for right in RIGHTS if right in permissions]


def _networks(addresses: Sequence[str]) -> list[str]:
    try:
        networks = key_networks.read(addresses)
    except ValueError as error:
        raise PanelKeyRefused(
            _(
                "“%(text)s” is no address and no network: write 192.0.2.7, 192.0.2.0/24 or "
                "2001:db8::/32."
            )
            % {"text": clean(error, 60)},
            "addresses",
        ) from None
    if len(networks) > MOST_ADDRESSES:
        raise PanelKeyRefused(
            _("Name at most %(most)d addresses and networks.") % {"most": MOST_ADDRESSES},
            "addresses",
        )
    return networks


def _refuse_days(days: int) -> None:
    if days not in DAYS:
        raise PanelKeyRefused(
            _("A key lasts from %(least)d to %(most)d days.")
            % {"least": DAYS[0], "most": DAYS[-1]},
            "days",
        )


def _refuse_what_one_lacks(scope: Scope, permissions: Sequence[str]) -> None:
    lacking = [right for right in permissions if not scope.allows(right)]
    if lacking:
        raise PanelKeyRefused(
            _("Nobody grants what they lack; you lack: %(rights)s.")
            % {"rights": ", ".join(str(PERMISSIONS[right]) for right in lacking)},
            "permissions",
        )
    if SIGHT not in permissions:
        raise PanelKeyRefused(
            _("Without the right to %(sight)s, a key can do nothing.")
            % {"sight": PERMISSIONS[SIGHT]},
            "permissions",
        )


def _refuse_reach(scope: Scope, reach: Reach) -> None:
    """Of the other kind than the creator's own it may be: what is in force is within both."""
    if not members.is_within(reach, scope.reach, mixed=True):
        raise PanelKeyRefused(_("Nobody gives access to servers that they cannot reach."), "reach")
    named = [*reach.labels, *reach.servers]
    if not reach.is_all and not named:
        raise PanelKeyRefused(_("Name the labels or servers that this is for."), "reach")
    if len(named) > MOST_NAMED:
        raise PanelKeyRefused(
            _("Name at most %(most)d labels or servers.") % {"most": MOST_NAMED}, "reach"
        )


def _refuse_many(scope: Scope) -> None:
    if usable_of(scope, _user(scope)).count() >= MOST_KEYS:
        raise PanelKeyRefused(
            ngettext(
                "You have %(n)d panel key in this team. Revoke one that is not needed first.",
                "You have %(n)d panel keys in this team. Revoke one that is not needed first.",
                MOST_KEYS,
            )
            % {"n": MOST_KEYS}
        )


def _refuse_same_name(scope: Scope, name: str) -> None:
    """By its name a key stands in the record."""
    if usable_of(scope, _user(scope)).filter(name__iexact=name).exists():
        raise PanelKeyRefused(_("You have a key of this name already. Choose another."), "name")


def _user(scope: Scope) -> UUID:
    assert scope.user_id is not None
    return scope.user_id
