"""Rows of the mirror that one answer changes, and what of it somebody did without the panel."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from controlpanel.servers import identity, outside_changes
from controlpanel.servers.models import AccountSync, Server
from controlpanel.servers.natural_order import natural_key
from controlpanel.servers.outside_changes import Change, Own
from controlpanel.vpsorg import told
from controlpanel.vpsorg.wire import ServerList, ServerSeen

MISSES_UNTIL_GONE: Final = 2
# A list from before a change may still arrive for this long.
STALE_LIST: Final = timedelta(minutes=2)
# More at once wait for the next poll, so that the chain is not held for long.
MOST_OUTSIDE: Final = 200


class Rows:
    """`asked_at`: of a list, which says nothing about what changed after it was asked for.

    `is_first`: no list was believed before, so nothing can be told from it.
    """

    def __init__(
        self,
        account: Account,
        known: dict[str, Server],
        own: Own,
        *,
        asked_at: datetime | None = None,
        is_first: bool | None = None,
        is_detail: bool = False,
    ) -> None:
        self._account, self._known, self._own = account, known, own
        self._asked_at, self._is_detail = asked_at, is_detail
        self._is_first = is_first
        self._now = clock.now()
        self._new: list[Server] = []
        self._changed: dict[str, Server] = {}
        self._names: set[str] = set()
        self._outside: list[Change] = []
        self.doubtful: set[str] = set()

    @property
    def is_full(self) -> bool:
        """Whether the rest waits for the next look."""
        return len(self._outside) >= MOST_OUTSIDE

    def show(self, servers: Iterable[ServerSeen]) -> None:
        shown = list(servers)
        known = self._known
        fresh = [one for one in shown if one.id not in known]
        self._claim({one.id for one in shown})
        made = self._own.made([one.id for one in fresh]) if fresh else frozenset()
        for seen in fresh:
            self._add(seen, is_ours=seen.id in made)
        for seen in shown:
            server = known.get(seen.id)
            if server is not None:
                self._update(server, seen)

    def miss(self, listing: ServerList, in_flight: frozenset[str]) -> None:
        listed = {seen.id for seen in listing.servers}
        for key, server in self._known.items():
            if key in listed or key in in_flight or server.gone_at or self._is_newer(server):
                continue
            if server.misses + 1 < MISSES_UNTIL_GONE:
                server.misses += 1
                self._change(server, "misses")
            elif not self.is_full:
                self.lose(server)

    def lose(self, server: Server) -> None:
        if not (self._is_baseline or server.unclaimed or self._own.deletes(server.provider_id)):
            self._outside.append(outside_changes.vanished(server))
        server.gone_at = server.changed_at = self._now
        server.misses += 1
        self._change(server, "gone_at", "changed_at", "misses")

    def write(self) -> None:
        # Another poll, or the answer to a create, may have brought the same one in meanwhile.
        Server.objects.bulk_create(self._new, ignore_conflicts=True)
        if self._new:
            made = [server.id for server in self._new]
            identity.take_over(self._account, Server.objects.filter(id__in=made))
        rows = list(self._changed.values())
        if rows:
            Server.objects.bulk_update(rows, sorted(self._names), batch_size=200)
        outside_changes.write(self._account, self._outside)

    @property
    def _is_baseline(self) -> bool:
        if self._is_first is None:
            synced = AccountSync.objects.filter(account=self._account).exclude(ok_at=None)
            self._is_first = not synced.exists()
        return self._is_first

    def _claim(self, shown: Collection[str]) -> None:
        """Whose it is, of what may have been the panel's own when it appeared."""
        unclaimed = (server for server in self._known.values() if server.unclaimed)
        waiting = [server for server in unclaimed if server.provider_id in shown]
        made = self._own.made([one.provider_id for one in waiting]) if waiting else frozenset()
        for server in waiting:
            is_ours = server.provider_id in made
            if self.is_full or (not is_ours and self._own.may_have_made(server.name)):
                continue
            if not is_ours:
                self._outside.append(outside_changes.appeared(server))
            server.unclaimed = False
            self._change(server, "unclaimed")

    def _add(self, seen: ServerSeen, *, is_ours: bool) -> None:
        server = Server(
            account=self._account,
            provider_id=seen.id,
            seen_at=self._now,
            first_seen_at=self._now,
            changed_at=self._now,
            detail_at=self._now if self._is_detail else None,
            untold=self._untold(seen, {}, None),
            **seen.values,
        )
        if not (is_ours or self._is_baseline):
            server.unclaimed = self._own.may_have_made(seen.name)
            if not server.unclaimed:
                if self.is_full:
                    return
                self._outside.append(outside_changes.appeared(server))
        self._new.append(server)

    def _update(self, server: Server, seen: ServerSeen) -> None:
        different = {
            name: value for name, value in seen.values.items() if getattr(server, name) != value
        }
        untold = self._untold(seen, server.untold, server)
        is_the_same = not different and untold == server.untold
        if is_the_same and not (server.gone_at or server.misses or self._is_detail):
            return  # the account's sync time says that it was seen
        if self._is_newer(server):
            return
        is_back = server.gone_at is not None
        identity.forget_if_another(server, seen.created_at)
        # What cannot be read says nothing of what anybody did.
        read = {name: value for name, value in different.items() if name not in seen.unreadable}
        before, after = self._by_others(server, read)
        if (is_back or after) and self.is_full:
            return
        if after and self._asked_at and self._own.ended_lately(server.provider_id):
            self.doubtful.add(server.provider_id)
            return
        for name, value in different.items():
            setattr(server, name, value)
        server.name_order = natural_key(str(server))
        if different or is_back:
            server.changed_at = self._now
        server.seen_at, server.misses, server.gone_at = self._now, 0, None
        server.untold = untold
        if self._is_detail:
            server.detail_at = self._now
        self._change(
            server,
            *different,
            "seen_at",
            "misses",
            "changed_at",
            "gone_at",
            "detail_at",
            "untold",
            "name_order",
        )
        if is_back and not self._is_baseline:
            self._outside.append(outside_changes.appeared(server))
        elif after:
            self._outside.append(Change("changed", server, before, after))

    def _untold(
        self, seen: ServerSeen, before: Mapping[str, str | None], server: Server | None
    ) -> dict[str, str | None]:
        """Which values are not told any more, and since when. A list and a detail are each asked
        about their own; another answer, about none that it lacks."""
        untold = {name: at for name, at in before.items() if name not in seen.told}
        untold |= dict.fromkeys(seen.unreadable & seen.told)
        if self._is_detail:
            lacking = told.DETAIL_ONLY - seen.told
        elif self._asked_at:
            lacking = told.ALL - told.DETAIL_ONLY - seen.told
        else:
            lacking = frozenset()
        for name in lacking - untold.keys():
            untold[name] = self._last_told(server, name)
        return dict(sorted(untold.items()))

    def _last_told(self, server: Server | None, name: str) -> str | None:
        if server is None or getattr(server, name) in (None, ""):
            return None
        if self._is_detail:
            return (server.detail_at or server.seen_at).isoformat()
        return max(server.seen_at, self._listed_at or server.seen_at).isoformat()

    @cached_property
    def _listed_at(self) -> datetime | None:
        """Of the list before this one: a row that has not changed is not written."""
        synced = AccountSync.objects.filter(account=self._account)
        return synced.values_list("ok_at", flat=True).first()

    def _by_others(
        self, server: Server, different: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        told_whole = server.gone_at is not None or server.unclaimed
        if told_whole or not (different.keys() & outside_changes.WORDS.keys()) or self._is_baseline:
            return {}, {}
        return outside_changes.differences(server, different, self._own)

    def _is_newer(self, server: Server) -> bool:
        """Whether the mirror knows more than the list."""
        if self._asked_at and server.changed_at > self._asked_at:
            return True
        if not server.gone_at or self._is_detail:
            return False
        return self._now - server.gone_at < STALE_LIST

    def _change(self, server: Server, *names: str) -> None:
        self._changed[server.provider_id] = server
        self._names.update(names)
