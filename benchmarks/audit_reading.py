"""The audit page, text searches, verification and export over a long log, in one database.

A process of its own, started by `benchmarks.audit` once for SQLite and once for PostgreSQL.
Pages are asked in turn; what counts is the ratio of the medians.
"""

import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

import psutil
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.test import Client, override_settings
from django.test.utils import setup_test_environment
from django.urls import include, path

from benchmarks.audit_filling import Filler, settle
from controlpanel.accounts.models import Membership, Team, User
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.reading import text_index
from controlpanel.audit.verification.full_check import verify
from controlpanel.lib.scope import Scope
from controlpanel.web.audit.rows import rows
from controlpanel.web.core.view_access import door
from tests.tools import database

ROWS = 50
PAGE_LIMIT, SEARCH_LIMIT, VERIFY_LIMIT = 1.3, 5.0, 60.0
BARE = Template(
    "<table>{% for row in rows %}<tr><td>{{ row.event.at }}</td><td>{{ row.sentence }}</td>"
    "<td>{{ row.event.result }}</td><td>{{ row.event.address }}</td></tr>{% endfor %}</table>"
)
DRAWN = Template('{% include "audit/rows.html" %}')
SEARCHES = {
    "denied": "result:denied",
    "one kind": "action:server.delete",
    "a person": "actor:person-07",
    "part of a server's name": "target:eb-017",
    "a rare word": "needle",
    "a frequent word": "people",
    "no such word": "unicorn",
    "a rare word of a person": "actor:person-07 needle",
}


def _bare(request: HttpRequest, scope: Scope, template: Template) -> HttpResponse:
    found = AuditEvent.objects.filter(chain=str(scope.team_id)).order_by("-seq")
    if "before" in request.GET:
        found = found.filter(seq__lt=int(request.GET["before"]))
    shown = rows(scope, list(found[: ROWS + 1])[:ROWS])
    return HttpResponse(template.render(RequestContext(request, {"rows": shown, "seen": None})))


@door("audit.view")
def bare(request: HttpRequest, scope: Scope) -> HttpResponse:
    """A keyset and nothing else: the same rows, drawn by the page's own template."""
    return _bare(request, scope, DRAWN)


@door("audit.view")
def words(request: HttpRequest, scope: Scope) -> HttpResponse:
    """The same, as one line of text a row: what drawing costs."""
    return _bare(request, scope, BARE)


urlpatterns = [
    path("bare/<slug:team>/", bare),
    path("words/<slug:team>/", words),
    path("", include("controlpanel.urls")),
]


def main(events: int, rounds: int) -> int:
    setup_test_environment()
    print(f"\n{connection.vendor}, {events:,} events in one chain", flush=True)
    with database.throw_away(), override_settings(ROOT_URLCONF=__name__):
        client, team = _signed_in()
        with _told("filled", events):
            Filler(str(team.id), events).fill()
        with _told("indexed for text searches", events):
            while text_index.index():
                pass
        settle()
        good = [_pages(client, events, rounds), _verified(events)]
    return 0 if all(good) else 1


def _signed_in() -> tuple[Client, Team]:
    user = User.objects.create_user("big@example.com", "x", name="Big")
    team = Team.objects.create(slug="big", name="Big")
    Membership.objects.create(team=team, user=user, role="auditor")
    client = Client()
    client.force_login(user)
    return client, team


def _pages(client: Client, events: int, rounds: int) -> bool:
    far = events // 10
    audit = "/teams/big/audit/"
    pages = {
        "words, first page": "/words/big/",
        "bare, first page": "/bare/big/",
        "bare, nine tenths down": f"/bare/big/?before={far}",
        "audit, first page": audit,
        "audit, nine tenths down": f"{audit}?page=b{far}",
        **{f"audit, {name}": f"{audit}?q={text}" for name, text in SEARCHES.items()},
    }
    times: dict[str, list[float]] = {name: [] for name in pages}
    for turn in range(rounds + 1):
        for name, address in pages.items():
            seconds = _timed(lambda: _ask(client, address))  # noqa: B023
            if turn:  # the first one warms up
                times[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print("\n| page | median | of the bare one | at most |\n| --- | ---: | ---: | ---: |")
    good = [_row(name, medians) for name in pages]
    return all(good)


def _row(name: str, medians: dict[str, float]) -> bool:
    reference = "bare, nine tenths down" if name.endswith("down") else "bare, first page"
    ratio = medians[name] / medians[reference]
    plain = name in ("audit, first page", "audit, nine tenths down")
    limit = PAGE_LIMIT if plain else SEARCH_LIMIT
    asked = f"{limit:.1f}" if name.startswith("audit") else ""
    print(f"| {name} | {medians[name] * 1000:.1f} ms | {ratio:.2f} | {asked} |", flush=True)
    return not asked or ratio <= limit


def _verified(events: int) -> bool:
    with _peak() as peak:
        started = time.perf_counter()
        report = verify()
        seconds = time.perf_counter() - started
    assert report.sound, report.wrong
    at_a_million = seconds / events * 1_000_000
    print(
        f"\nverify: {seconds:.1f} s, {at_a_million:.1f} s a million (at most {VERIFY_LIMIT:.0f}); "
        f"the process grew by {peak[0]:.1f} MB meanwhile",
        flush=True,
    )
    return at_a_million <= VERIFY_LIMIT


def _ask(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)


def _timed(do: Callable[[], None]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


@contextmanager
def _told(what: str, events: int) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    print(f"{what}: {seconds:.0f} s, {seconds / events * 1e6:.0f} µs an event", flush=True)


@contextmanager
def _peak() -> Iterator[list[float]]:
    """How far this process grew meanwhile, in MB."""
    process, done, peak = psutil.Process(), threading.Event(), [0.0]
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], (process.memory_info().rss - before) / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
