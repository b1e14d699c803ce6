"""Pages ask the database the same number of times, however much there is."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlpanel.accounts.models import Account
from controlpanel.audit.log import read_only_state
from controlpanel.lib import clock
from controlpanel.servers.models import AccountSync, CatalogueItem, Server
from tests.people import HTMX, Person
from tests.web.operation_rows import operation

LIST = "/teams/acme/servers/"
MOST = 15


def queries(person: Person, address: str, **headers: str) -> int:
    read_only_state.forget()  # a process looks into the log every few seconds, whatever is asked
    with CaptureQueriesContext(connection) as captured:
        assert person.get(address, headers=headers).status_code == 200
    return len(captured)


def seed(account: Account, number: int) -> None:
    Server.objects.bulk_create(
        [
            Server(
                account=account,
                provider_id=f"{20000 + n}",
                name=f"srv-{n:05}",
                hostname=f"srv-{n:05}.example.com",
                status=("active", "stopped", "rebooting")[n % 3],
                ip_address="198.51.100.7",
                location="us-west",
                plan_id="1",
                plan_name="Standard VPS",
            )
            for n in range(number)
        ],
        batch_size=1000,
    )


@pytest.fixture
def asked(account: Account, bob: Person, vera: Person) -> Account:
    """Nobody needs to ask the provider for a while, and everybody's session is known."""
    for person in (bob, vera):
        person.get("/healthz")
    now = clock.now()
    AccountSync.objects.create(account=account, ok_at=now, tried_at=now + timedelta(hours=1))
    return account


@pytest.mark.parametrize("query", ["", "?q=srv&status=active&sort=-plan", "?page=2"])
def test_the_list_asks_as_often_for_10_servers_as_for_1_000(
    asked: Account, bob: Person, query: str
) -> None:
    seed(asked, 10)
    few = queries(bob, LIST + query)
    Server.objects.all().delete()
    seed(asked, 1_000)
    assert queries(bob, LIST + query) == few
    assert few <= MOST


def test_so_does_its_fragment(asked: Account, bob: Person) -> None:
    seed(asked, 10)
    few = queries(bob, LIST, **HTMX)
    Server.objects.all().delete()
    seed(asked, 1_000)
    assert queries(bob, LIST, **HTMX) == few


def test_operations_places_and_troubles_add_none_each(asked: Account, vera: Person) -> None:
    seed(asked, 60)
    calm = queries(vera, LIST)
    for n in range(30):
        operation(vera, asked, provider_id=f"{20000 + n}")
        CatalogueItem.objects.create(account=asked, kind="plan", provider_id=str(n), source="seen")
    assert queries(vera, LIST) == calm
    AccountSync.objects.update(trouble="unauthorized", failures=1)
    assert queries(vera, LIST) == calm + 1


def test_a_server_with_a_long_history_asks_no_more(asked: Account, bob: Person) -> None:
    seed(asked, 1)
    address = f"{LIST}20000/"
    operation(bob, asked, provider_id="20000", state="observed")
    short = queries(bob, address)
    for _ in range(40):
        operation(bob, asked, provider_id="20000", state="observed")
    assert queries(bob, address) == short
