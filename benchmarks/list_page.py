"""The list page at 10,000 servers beside a bare view: sign-in, a count and the same 50 rows.

Both are asked in turn within one run; what counts is the ratio of the medians. Run: make bench
"""

import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import Client, override_settings
from django.test.utils import setup_test_environment
from django.urls import include, path

from controlpanel.accounts.models import Account, Membership, Team, User
from controlpanel.lib import clock
from controlpanel.servers.models import AccountSync, Server
from tests.tools import database

SERVERS = 10_000
ROUNDS = 60
LIMIT = 2.0


BARE = Template(
    "<p>{{ count }}</p><table>{% for row in rows %}<tr><td>{{ row.name }}</td>"
    "<td>{{ row.status }}</td><td>{{ row.ip_address }}</td></tr>{% endfor %}</table>"
)


@login_required
def bare(request: HttpRequest) -> HttpResponse:
    servers = Server.objects.filter(account__team__slug="big", gone_at=None)
    rows = servers.order_by("name", "provider_id")[:50]
    return HttpResponse(BARE.render(Context({"count": servers.count(), "rows": rows})))


urlpatterns = [path("bare/", bare), path("", include("controlpanel.urls"))]


def main() -> int:
    setup_test_environment()
    with database.throw_away(), override_settings(ROOT_URLCONF=__name__):
        client = _signed_in_client()
        pages = {"bare": "/bare/", "list": "/teams/big/servers/"}
        for address in pages.values():
            _ask(client, address)
        times: dict[str, list[float]] = {name: [] for name in pages}
        for _round in range(ROUNDS):
            for name, address in pages.items():
                times[name].append(_timed(lambda: _ask(client, address)))  # noqa: B023
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["list"] / medians["bare"]
    for name, value in medians.items():
        print(f"{name:5} {value * 1000:7.2f} ms (median of {ROUNDS})")
    print(f"list / bare = {ratio:.2f} (at most {LIMIT})")
    return 0 if ratio <= LIMIT else 1


def _signed_in_client() -> Client:
    user = User.objects.create_user("big@example.com", "x", name="Big")
    team = Team.objects.create(slug="big", name="Big")
    Membership.objects.create(team=team, user=user, role="operator")
    account = Account.objects.create(team=team, name="Big", origin=settings.VPSORG_API_ORIGIN)
    AccountSync.objects.create(account=account, ok_at=clock.now())
    Server.objects.bulk_create(
        [
            Server(
                account=account,
                provider_id=str(20_000 + number),
                name=f"server-{number:05}",
                hostname=f"server-{number:05}.example.com",
                status="active" if number % 7 else "stopped",
                ip_address=f"198.51.{number // 250 % 250}.{number % 250}",
                location="us-west",
                plan_id="1",
                plan_name="Standard VPS",
                vcpus=2,
                memory=4096,
                storage=80,
                os_id="5",
                os_name="Ubuntu 22.04 LTS",
            )
            for number in range(SERVERS)
        ],
        batch_size=1000,
    )
    client = Client()
    client.force_login(user)
    return client


def _ask(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 200, response.status_code
    assert response.content.count(b"server-0") >= 50


def _timed(do: Callable[[], None]) -> float:
    started = time.process_time()
    do()
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
