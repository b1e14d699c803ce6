"""All that the door of panel keys has to know of one, in a single query that is put together once.

Every call of the gateway asks it, and putting it together costs ten times what asking it does.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection
from django.db.models import BooleanField, F, FilteredRelation, Model, Q
from django.db.models.expressions import RawSQL

from controlpanel.accounts.models import Account, Membership, Team, TeamPolicy, User
from controlpanel.credentials.models import Credential, PanelKey
from controlpanel.credentials.panel_keys import prepared_query

_Row = TypeVar("_Row", bound=Model)
_Converter = tuple[int, Sequence[Callable[..., Any]], Any]

# In the order of the columns.
_MODELS: Final[tuple[tuple[str, type[Model]], ...]] = (
    ("", PanelKey),
    ("account__", Account),
    ("team__", Team),
    ("team__policy__", TeamPolicy),
    ("user__", User),
    ("creator__", Membership),
    ("sync__", Credential),
)
_NEVER: Final = {"password"}
# In words of SQL: nothing of it may be filled in, for what is asked for is all that is.
_DIFFERS: Final = RawSQL(
    "EXISTS(SELECT 1 FROM audit_tabledifference AS d WHERE d.team = credentials_panelkey.team_id"
    " AND d.subject IN (credentials_panelkey.id, credentials_panelkey.user_id))",
    (),
    output_field=BooleanField(),
)
# Each takes about 10 KB. With more keys in use than this they are made again, as without it.
_MOST_MADE: Final = 200


@dataclass(frozen=True, slots=True)
class Found:
    """`key` has its account, user, and team with its policy; `membership` is its creator's,
    `sync` the account's token for reads. `differs`: the key or its creator's membership is not as
    the audit log says."""

    key: PanelKey
    membership: Membership | None
    sync: Credential | None
    differs: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    sql: str
    converters: tuple[_Converter, ...]


# Rows as they came, with what was made of them.
_made: Final[dict[Hashable, Found]] = {}


def by_digest(digests: Sequence[str]) -> Found | None:
    return _ask(_question(connection.vendor, "digest", len(digests)), digests)


def by_id(key_id: UUID) -> Found | None:
    value = PanelKey._meta.get_field("id").get_db_prep_value(key_id, connection)
    return _ask(_question(connection.vendor, "id", 1), [value])


@cache
def _question(_vendor: str, column: str, number: int) -> _Question:
    """`_vendor` is what its text depends on, beside the rest."""
    creator = FilteredRelation(
        "user__memberships", condition=Q(user__memberships__team_id=F("team_id"))
    )
    names = [prefix + name for prefix, model in _MODELS for name in _columns(model)]
    sync = FilteredRelation("account__credentials", condition=Q(account__credentials__is_sync=True))
    asked = PanelKey.objects.annotate(creator=creator, sync=sync, differs=_DIFFERS).filter(
        **{f"{column}__in": [UUID(int=n) if column == "id" else str(n) for n in range(number)]}
    )
    compiler = (
        asked.order_by().values_list(*names, "differs").query.get_compiler(connection=connection)
    )
    sql, params = compiler.as_sql()
    assert len(params) == number == sql.count("%"), "what is asked for is all that is filled in"
    converters = compiler.get_converters([expression for expression, *_ in compiler.select])
    return _Question(sql, tuple((place, *found) for place, found in converters.items()))


@cache
def _columns(model: type[Model]) -> tuple[str, ...]:
    return tuple(one.attname for one in model._meta.concrete_fields if one.attname not in _NEVER)


def _ask(question: _Question, values: Sequence[Any]) -> Found | None:
    # It is the first that a request asks: whether the connection still works shows by itself.
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        row = prepared_query.first_row(connection, question.sql, values)
    except (DatabaseError, InterfaceError):
        if connection.in_atomic_block:
            raise
        if not connection.is_usable():
            connection.close()
        elif not prepared_query.stop():
            raise
        row = prepared_query.first_row(connection, question.sql, values)
    return None if row is None else _found(question, row)


def _found(question: _Question, row: prepared_query.Row) -> Found:
    """The same objects as long as not one of the row's columns has changed: nobody writes to them,
    for they are shared between threads."""
    made = _made.get(row.as_sent)
    if made is None:
        made = _make(question, row)
        if len(_made) >= _MOST_MADE:
            _made.clear()
        _made[row.as_sent] = made
    return made


def _make(question: _Question, row: prepared_query.Row) -> Found:
    cells = list(row.cells())
    for place, converters, expression in question.converters:
        for convert in converters:
            cells[place] = convert(cells[place], expression, connection)
    return _put_together(iter(cells))


def _put_together(cells: Iterator[Any]) -> Found:
    key = _there(_take(PanelKey, cells))
    key.account = _there(_take(Account, cells))
    key.team = team = _there(_take(Team, cells))
    policy = _take(TeamPolicy, cells)
    key.user = user = _there(_take(User, cells))
    membership = _take(Membership, cells)
    # As select_related leaves it behind: None is known to be none.
    team._state.fields_cache["policy"] = policy
    if membership:
        membership.team, membership.user = team, user
    sync = _take(Credential, cells)
    if sync:
        sync.account = key.account
    differs = bool(next(cells))
    if membership:
        membership.differs = differs  # type: ignore[attr-defined]  # see accounts.withheld
    return Found(key, membership, sync, differs)


def _take(model: type[_Row], cells: Iterator[Any]) -> _Row | None:
    """The next columns as a row of that model; None where the join found nothing."""
    names = _columns(model)
    values = [next(cells) for _ in names]
    if values[names.index(model._meta.pk.attname)] is None:
        return None
    return model.from_db(connection.alias, names, values)


def _there(row: _Row | None) -> _Row:
    assert row is not None, "the database lets no key be without it"
    return row
