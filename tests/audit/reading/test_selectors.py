from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from controlpanel.audit.reading import selectors
from controlpanel.audit.reading.selectors import events
from controlpanel.lib import clock
from controlpanel.lib.scope import Actor
from tests.audit.writing import Team

pytestmark = pytest.mark.django_db
ANN = Actor("user", "a22", "ann@example.com", "admin")


@pytest.fixture
def team(acme: Team, globex: Team) -> Team:
    acme.write("server.stop", target="web-01", actor=ANN, result="unknown")
    acme.write("token.stored", target="3f9a-11c2-77de", actor=ANN, account="main")
    return acme


def numbers(found: object) -> list[int]:
    return [event.seq for event in found]  # type: ignore[attr-defined]


def test_it_shows_a_teams_own_events_newest_first(team: Team) -> None:
    assert numbers(events(team.scope)) == [8, 7, 6, 5, 4, 3, 2, 1]


def test_it_shows_nothing_of_another_team(team: Team, globex: Team) -> None:
    assert {event.chain for event in events(globex.scope)} == {globex.chain}
    assert selectors.get(globex.scope, 3)
    assert selectors.get(globex.scope, 8) is None
    assert not selectors.history(globex.scope, "server", "id-web-01")


@pytest.mark.databases
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"actor": "ANN@"}, [8, 7]),
        ({"actor": "a22"}, [8, 7]),
        ({"action": "server.stop"}, [7]),
        ({"action": "token"}, [8]),
        ({"action": "serv"}, []),
        ({"target": "WEB-01"}, [7, 1]),
        ({"target": "id-web-06"}, [6]),
        ({"result": "unknown"}, [7]),
        ({"result": "nonsense"}, []),
        ({"history": ("server", "id-web-01")}, [7, 1]),
        ({"history": ("user", "id-web-01")}, []),
        ({"via": "page"}, [8, 7, 6, 5, 4, 3, 2, 1]),
        ({"via": "worker"}, []),
        ({"address": "192.0.2.7", "target": "web-06"}, [6]),
        ({"address": "192.0.2"}, []),
        ({"request": "request-0001", "action": "token"}, [8]),
        ({"request": "request-000"}, []),
        ({"reason": "ASKED", "target": "web-06"}, [6]),
        ({"reason": "web-06"}, []),
        ({"words": ["3F9A"]}, [8]),
        ({"words": ["asked for", "stop"], "actor": "ann"}, [7]),
        ({"words": ["100%"]}, []),
        ({"words": ['"']}, []),
    ],
)
def test_it_filters(team: Team, filters: dict[str, object], expected: list[int]) -> None:
    assert numbers(events(team.scope, **filters)) == expected  # type: ignore[arg-type]


def test_it_filters_by_time(team: Team) -> None:
    clock.shift(timedelta(hours=1))
    try:
        middle = team.write().at
        clock.shift(timedelta(hours=1))
        team.write()
    finally:
        clock.reset()
    assert numbers(events(team.scope, after=middle)) == [10, 9]
    assert numbers(events(team.scope, before=middle))[0] == 8
    assert numbers(events(team.scope, after=middle, before=middle + timedelta(seconds=1))) == [9]


def test_a_history_is_that_of_one_target(team: Team) -> None:
    assert numbers(selectors.history(team.scope, "server", "id-web-01")) == [7, 1]


def test_pages_lead_to_the_oldest_and_back(team: Team) -> None:
    first = selectors.page(events(team.scope), size=3)
    second = selectors.page(events(team.scope), first.older, size=3)
    third = selectors.page(events(team.scope), second.older, size=3)
    assert [numbers(page.events) for page in (first, second, third)] == [
        [8, 7, 6],
        [5, 4, 3],
        [2, 1],
    ]
    assert (first.newer, third.older) == ("", "")
    back = selectors.page(events(team.scope), third.newer, size=3)
    assert numbers(back.events) == [5, 4, 3]
    newest = selectors.page(events(team.scope), back.newer, size=3)
    assert (numbers(newest.events), newest.newer) == ([8, 7, 6], "")


def test_a_newest_page_is_full_again_when_events_came(team: Team) -> None:
    first = selectors.page(events(team.scope), size=3)
    second = selectors.page(events(team.scope), first.older, size=3)
    team.write()
    back = selectors.page(events(team.scope), second.newer, size=3)
    assert numbers(back.events) == [8, 7, 6]
    assert back.newer
    newest = selectors.page(events(team.scope), back.newer, size=3)
    assert (numbers(newest.events), newest.newer) == ([9, 8, 7], "")


@pytest.mark.parametrize("cursor", ["", "x", "b", "b1x", "b-1", "a" + "9" * 30, "b٣", "b1\n"])
def test_a_cursor_that_is_none_gives_the_first_page(team: Team, cursor: str) -> None:
    assert numbers(selectors.page(events(team.scope), cursor, size=2).events) == [8, 7]


@pytest.mark.parametrize("cursor", ["b1", "b0", "a8", "a99"])
def test_a_cursor_beyond_the_ends_is_no_error(team: Team, cursor: str) -> None:
    page = selectors.page(events(team.scope), cursor, size=50)
    assert len(page.events) in {0, 8}
    assert page.older == ""


def test_an_empty_log_is_an_empty_page(db: None) -> None:
    assert selectors.page(events(Team("new").scope)) == selectors.Page([], "", "")


def test_a_page_is_few_queries(
    team: Team, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        selectors.page(events(team.scope, result="success", action="server.stop"), "b7")
    with django_assert_num_queries(2):  # whether there are few of them
        selectors.page(events(team.scope, result="success", action="server"), "b7")


@pytest.mark.databases
@pytest.mark.parametrize("few", [1, 100])
def test_a_group_is_found_whether_there_are_few_or_many(
    team: Team, globex: Team, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "FEW", few)
    assert numbers(events(team.scope, action="server"))[-2:] == [2, 1]
    assert numbers(events(team.scope, action="token")) == [8]
    assert numbers(events(team.scope, action="outside")) == []
    found = events(team.scope, action="server")
    assert numbers(selectors.page(found, "b4", size=2).events) == [3, 2]
    assert selectors.newer(found, 3) == 4
