"""How old what is shown is, what keeps it from being newer, and who can mend that."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.accounts import access
from controlpanel.accounts.models import Account
from controlpanel.accounts.selectors import is_connected
from controlpanel.credentials.tokens import clients
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.operations.checks import preconditions
from controlpanel.servers.models import AccountSync
from controlpanel.web.core.banner import Banner
from controlpanel.web.core.people import names_of
from controlpanel.web.servers.available_actions import Abilities
from controlpanel.web.templatetags import _units

MENDS: Final = "accounts.connect"
# Older than this, what is shown is greyed even where nothing else seems wrong.
STALE = timedelta(minutes=5)
# Somebody has to do something; until then nothing is refreshed.
_MENDABLE = {"unauthorized", "forbidden", "no_sync_token", "token_unreadable"}
# The list arrived and is not believed.
_PARTIAL = {"list_shrunk", "list_truncated"}
_SLOW = {"timeout", "connect_timeout"}
_UNREACHABLE = {"name_resolution", "connection_refused", "connection_lost", "tls"}


@dataclass(frozen=True, slots=True)
class Age:
    at: datetime | None
    is_stale: bool


def banners(
    scope: Scope,
    accounts: Collection[Account],
    known: Abilities | None = None,
    *,
    twins: Mapping[UUID, Account | None] | None = None,
) -> list[Banner]:
    """One for each trouble of each account. At most two queries, whatever the number of accounts.

    With `known`, also what keeps this person from changing anything; that has `twins` as well: by
    account, the one connected earlier through which it is changed.
    """
    firsts = twins or (known.twins if known else {})
    mend = _who_mends(scope) if any(_code(account) in _MENDABLE for account in accounts) else ""
    found = []
    for account in accounts:
        if not is_connected(account):
            found.append(_disconnected(account))
            continue
        if _code(account) or clients.seconds_left(account):
            found.append(_trouble(scope, account, mend))
        if not account.writable:
            found.append(Banner("", f"{_quoted(account)}: {preconditions.second_dialect()}"))
        elif first := firsts.get(account.id):
            found.append(_second(scope, account, first))
        elif known and account.id not in known.with_token and scope.allows("tokens.own"):
            found.append(_no_token(known, account))
    return found


def age(accounts: Iterable[Account]) -> Age:
    """Of the oldest of what is shown."""
    syncs = [_sync(account) for account in accounts if is_connected(account)]
    times = [sync.ok_at for sync in syncs if sync and sync.ok_at]
    if not times:
        return Age(None, is_stale=False)
    return Age(min(times), is_stale=is_old(min(times)))


def is_old(when: datetime) -> bool:
    return clock.now() - when > STALE


def is_doubtful(account: Account) -> bool:
    """True when the provider has not shown this account's servers lately: rows are greyed."""
    sync = _sync(account)
    if sync is None:
        return False
    if sync.trouble:
        return True
    return sync.ok_at is not None and is_old(sync.ok_at)


def never_seen(account: Account) -> bool:
    sync = _sync(account)
    return sync is None or sync.ok_at is None


def _trouble(scope: Scope, account: Account, mend: str) -> Banner:
    sync = account.sync
    if clients.seconds_left(account):
        return _waiting(scope, account, sync)
    text = _sentence(sync.trouble, _quoted(account))
    if sync.trouble not in _MENDABLE:
        return Banner("warn", _join(text, _their_words(sync), _as_of(sync)))
    can_mend = scope.allows(MENDS)
    return Banner(
        "bad",
        _join(text, _their_words(sync), _guess(sync), mend, _as_of(sync)),
        url=reverse("tokens", args=[scope.team_slug]) if can_mend else "",
        label=_("API tokens") if can_mend else "",
    )


def _waiting(scope: Scope, account: Account, sync: AccountSync) -> Banner:
    minutes = -(-clients.seconds_left(account) // 60)
    text = ngettext(
        "VPS.org asks not to be asked for %(account)s for another minute, and the panel keeps to "
        "it: nothing is read or changed there until then.",
        "VPS.org asks not to be asked for %(account)s for another %(minutes)d minutes, and the "
        "panel keeps to it: nothing is read or changed there until then.",
        minutes,
    ) % {"account": _quoted(account), "minutes": minutes}
    if not scope.allows(MENDS):
        return Banner("warn", _join(text, _their_words(sync), _as_of(sync)))
    return Banner(
        "warn",
        _join(text, _their_words(sync), _as_of(sync)),
        url=reverse("account-ask-again", args=[scope.team_slug, account.id]),
        label=_("Try now"),
        post=True,
    )


def _join(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _as_of(sync: AccountSync) -> str:
    if sync.ok_at is None:
        return ""
    return _("What is shown was last confirmed %(ago)s.") % {"ago": _units.ago(sync.ok_at)}


def _sentence(code: str, account: str) -> str:
    if code in _MENDABLE:
        return _mendable(code, account)
    if code in _PARTIAL:
        words = _(
            "VPS.org’s list of servers for %(account)s looks incomplete, so nothing is taken "
            "from it: what is shown stays as it was until a whole list comes."
        )
    elif code == "audit_unavailable":
        words = _(
            "The panel cannot write its audit record, so nothing new is taken over for "
            "%(account)s. It tries again by itself."
        )
    elif code in {"too_many_requests", "asked_to_wait"}:
        words = _(
            "VPS.org asks the panel to slow down for %(account)s. It waits and then tries again "
            "by itself."
        )
    elif code in _SLOW:
        words = _("VPS.org answers too slowly for %(account)s. The panel keeps trying by itself.")
    elif code in _UNREACHABLE:
        words = _("VPS.org cannot be reached for %(account)s. The panel keeps trying by itself.")
    elif code == "server_error":
        words = _(
            "VPS.org has trouble of its own with %(account)s. The panel keeps trying by itself."
        )
    elif code == "internal":
        words = _(
            "The panel failed while refreshing %(account)s. It tries again by itself; its log "
            "says what happened."
        )
    else:
        words = _(
            "VPS.org’s answer for %(account)s could not be used. The panel keeps trying by itself."
        )
    return words % {"account": account}


def _mendable(code: str, account: str) -> str:
    sentences = {
        "unauthorized": _(
            "VPS.org refused the sync token of %(account)s, so nothing is refreshed."
        ),
        "forbidden": _(
            "VPS.org answers 403 when it is asked for the servers of %(account)s, so nothing is "
            "refreshed."
        ),
        "no_sync_token": _("%(account)s has no sync token, so nothing is refreshed."),
        "token_unreadable": _(
            "The sync token of %(account)s cannot be opened with this panel’s keys, so nothing is "
            "refreshed."
        ),
    }
    return sentences[code] % {"account": account}


def _their_words(sync: AccountSync) -> str:
    words = clean(sync.trouble_words, 300)
    said = _("VPS.org says: %(words)s") % {"words": words} if words else ""
    return f"{said}." if said and said[-1] not in ".!?…" else said


def _guess(sync: AccountSync) -> str:
    """A 403 may be about anything, such as a host in maintenance."""
    if sync.trouble != "forbidden":
        return ""
    return _("Our guess, if it says nothing else: the sync token lacks the permission for this.")


def _who_mends(scope: Scope) -> str:
    if scope.allows(MENDS):
        return _("Store a new token under API tokens, or choose another sync token.")
    people = access.who_can(scope, MENDS)
    if not people:
        return ""
    return _("%(names)s can store a new token or choose another sync token.") % {
        "names": names_of(people)
    }


def _no_token(known: Abilities, account: Account) -> Banner:
    return Banner(
        "",
        _(
            "You have no API token of your own for %(account)s, so you can look at its servers "
            "but not change them."
        )
        % {"account": _quoted(account)},
        url=known.tokens_url,
        label=_("Add a token"),
    )


def also_connected(scope: Scope, first: Account, others: Collection[Account]) -> Banner:
    """On the page of a server that other accounts of the team show too."""
    names = get_text_list([_quoted(other) for other in others], _("and"))
    text = _(
        "This server is also connected as %(names)s. Changes go through %(account)s until somebody "
        "disconnects the others; whatever lock is on any of them binds here too."
    ) % {"names": names, "account": _quoted(first)}
    return _with_accounts(scope, text)


def _second(scope: Scope, account: Account, first: Account) -> Banner:
    return _with_accounts(scope, f"{_quoted(account)}: {preconditions.second_of(first)}")


def _with_accounts(scope: Scope, text: str) -> Banner:
    """For whoever may disconnect one, with the way there."""
    if not scope.allows(MENDS):
        return Banner("warn", text)
    return Banner(
        "warn", text, url=reverse("tokens", args=[scope.team_slug]), label=_("API tokens")
    )


def _disconnected(account: Account) -> Banner:
    return Banner(
        "",
        _(
            "%(account)s was filled from another API address (%(origin)s) and is disconnected "
            "here: its servers are not shown."
        )
        % {"account": _quoted(account), "origin": account.origin},
    )


def _quoted(account: Account) -> str:
    return f"“{clean(account.name, 120)}”"


def _sync(account: Account) -> AccountSync | None:
    return getattr(account, "sync", None)


def _code(account: Account) -> str:
    sync = _sync(account)
    return sync.trouble if sync and is_connected(account) else ""
