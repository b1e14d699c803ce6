from datetime import timedelta

import pytest

from controlpanel.lib import clock
from controlpanel.servers import mirror, sync
from controlpanel.servers.models import AccountSync, CatalogueItem, Server
from tests.people import look


@pytest.fixture
def state(account):
    def read():
        return AccountSync.objects.get(account=account)

    return read


def present(account):
    found = Server.objects.filter(account=account, gone_at=None)
    return set(found.values_list("provider_id", flat=True))


def remove_outside(sandbox, *ids):
    for server_id in ids:
        del sandbox.world.fleets["acme"][server_id]


def test_a_first_look_fills_the_mirror(account, sandbox, state):
    look(account)
    assert len(present(account)) == 8
    server = Server.objects.get(provider_id="12345")
    assert (server.name, server.status, server.ip_address) == (
        "web-server-01",
        "active",
        "203.0.113.10",
    )
    assert (server.vcpus, server.memory, server.storage) == (2, 4096, 80)
    assert state().ok_at
    assert not state().trouble


def test_one_list_call_whatever_the_number_of_servers(account, sandbox):
    look(account)
    sandbox.journal.clear()
    look(account)
    assert [entry.path for entry in sandbox.journal.entries()] == ["/api/v1/servers/"]


def test_a_list_does_not_blank_what_only_the_detail_carries(synced, server, sandbox):
    sync.want_detail(server("web-server-01"))
    look(synced)
    filled = server("web-server-01")
    assert filled.ipv6_address
    assert filled.cpu_percent is not None
    assert filled.backups_enabled
    look(synced)
    again = server("web-server-01")
    assert (again.ipv6_address, again.cpu_percent) == (filled.ipv6_address, filled.cpu_percent)


def test_an_unchanged_list_writes_no_server(synced, django_assert_max_num_queries):
    before = dict(Server.objects.values_list("provider_id", "changed_at"))
    look(synced)
    assert dict(Server.objects.values_list("provider_id", "changed_at")) == before


def test_a_server_is_gone_after_two_complete_lists_without_it(synced, sandbox):
    remove_outside(sandbox, 12345)
    look(synced)
    assert "12345" in present(synced)
    look(synced)
    assert "12345" not in present(synced)


def test_a_server_that_comes_back_is_there_again(synced, sandbox):
    kept = sandbox.world.fleets["acme"][12345]
    remove_outside(sandbox, 12345)
    look(synced)
    look(synced)
    sandbox.world.add(kept)
    look(synced)
    assert "12345" not in present(synced)  # may still be a list from before
    clock.shift(mirror.STALE_LIST)
    look(synced)
    assert "12345" in present(synced)


def test_an_empty_list_is_suspicious(synced, sandbox, state):
    sandbox.fault("short_list", "GET", "/servers/$", keep=0, lie=True, times=None)
    for _ in range(5):
        clock.shift(timedelta(minutes=10))
        look(synced)
    assert len(present(synced)) == 8
    assert state().trouble == "list_shrunk"


def test_a_much_shorter_list_is_suspicious(synced, sandbox, state):
    sandbox.fault("short_list", "GET", "/servers/$", keep=4, lie=True, times=None)
    for _ in range(5):
        clock.shift(timedelta(minutes=10))
        look(synced)
    assert len(present(synced)) == 8
    assert state().trouble == "list_shrunk"


def test_a_truncated_list_removes_nothing_and_adds_what_is_new(synced, sandbox, state):
    sandbox.world.add_servers(1)
    sandbox.fault("short_list", "GET", "/servers/$", keep=8, times=None)
    look(synced)
    assert state().trouble == "list_truncated"
    assert len(present(synced)) == 8


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "unauthorized"), (403, "forbidden"), (429, "too_many_requests"), (503, "server_error")],
)
def test_trouble_is_kept_for_the_pages_and_ends_by_itself(synced, sandbox, state, status, code):
    known = state().ok_at
    sandbox.fault("status", "GET", "/servers/$", status=status, body={"detail": "Because."})
    look(synced)
    assert (state().trouble, state().trouble_words) == (code, "Because.")
    assert state().ok_at == known
    assert len(present(synced)) == 8
    clock.shift(timedelta(minutes=10))
    look(synced)
    assert not state().trouble
    assert not state().trouble_since


def test_it_waits_as_long_as_the_provider_asks(synced, sandbox, state):
    sandbox.fault("status", "GET", "/servers/$", status=429, headers={"Retry-After": "120"})
    look(synced)
    assert state().next_at - clock.now() > timedelta(seconds=100)
    sandbox.journal.clear()
    look(synced)
    assert not sandbox.journal.entries()


def test_it_backs_off_while_the_provider_is_down(synced, sandbox, state):
    sandbox.fault("status", "GET", "/servers/$", status=500, times=None)
    pauses = []
    for _ in range(8):
        look(synced)
        pauses.append((state().next_at - clock.now()).total_seconds())
        clock.shift(timedelta(minutes=10))
    assert pauses[0] < 10 < 200 < pauses[-1] < 340


def test_only_one_looks_at_a_time(account):
    assert sync.claim(account, at_least=timedelta(0))
    assert not sync.claim(account, at_least=timedelta(0))
    clock.shift(sync.CLAIM + timedelta(seconds=1))
    assert sync.claim(account, at_least=timedelta(0))


def test_without_a_sync_token_it_says_so(account, alice, state):
    alice.user.credentials.all().delete()
    look(account)
    assert state().trouble == "no_sync_token"


def test_the_catalogue_is_learned_from_endpoints(synced):
    kinds = CatalogueItem.objects.filter(source="endpoint").values_list("kind", flat=True)
    assert set(kinds) == {"plan", "os", "location", "ssh_key"}
    plan = CatalogueItem.objects.get(kind="plan", provider_id="1")
    assert plan.name == "Standard VPS"
    assert plan.data["vcpus"] == 2


def test_the_catalogue_is_learned_from_servers_where_no_endpoint_answers(account, sandbox):
    sandbox.world.settings.catalogue = False
    look(account)
    assert set(CatalogueItem.objects.values_list("source", flat=True)) == {"seen"}
    assert CatalogueItem.objects.filter(kind="os", name="Debian 12").exists()


def test_hostile_text_is_bounded(account, sandbox):
    sandbox.fault("hostile", "GET", "/servers/$", text="long")
    look(account)
    assert all(len(server.name) <= 255 for server in Server.objects.all())
