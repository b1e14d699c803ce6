import pytest

from controlpanel.accounts.request_origin import client_address

V4, V6 = "203.0.113.7", "2001:db8::7"


def address(rf, forwarded, remote="10.0.0.1"):
    return client_address(rf.get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded))


@pytest.fixture(autouse=True)
def _behind_a_proxy(settings):
    settings.PANEL_PROXY_COUNT = 1


@pytest.mark.parametrize(
    "written",
    [
        V4,
        f" {V4} ",
        f"{V4}:51622",
        f"{V4}:1",
        f'"{V4}:51622"',
        f"::ffff:{V4}",
        f"[::ffff:{V4}]:443",
        f"[::FFFF:{V4}]",
        "::ffff:cb00:7107",
        f"198.51.100.1, {V4}:8080",
    ],
)
def test_one_ipv4_address(rf, written):
    assert address(rf, written) == V4


@pytest.mark.parametrize(
    "written",
    [
        V6,
        V6.upper(),
        "2001:0db8:0000:0000:0000:0000:0000:0007",
        f"[{V6}]",
        f"[{V6}]:443",
        f'"[{V6}]:443"',
        f"[{V6}%eth0]:443",
        f"{V6}%eth0",
        f"{V4}, [{V6}]:9",
    ],
)
def test_one_ipv6_address(rf, written):
    assert address(rf, written) == V6


@pytest.mark.parametrize(
    "written",
    [
        "unknown",
        "_hidden",
        "localhost",
        f"{V4}:",
        f"{V4}:port",
        f"{V4}:123456",
        f"[{V4}",
        f"{V6}]:443",
        f"[{V6}]443",
        "256.1.1.1",
        "01.2.3.4",
        "1.2.3",
        f"{V4} {V6}",
        "%",
        "[]",
        f"{V4}<script>",
    ],
)
def test_what_is_no_address_is_none(rf, written):
    assert address(rf, written) == ""


def test_without_the_header_it_is_the_peer(rf):
    assert address(rf, "", remote="::ffff:10.0.0.1") == "10.0.0.1"


def test_without_a_proxy_the_header_is_nothing(rf, settings):
    settings.PANEL_PROXY_COUNT = 0
    assert address(rf, V4) == "10.0.0.1"


def test_two_proxies_are_counted_from_the_end(rf, settings):
    settings.PANEL_PROXY_COUNT = 2
    assert address(rf, f"192.0.2.66, {V4}:1, [{V6}]:2") == V4
