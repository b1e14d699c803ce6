"""Names in the order in which people look for them, on both databases."""

import random
import re

import pytest

from controlpanel.lib import clock
from controlpanel.servers.models import AccountSync, Server
from controlpanel.servers.natural_order import MOST_BYTES, natural_key
from tests.people import look

pytestmark = pytest.mark.databases
LIST = "/teams/acme/servers/"
# In this order, however they were made.
ORDERED = (
    "1", "2", "02x", "10", "010x", "9999999999999999999999", "a", "A2", "a10", "B-1", "b-02",
    "b-2.example.com", "b-10", "db2-node9", "db2-node10", "db10-node1", "web", "web-1", "web-2",
    "WEB-9", "web-10", "web-10a", "web-10b", "web-100", "web-1000000", "web1", "web2", "web11",
    "Zeta", "zeta-1", "äpfel-2", "äpfel-10", "Ωmega",
)  # fmt: skip
PAIRS = (
    ("web-2", "web-10"),
    ("web2", "web10"),
    ("web-9", "web-010"),
    ("2-web", "10-web"),
    ("web-2-a", "web-2-b"),
    ("web-2-9", "web-2-10"),
    ("web-2", "web-2-1"),
    ("Web-2", "web-10"),
    ("web-99", "web-100"),
    ("web-1" + "0" * 40, "web-2" + "0" * 40),
    ("10.0.0.9", "10.0.0.10"),
    ("v1.9.1", "v1.10.0"),
    ("a" * 200 + "2", "a" * 200 + "10"),
)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_one_comes_before_the_other(first, second):
    assert natural_key(first) < natural_key(second)


def test_the_longest_name_fits_into_an_index():
    assert len(natural_key("１9ä" * 85)) <= MOST_BYTES
    assert len(natural_key("9a" * 127)) <= MOST_BYTES


def names(person, query=""):
    found = re.findall(r'data-server-id="[^"]*"[^>]*data-name="([^"]*)"',
                       person.get(f"{LIST}{query}").content.decode())  # fmt: skip
    assert found
    return found


@pytest.fixture
def asked(account):
    now = clock.now()
    AccountSync.objects.create(account=account, ok_at=now, tried_at=now)
    return account


def made(account, called, **given):
    shuffled = random.Random(7).sample(list(called), len(called))
    Server.objects.bulk_create(
        Server(account=account, provider_id=str(number), name=name, **given)
        for number, name in enumerate(shuffled)
    )


def test_the_list_is_in_natural_order_both_ways(bob, asked):
    made(asked, ORDERED)
    assert names(bob) == list(ORDERED)
    assert names(bob, "?sort=-name") == list(reversed(ORDERED))


@pytest.mark.parametrize("sort", ["status", "location", "plan"])
def test_what_is_alike_otherwise_is_too(bob, asked, sort):
    same = {"status": "active", "location": "us-west", "vcpus": 2, "memory": 4096}
    made(asked, ORDERED, **same)
    assert names(bob, f"?sort={sort}") == list(ORDERED)
    assert names(bob, f"?sort=-{sort}") == list(reversed(ORDERED))


@pytest.mark.parametrize(("sort", "step"), [("name", 1), ("-name", -1)])
def test_so_are_its_pages(bob, asked, sort, step):
    called = [f"web-{number}" for number in range(1, 121)]
    made(asked, called)
    pages = [name for page in (1, 2, 3) for name in names(bob, f"?sort={sort}&page={page}")]
    assert pages == called[::step]


def test_a_name_that_changes_moves(bob, synced, sandbox, server):
    found = server("mail-relay")
    for name in ("web-server-0", "web-server-100"):
        sandbox.world.change(sandbox.world.fleets["acme"][int(found.provider_id)], name=name)
        look(synced)
        shown = names(bob)
        assert shown == sorted(shown, key=natural_key)
        assert name in shown


def test_what_has_no_name_stands_by_its_host_name(account):
    by_host = Server.objects.create(account=account, provider_id="9", hostname="web-3")
    by_id = Server.objects.create(account=account, provider_id="12")
    assert bytes(by_host.name_order) == natural_key("web-3")
    assert bytes(by_id.name_order) == natural_key("12")
