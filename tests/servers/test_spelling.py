"""The same value in another spelling: no change, seen as sent, and found."""

from datetime import timedelta

import pytest

from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.operations import services
from controlpanel.servers import selectors
from controlpanel.servers.models import Server
from controlpanel.servers.same import same
from controlpanel.servers.selectors import Filters
from tests.operations.asks import ask, fresh, power, rename, sent
from tests.people import look

pytestmark = pytest.mark.databases


def outside():
    return AuditEvent.objects.filter(event="outside.changed", target_id="12345")


@pytest.fixture
def shown(synced, sandbox, server):
    """`shown(hostname="…")`: the provider shows the server so from now on, and is asked."""
    Server.objects.filter(provider_id="12345").update(ipv6_address="2001:0db8::1")

    def show(**values):
        clock.shift(timedelta(minutes=3))
        sandbox.desk.faults.clear()
        sandbox.fault("rewrite", "GET", "/servers/", set=values, times=None)
        look(synced)
        return Server.objects.get(provider_id="12345")

    return show


@pytest.mark.parametrize(
    ("name", "one", "other", "expected"),
    [
        ("hostname", "Web01.Example.com", "web01.example.com", True),
        ("hostname", "web01.example.com.", "web01.example.com", True),
        ("hostname", "web01.example.com", "web02.example.com", False),
        ("hostname", "straße.example", "xn--strae-oqa.example", True),
        ("hostname", "bücher.example", "XN--BCHER-KVA.example.", True),
        ("hostname", "web01.example.com", "", False),
        ("ipv6_address", "2001:db8::1", "2001:0DB8:0::1", True),
        ("ipv6_address", "2001:db8::1", "2001:db8::2", False),
        ("ipv6_address", "2001:db8::1", None, False),
        ("ip_address", "192.0.2.1", "::ffff:192.0.2.1", True),
        ("name", "Web", "web", False),
        ("backups_enabled", True, True, True),
        ("backups_enabled", True, None, False),
    ],
)
def test_values_are_compared_as_their_field_is(name, one, other, expected):
    assert same(name, one, other) is expected


@pytest.mark.parametrize("given", ["WEB01.Example.com", "web01.example.com.", "Web01.EXAMPLE.com"])
def test_another_spelling_is_no_outside_change(shown, given):
    assert shown(hostname=given).hostname == given  # in the provider's own spelling
    assert not outside().exists()


def test_another_name_is_one(shown):
    shown(hostname="other.example.com")
    assert outside().count() == 1


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("Web09.Example.COM", "web09.example.com"),
        ("web09.example.com", "web09.example.com."),
        ("web09.example.com", "WEB09.example.com"),
    ],
)
def test_an_edit_is_observed_in_any_spelling(bob, synced, server, sandbox, asked, given):
    target = server("web-server-01")
    before = {"hostname": target.hostname}
    scope = bob.scope("servers.edit")
    operation = sent(services.update(scope, target, {"hostname": asked}, before, ask()))
    sandbox.fault("rewrite", "GET", "/servers/", set={"hostname": given}, times=None)
    clock.shift(timedelta(minutes=1))
    look(synced)
    assert fresh(operation.id).state == "observed"
    assert not outside().exists()


@pytest.mark.parametrize("given", ["web", "postoffice", "post-office-2", ""])
def test_a_field_of_ones_own_open_change_is_no_outside_change(bob, synced, server, sandbox, given):
    operation = sent(rename(bob, server("web-server-01"), "post-office"))
    sandbox.fault("rewrite", "GET", "/servers/", set={"name": given}, times=None)
    clock.shift(timedelta(minutes=1))
    look(synced)
    assert fresh(operation.id).state == "accepted"
    assert not outside().exists()


def test_another_field_is(bob, synced, server, sandbox):
    sent(rename(bob, server("web-server-01"), "post-office"))
    sandbox.fault("rewrite", "GET", "/servers/", set={"location": "mars"}, times=None)
    clock.shift(timedelta(minutes=1))
    look(synced)
    assert [one.data["fields"] for one in outside()] == [["location"]]


def test_a_word_that_nobody_knows_during_ones_own_stop_is_none(bob, synced, server, sandbox):
    sent(power(bob, "stop", server("web-server-01")))
    sandbox.fault("rewrite", "GET", "/servers/", set={"status": "parking"}, times=None)
    clock.shift(timedelta(minutes=1))
    look(synced)
    assert not outside().exists()


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ({"name": "Straße-1"}, "STRASSE"), ({"name": "STRASSE"}, "straße"),
        ({"name": "İstanbul"}, "istanbul"), ({"name": "ISTANBUL"}, "ıstanbul"),
        ({"name": "ΟΔΟΣ"}, "οδος"), ({"hostname": "BÜCHER.example"}, "bücher"),
        ({"name": "ДОМ"}, "дом"), ({"name": "ÉTÉ"}, "été"), ({"name": "a%b_C"}, "%b_c"),
        ({"ipv6_address": "2001:0db8::7"}, "2001:db8::7"),
        ({"ipv6_address": "2001:db8::7"}, "2001:0DB8:0000::0007"),
        ({"ipv6_address": "2001:db8::7"}, "[2001:db8::7]"),
        ({"ipv6_address": "2001:db8::7"}, "[2001:db8::7]:443"),
        ({"ipv6_address": "2001:0db8:0:0::7"}, "2001:db8::7/128"),
        ({"ipv6_address": "2001:0DB8::7"}, "2001:db8:"),
        ({"ipv6_address": "2001:db8:77::7"}, "2001:0db8:0077:"),
        ({"ipv6_address": "2001:db8:77::7"}, "db8:77:0:0"),
        ({"hostname": "mail.example.org"}, "MAIL.example.org."),
        ({"ip_address": "198.51.100.77"}, "198.51.100.77/32"),
        ({"ip_address": "198.51.100.77"}, " 198.51.100.77 "),
        ({"ip_address": "198.51.100.77"}, "198.51.100.7"),
        ({"ip_address": "198.51.100.77"}, "::ffff:198.51.100.77"),
    ],
)  # fmt: skip
def test_search_finds_it_in_any_spelling(alice, synced, stored, typed):
    server = Server.objects.get(provider_id="12345")
    for name, value in stored.items():
        setattr(server, name, value)
    server.save()
    found = selectors.listed(alice.scope("servers.view"), Filters(q=typed))
    assert [one.provider_id for one in found] == ["12345"]


def test_search_finds_what_a_look_has_brought(shown, alice):
    shown(hostname="STRAßE.example", ip_address="198.51.100.77")
    for typed in ("strasse", "198.51.100.77/32"):
        found = selectors.listed(alice.scope("servers.view"), Filters(q=typed))
        assert "12345" in [one.provider_id for one in found]


@pytest.mark.parametrize("typed", ["2001:db8::8", "192.0.2.99", "2001:db8::/64", "|"])
def test_it_finds_nothing_else(alice, synced, typed):
    assert not selectors.listed(alice.scope("servers.view"), Filters(q=typed)).exists()
