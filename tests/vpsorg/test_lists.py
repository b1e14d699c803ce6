"""Lists: pages, lists that are cut, both dialects."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from controlpanel.lib.secret import Secret
from controlpanel.sandbox.server import Sandbox
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import Ambiguous, NotFound
from tests.vpsorg.conftest import OWNER
from tests.vpsorg.rawserver import Peer, RawServer, answer

ClientAt = Callable[..., Client]


def serving(*pages: object) -> Callable[[Peer], None]:
    """Answers with one page after the other, then with the last again."""

    def script(peer: Peer) -> None:
        left: Iterator[object] = iter(pages)
        page: object = None
        while peer.read_request():
            page = next(left, page)
            peer.say(answer(json.dumps(page).encode()))

    return script


@contextmanager
def recording() -> Iterator[list[bytes]]:
    """What is asked of it."""
    with pytest.MonkeyPatch.context() as patch:
        asked: list[bytes] = []
        read = Peer.read_request

        def note(peer: Peer) -> bytes:
            request = read(peer)
            asked.append(request)
            return request

        patch.setattr(Peer, "read_request", note)
        yield asked


def listed(client_at: ClientAt, *pages: object) -> tuple[list[str], bool]:
    with RawServer(serving(*pages)) as server:
        listing = client_at(server.url).list_servers()
    return [one.id for one in listing.servers], listing.complete


@pytest.fixture
def paged() -> Iterator[Sandbox]:
    with Sandbox(page_size=3) as server:
        yield server


def test_pages_are_followed(paged: Sandbox) -> None:
    listing = Client(paged.url, Secret(OWNER)).list_servers()
    assert len(listing.servers) == 8
    assert listing.complete
    assert len(paged.journal.entries()) == 3


def test_filters_stay_on_every_page(paged: Sandbox) -> None:
    listing = Client(paged.url, Secret(OWNER)).list_servers(status="active")
    assert {one.status for one in listing.servers} == {"active"}
    assert len(listing.servers) == 5


def test_a_list_shorter_than_its_count_is_incomplete(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("short_list", keep=2)
    listing = client.list_servers()
    assert (len(listing.servers), listing.count, listing.complete) == (2, 8, False)


@pytest.mark.parametrize(
    "page",
    [
        {"count": 2, "results": [{"id": 1}, {"name": "without an id"}]},
        {"count": 2, "results": [{"id": 1}, {"id": "../2"}]},
        {"count": 1, "results": [{"id": 1}, None]},
        {"results": [{"id": 1}, 7]},
        {"results": [{"id": 1}, {"id": True}]},
        {"count": 2, "results": [{"id": 1}, {"id": 1}]},
        {"count": 3, "results": [{"id": 1}, {"id": 2}, {"id": "1"}]},
        # It says itself that something went wrong.
        {"count": 1, "results": [{"id": 1}], "success": False},
        {"count": 1, "results": [{"id": 1}], "error": "One region did not answer."},
        {"count": 1, "results": [{"id": 1}], "errors": [{"message": "timeout"}]},
    ],
)
def test_entries_that_cannot_be_told_apart_make_a_list_incomplete(
    client_at: ClientAt, page: object
) -> None:
    ids, complete = listed(client_at, page)
    assert "1" in ids
    assert len(ids) == len(set(ids))
    assert not complete


@pytest.mark.parametrize(
    "page",
    [
        {"results": [{"id": 1}]},
        {"count": 1, "results": [{"id": 1}], "next": None},
        {"count": 1, "results": [{"id": 1}], "next": ""},
        {"count": 1, "results": [{"id": 1}], "next": " \n"},
        {"count": 1, "results": [{"id": 1}], "next": False},
        {"count": 1, "results": [{"id": 1}], "error": None, "errors": [], "success": True},
        {"count": 0, "results": [{"id": 1}]},
        {"count": "many", "results": [{"id": 1}]},
        {"count": None, "results": [{"id": "1"}]},
        [{"id": 1}],
    ],
)
def test_small_differences_do_no_harm(client_at: ClientAt, page: object) -> None:
    assert listed(client_at, page) == (["1"], True)


@pytest.mark.parametrize("page", [{}, {"results": None}, {"results": {}}, "x", 1, None, {"id": 1}])
def test_what_is_no_list_is_unreadable(client_at: ClientAt, page: object) -> None:
    with pytest.raises(Ambiguous) as error:
        listed(client_at, page)
    assert error.value.code == "unreadable"


# How a provider behind a proxy may write where the second page is.
LINKS = [
    "?page=2",
    "/api/v1/servers/?page=2",
    "/api/v1/servers?page=2",
    "/v1/servers/?page=2",
    "servers/?page=2",
    "http://admin.vps.org/api/v1/servers/?page=2",
    "https://admin.vps.org:8443/api/v1/servers/?page=2",
    "HTTPS://ADMIN.VPS.ORG/API/V1/SERVERS/?page=2",
    "http://backend.internal:8000/servers/?page=2",
    "//evil.example/api/v1/servers/?page=2",
    "http://169.254.169.254/latest/meta-data/?page=2",
    "https://eve:secret@admin.vps.org/api/v1/servers/?page=2",
    "http://[broken/api/v1/servers/?page=2",
    "http://127.0.0.1:99999999/api/v1/servers/?page=2",
    "/api/v1/account/me/?page=2",
    "http:\\\\admin.vps.org\\api\\v1\\servers\\?page=2",
    "\\\\evil.example\\?page=2",
    "https:admin.vps.org?page=2",
    "/api/v1/servers/;v=1?page=2",
    "/api/v1/servers/%3Fpage=1/?page=2",
    "http://a@b@evil.example/?page=2",
    "http://[::1]:8000/servers/?page=2",
    "https://b\u00fccher.example/servers/?page=2",
    "javascript:fetch('//evil.example')?page=2",
    "../servers/?page=2",
    "\t?page=2\u00a0",
    "/api/v1/servers/../plans/?page=2",
    "https://admin.vps.org/api/v1/servers/?page=2#top",
    "  https://admin.vps.org/api/v1/servers/?page=2\n",
    "file:///etc/passwd?page=2",
]


@pytest.mark.parametrize("link", LINKS)
def test_of_a_link_the_query_is_asked_of_the_configured_origin(
    client_at: ClientAt, link: str
) -> None:
    pages = [{"count": 2, "results": [{"id": 1}], "next": link}, {"results": [{"id": 2}]}]
    with RawServer(serving(*pages)) as server, recording() as requests:
        listing = client_at(server.url).list_servers()
    assert [one.id for one in listing.servers] == ["1", "2"]
    assert listing.complete
    assert requests[1].startswith(b"GET /api/v1/servers/?page=2 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("cursor=cD0yMDI%3D", "cursor=cD0yMDI%3D"),
        ("cursor=cD0yMDI%3d", "cursor=cD0yMDI%3d"),
        ("page=2&status=active", "page=2&status=active"),
        ("status=active&page=2&x=", "status=active&page=2&x="),
        ("PAGE=2", "PAGE=2"),
        ("after=2025-01-10T14:30:00Z", "after=2025-01-10T14:30:00Z"),
        ("q=a+b%20c", "q=a+b%20c"),
        ("q=a b", "q=a%20b"),
        ("q=ü", "q=%C3%BC"),
        ("q=100%", "q=100%"),
        ("a[0]=1&a[1]=2", "a[0]=1&a[1]=2"),
        ("url=https://x/?y=1", "url=https://x/?y=1"),
        ("3", "3"),
    ],
)
def test_a_query_is_asked_as_it_was_written(client_at: ClientAt, query: str, asked: str) -> None:
    pages = [{"results": [], "next": f"https://x.example/y?{query}"}, {"results": []}]
    with RawServer(serving(*pages)) as server, recording() as requests:
        assert client_at(server.url).list_servers().complete
    assert requests[1].startswith(f"GET /api/v1/servers/?{asked} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize(
    "link",
    [
        "https://admin.vps.org/api/v1/servers/page/2/",
        "https://admin.vps.org/api/v1/servers/",
        "https://admin.vps.org/api/v1/servers/?",
        "https://admin.vps.org/api/v1/servers/#?page=2",
        "/api/v1/servers/2",
        "javascript:alert(1)",
        "page 2",
        "?page=" + "9" * 3000,
        "?page=\ud800",
        7,
        True,
        ["?page=2"],
        {"url": "?page=2"},
    ],
)
def test_a_list_whose_next_page_cannot_be_asked_for_is_incomplete(
    client_at: ClientAt, link: object
) -> None:
    with RawServer(answer(json.dumps({"results": [{"id": 1}], "next": link}).encode())) as server:
        listing = client_at(server.url).list_servers()
        assert len(server.requests) == 1
    assert len(listing.servers) == 1
    assert not listing.complete


def test_a_link_cannot_bring_in_a_header(client_at: ClientAt) -> None:
    link = "?page=2 HTTP/1.1\r\nX-Evil: 1\r\n\u00fc"
    with RawServer(answer(json.dumps({"results": [], "next": link}).encode())) as server:
        client_at(server.url).list_servers()
        assert all(b"X-Evil: 1\r\n" not in request for request in server.requests)


def test_links_in_a_circle_end(client_at: ClientAt) -> None:
    pages = [{"results": [{"id": n}], "next": f"?page={n % 3}"} for n in range(1, 9)]
    ids, complete = listed(client_at, *pages)
    assert len(ids) <= 4
    assert not complete


def test_pages_without_end_are_capped(client_at: ClientAt) -> None:
    pages = [{"results": [{"id": n}], "next": f"?page={n + 1}"} for n in range(1, 400)]
    with RawServer(serving(*pages)) as server:
        listing = client_at(server.url, total=10).list_servers()
    assert len(listing.servers) == 200
    assert not listing.complete


def test_a_page_that_fails_fails_the_list(paged: Sandbox) -> None:
    paged.fault("status", "GET", status=502, skip=1)
    with pytest.raises(Ambiguous):
        Client(paged.url, Secret(OWNER)).list_servers()


@pytest.fixture
def second() -> Iterator[Sandbox]:
    with Sandbox(dialect="second", page_size=5) as server:
        yield server


def test_the_second_dialect_is_recognised_and_read(second: Sandbox) -> None:
    listing = Client(second.url, Secret(OWNER)).list_servers()
    assert listing.dialect == "second"
    assert listing.complete
    assert len(listing.servers) == 8
    server = listing.servers[0]
    assert server.name == server.hostname == "web01.example.com"
    assert server.ip_address == "203.0.113.10"
    assert server.ipv6_address == "2001:0db8::1"
    assert server.location == "Los Angeles"
    assert server.plan is not None
    assert server.plan.name == "Standard VPS"
    assert server.os is not None
    assert server.os.name == "Ubuntu 22.04 LTS"


def test_a_server_of_the_second_dialect_is_read(second: Sandbox) -> None:
    client = Client(second.url, Secret(OWNER))
    wanted = client.list_servers().servers[0].id
    server = client.get_server(wanted).server
    assert server is not None
    assert server.id == wanted
    assert server.plan is not None
    assert (server.plan.vcpus, server.plan.memory, server.plan.storage) == (2, 4096, 80)


def test_one_entry_of_the_second_dialect_is_enough(client_at: ClientAt) -> None:
    page = {"results": [{"id": 1}, {"uuid": "0b0e7c0a-97f5-4b0e-8a53-2f4f3a3f0c11"}]}
    with RawServer(answer(json.dumps(page).encode())) as server:
        assert client_at(server.url).list_servers().dialect == "second"


def test_uuids_under_the_documented_name_are_documented(client_at: ClientAt) -> None:
    page = {"results": [{"id": "0b0e7c0a-97f5-4b0e-8a53-2f4f3a3f0c11", "name": "a"}]}
    with RawServer(answer(json.dumps(page).encode())) as server:
        assert client_at(server.url).list_servers().dialect == "documented"


def test_the_catalogue_may_be_absent() -> None:
    with Sandbox(catalogue=False) as server:
        client = Client(server.url, Secret(OWNER))
        for ask in (client.plans, client.locations, client.operating_systems, client.ssh_keys):
            with pytest.raises(NotFound):
                ask()
