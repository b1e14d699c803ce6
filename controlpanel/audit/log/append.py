"""Where a chain and a target's history stand, and the step that moves both with a new event.

On PostgreSQL that step is one call of `audit_append`, which compares before it writes: so this
process may start from where it left a chain itself, and reads only when somebody else went on.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.backends.utils import CursorWrapper

from controlpanel.audit import hashing
from controlpanel.audit.models import AuditEvent, ChainHead, TargetHead
from controlpanel.keys import macs, ring

PURPOSE: Final = "audit-mac"
_EVENT, _HEAD, _TARGET = (model._meta.db_table for model in (AuditEvent, ChainHead, TargetHead))
_COLUMNS: Final = tuple(field.attname for field in AuditEvent._meta.local_concrete_fields)
_INSERT: Final = (
    f"INSERT INTO {_EVENT} ({', '.join(_COLUMNS)}) "  # noqa: S608
    f"VALUES ({', '.join(['%s'] * len(_COLUMNS))})"
)
_INSERT_TARGET: Final = (
    f"INSERT INTO {_TARGET} (chain, kind, target, seq, hash, mac_key_id, mac) "  # noqa: S608
    "VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
# The SQLSTATE with which the function says so: no other trouble has it.
_CHANGED: Final = "PA001"
# What the same statements would do one by one, without their ways to the database and back.
_FUNCTION: Final = f"""
CREATE OR REPLACE FUNCTION audit_append(
    event json,
    head_key_before text,
    head_mac_before text,
    target_key_before text,
    target_mac_before text,
    head_mac text,
    target_mac text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    e {_EVENT} := json_populate_record(NULL::{_EVENT}, event);
BEGIN
    UPDATE {_HEAD} h SET seq = e.seq, hash = e.hash, mac_key_id = e.mac_key_id, mac = head_mac
        WHERE h.chain = e.chain AND h.seq = e.seq - 1 AND h.hash = e.prev_hash
        AND h.mac_key_id = head_key_before AND h.mac = head_mac_before;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO {_EVENT} SELECT e.*;
    IF e.target_seq = 1 THEN
        INSERT INTO {_TARGET} (chain, kind, target, seq, hash, mac_key_id, mac) VALUES
            (e.chain, e.target_kind, e.target_id, 1, e.hash, e.mac_key_id, target_mac);
        RETURN true;
    END IF;
    UPDATE {_TARGET} t
        SET seq = e.target_seq, hash = e.hash, mac_key_id = e.mac_key_id, mac = target_mac
        WHERE t.chain = e.chain AND t.kind = e.target_kind AND t.target = e.target_id
        AND t.seq = e.target_seq - 1 AND t.hash = e.target_prev
        AND t.mac_key_id = target_key_before AND t.mac = target_mac_before;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The head of the history of % % was changed.', e.target_kind, e.target_id
            USING ERRCODE = '{_CHANGED}';
    END IF;
    RETURN true;
END $$
"""  # noqa: S608
_JSON: Final = json.JSONEncoder(ensure_ascii=False, default=hashing.time_text)
# How much is remembered; more is forgotten and read again.
_CHAINS, _TARGETS = 200, 200


class Moved(Exception):
    """Somebody else went on with the chain meanwhile."""


class Changed(Exception):
    """A head row is not as the panel wrote it."""


class Place(NamedTuple):
    """A chain, and whose history in it."""

    chain: str
    kind: str
    target: str


class Head(NamedTuple):
    """Of a chain or of a target's history; as good as its MAC, which whoever made it checked."""

    seq: int
    hash: str
    key_id: str
    mac: str


_START: Final = Head(0, hashing.GENESIS, "", "")


@dataclass(frozen=True, slots=True)
class ChainState:
    """Where a chain stood, and at that moment some of its targets. Never changed: threads share
    it. Under other keys than these it is worth nothing."""

    keys: ring.KeyRing
    head: Head
    targets: Mapping[tuple[str, str], Head]

    def target(self, place: Place) -> Head:
        return self.targets[place.kind, place.target]


_states: dict[str, ChainState] = {}


def remembered(place: Place, keys: ring.KeyRing) -> ChainState | None:
    """Where this process left the chain, perhaps in a transaction that came to nothing."""
    known = _states.get(_name(place.chain))
    if known and known.keys is keys and (place.kind, place.target) in known.targets:
        return known
    return None


def read(place: Place, keys: ring.KeyRing) -> ChainState:
    """The chain's head, locked until the transaction ends, and the target's; both checked."""
    with connection.cursor() as cursor:
        head = _locked_head(cursor, place.chain, keys)
        target = _target_head(cursor, place, keys)
    known = _states.get(_name(place.chain))
    others = known.targets if known and (known.keys, known.head) == (keys, head) else {}
    return ChainState(keys, head, {**others, (place.kind, place.target): target})


def hold(chain: str, keys: ring.KeyRing) -> Head:
    """The head of a chain that has one, locked until the transaction ends, and checked."""
    with connection.cursor() as cursor:
        return _locked_head(cursor, chain, keys)


def head_fits(head: ChainHead) -> bool:
    """Whether its MAC is right. KeysNotReady without the key it was made with."""
    found = Head(head.seq, head.hash, head.mac_key_id, head.mac)
    return _signed(ring.current(), found, hashing.head_message, head.chain)


def write(
    place: Place, before: ChainState, columns: Mapping[str, Any], head_mac: str, target_mac: str
) -> None:
    """Moved, and nothing was written, if the chain does not stand at `before`."""
    head, target = before.head, before.target(place)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _by_function(cursor, head, target, columns, head_mac, target_mac)
        else:
            _by_statements(cursor, place, head, target, columns, head_mac, target_mac)
    _remember(
        place,
        before,
        Head(columns["seq"], columns["hash"], columns["mac_key_id"], head_mac),
        Head(columns["target_seq"], columns["hash"], columns["mac_key_id"], target_mac),
    )


def event_of(columns: Mapping[str, Any]) -> AuditEvent:
    """As if it had been read from where it was just written."""
    return AuditEvent.from_db(connection.alias, _COLUMNS, [columns[name] for name in _COLUMNS])


def forget(chain: str) -> None:
    _states.pop(_name(chain), None)


def make_function(using: str = DEFAULT_DB_ALIAS, **_signal: Any) -> None:
    """After every migrate."""
    there = connections[using]
    if there.vendor == "postgresql" and _EVENT in there.introspection.table_names():
        with there.cursor() as cursor:
            cursor.execute(_FUNCTION)


def _remember(place: Place, before: ChainState, head: Head, target: Head) -> None:
    if connection.vendor != "postgresql":
        return  # what is in the same process is as quickly read
    if len(_states) > _CHAINS:
        _states.clear()
    others = before.targets if len(before.targets) <= _TARGETS else {}
    targets = {**others, (place.kind, place.target): target}
    _states[_name(place.chain)] = ChainState(before.keys, head, targets)


def _name(chain: str) -> str:
    return f"{connection.settings_dict['NAME']} {chain}"


def _by_statements(
    cursor: CursorWrapper,
    place: Place,
    head: Head,
    target: Head,
    columns: Mapping[str, Any],
    head_mac: str,
    target_mac: str,
) -> None:
    this, key = columns["hash"], columns["mac_key_id"]
    cursor.execute(
        f"UPDATE {_HEAD} SET seq = %s, hash = %s, mac_key_id = %s, mac = %s "  # noqa: S608
        "WHERE chain = %s AND (seq, hash, mac_key_id, mac) = (%s, %s, %s, %s)",
        [head.seq + 1, this, key, head_mac, place.chain, *head],
    )
    if cursor.rowcount != 1:
        raise Moved
    cursor.execute(_INSERT, [columns[name] for name in _COLUMNS])
    if target is _START:
        cursor.execute(_INSERT_TARGET, [*place, 1, this, key, target_mac])
        return
    cursor.execute(
        f"UPDATE {_TARGET} SET seq = %s, hash = %s, mac_key_id = %s, mac = %s "  # noqa: S608
        "WHERE chain = %s AND kind = %s AND target = %s "
        "AND (seq, hash, mac_key_id, mac) = (%s, %s, %s, %s)",
        [target.seq + 1, this, key, target_mac, *place, *target],
    )
    if cursor.rowcount != 1:
        raise Changed(f"The head of the history of {place.kind} {place.target} was changed.")


def _by_function(
    cursor: CursorWrapper,
    head: Head,
    target: Head,
    columns: Mapping[str, Any],
    head_mac: str,
    target_mac: str,
) -> None:
    event = _JSON.encode(columns)
    values = [event, head.key_id, head.mac, target.key_id, target.mac, head_mac, target_mac]
    try:
        cursor.execute("SELECT audit_append(%s, %s, %s, %s, %s, %s, %s)", values)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") == _CHANGED:
            raise Changed(str(error)) from error
        raise
    if not cursor.fetchone()[0]:
        raise Moved


def _locked_head(cursor: CursorWrapper, chain: str, keys: ring.KeyRing) -> Head:
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    ask = f"SELECT seq, hash, mac_key_id, mac FROM {_HEAD} WHERE chain = %s{lock}"  # noqa: S608
    cursor.execute(ask, [chain])
    found = cursor.fetchone()
    if found is None:
        # Somebody else may be starting the same chain: then theirs stands, and this waits for it.
        _start(cursor, chain, keys)
        cursor.execute(ask, [chain])
        found = cursor.fetchone()
    head = Head(*found)
    if not _signed(keys, head, hashing.head_message, chain):
        raise Changed(f"The head of the chain {chain} was changed.")
    return head


def _start(cursor: CursorWrapper, chain: str, keys: ring.KeyRing) -> None:
    key = keys.active(PURPOSE)
    mac = macs.digest(key, hashing.head_message(chain, 0, hashing.GENESIS))
    cursor.execute(
        f"INSERT INTO {_HEAD} (chain, seq, hash, mac_key_id, mac) "  # noqa: S608
        "VALUES (%s, 0, %s, %s, %s) ON CONFLICT DO NOTHING",
        [chain, hashing.GENESIS, key.id, mac],
    )


def _target_head(cursor: CursorWrapper, place: Place, keys: ring.KeyRing) -> Head:
    """No lock of its own: whoever moves it has locked the head of the chain."""
    cursor.execute(
        f"SELECT seq, hash, mac_key_id, mac FROM {_TARGET} "  # noqa: S608
        "WHERE chain = %s AND kind = %s AND target = %s",
        place,
    )
    found = cursor.fetchone()
    if found is None:
        return _START
    head = Head(*found)
    if not _signed(keys, head, hashing.target_message, *place):
        raise Changed(f"The head of the history of {place.kind} {place.target} was changed.")
    return head


def _signed(keys: ring.KeyRing, head: Head, message: Callable[..., bytes], *place: str) -> bool:
    key = keys.get(head.key_id)
    if key is None or key.purpose != PURPOSE:
        raise ring.KeysNotReady(f"The key ring lacks the key {head.key_id} of the audit log.")
    try:
        expected = macs.digest(key, message(*place, head.seq, head.hash))
        return hmac.compare_digest(expected, head.mac)
    except (ValueError, OverflowError, TypeError):  # not even values that the panel would write
        return False
