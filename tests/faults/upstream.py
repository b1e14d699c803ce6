"""What can go wrong at the provider, how each is brought about, and what it means for a change."""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_django import Settings

from controlpanel.accounts.models import Account
from controlpanel.credentials.models import Credential
from controlpanel.operations.models import Operation
from controlpanel.sandbox.faults import HOSTILE
from controlpanel.sandbox.server import Sandbox
from tests.faults.changes import Change
from tests.people import ADMIN_TOKEN, OPERATOR_TOKEN, OWNER_TOKEN, keep_token
from tests.vpsorg.rawserver import Peer, RawServer

DONE, NOT_DONE, UNKNOWN = "accepted", "failed", "unknown"
# Nobody was asked: the edit page reads the server first, and that already failed.
NOT_ASKED = "not asked"
# The id of a server that is there and that no change here is about.
ANOTHER = 12347


@dataclass(frozen=True, slots=True)
class Scene:
    sandbox: Sandbox
    account: Account
    settings: Settings
    certificate: str


Bring = Callable[[Scene, Change], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`number`: its place among the 29. `says`: the state it leads to; `but`: for which changes
    it leads elsewhere. `hangs`: it takes a deadline to be over."""

    number: int
    name: str
    bring: Bring
    says: str
    but: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False

    def state(self, change: Change) -> str:
        return self.but.get(change.name, self.says)


def _sandbox(kind: str, *, reads: bool = False, **options: Any) -> Bring:
    """`reads`: it also befalls the calls that only look."""

    @contextmanager
    def bring(scene: Scene, change: Change) -> Iterator[None]:
        scene.sandbox.fault(kind, change.method, change.path, **options)
        if reads:
            # An edit first reads what it changes, and gets that far.
            later = {"times": None, "skip": int(change.is_edit)}
            scene.sandbox.fault(kind, "GET", "/servers/", **{**options, **later})
        yield

    return bring


def _lists(kind: str, **options: Any) -> Bring:
    """Befalls what is read after the change, not the change itself."""

    @contextmanager
    def bring(scene: Scene, change: Change) -> Iterator[None]:
        scene.sandbox.fault(kind, "GET", "/servers/$", **{"times": None, **options})
        yield

    return bring


@contextmanager
def _stopped(scene: Scene, change: Change) -> Iterator[None]:
    scene.sandbox.stop()
    try:
        yield
    finally:
        scene.sandbox.start()


@contextmanager
def _nowhere(scene: Scene, change: Change) -> Iterator[None]:
    with _moved(scene, "https://nowhere.invalid"):
        yield


@contextmanager
def _full_queue(scene: Scene, change: Change) -> Iterator[None]:
    """A listener whose queue is full answers no more connections."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with _moved(scene, f"http://127.0.0.1:{full.getsockname()[1]}"):
            yield


@contextmanager
def _untrusted(scene: Scene, change: Change) -> Iterator[None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(scene.certificate)
    with RawServer(b"", tls=context) as server:
        address = f"https://localhost:{server.port}"
        with _moved(scene, address):
            yield
        assert server.requests == []


@contextmanager
def _no_tls(scene: Scene, change: Change) -> Iterator[None]:
    with (
        RawServer(lambda peer: peer.say(b"hello, who is there?\r\n")) as server,
        _moved(scene, f"https://127.0.0.1:{server.port}"),
    ):
        yield


def _to_another_host(status: int) -> Bring:
    @contextmanager
    def bring(scene: Scene, change: Change) -> Iterator[None]:
        with RawServer(Peer.wait) as other:
            scene.sandbox.fault(
                "redirect", change.method, change.path, status=status, location=f"{other.url}/x"
            )
            yield
            assert other.connections == 0

    return bring


@contextmanager
def _moved(scene: Scene, address: str) -> Iterator[None]:
    """The account at another address, with its tokens sealed for that one."""
    before = scene.account.origin
    _seal_for(scene, address)
    yield
    _seal_for(scene, before)


def _seal_for(scene: Scene, address: str) -> None:
    scene.settings.VPSORG_API_ORIGIN = address
    account = scene.account
    account.origin = address
    account.save(update_fields=["origin"])
    roles = {"owner": OWNER_TOKEN, "admin": ADMIN_TOKEN, "operator": OPERATOR_TOKEN}
    for old in list(Credential.objects.filter(account=account).select_related("user")):
        role = old.user.memberships.get().role
        old.delete()
        keep_token(old.user, account, roles[role], is_sync=old.is_sync)


def _echo(status: int, **headers: str) -> Bring:
    """A refusal that repeats the token it was sent."""
    body = {"detail": f"No, {OPERATOR_TOKEN} and {ADMIN_TOKEN} may not.", "name": [OPERATOR_TOKEN]}
    return _sandbox("status", status=status, body=body, headers=headers)


_EDITS_NOT_ASKED = {"patch": NOT_ASKED, "put": NOT_ASKED}
# No body is documented for these: an answer that shows nothing is as good as any.
_SILENT_EDITS = {"patch": DONE, "put": DONE}

FAULTS: Final[tuple[Fault, ...]] = (
    Fault(1, "no such name", _nowhere, NOT_DONE, _EDITS_NOT_ASKED),
    Fault(2, "connection refused", _stopped, NOT_DONE, _EDITS_NOT_ASKED),
    Fault(3, "connect timeout", _full_queue, NOT_DONE, _EDITS_NOT_ASKED, hangs=True),
    Fault(4, "certificate not trusted", _untrusted, NOT_DONE, _EDITS_NOT_ASKED),
    Fault(4, "no tls", _no_tls, NOT_DONE, _EDITS_NOT_ASKED),
    Fault(5, "accept and close", _sandbox("accept_close"), UNKNOWN),
    Fault(6, "reset after request", _sandbox("reset"), UNKNOWN),
    Fault(6, "reset after applying", _sandbox("reset", apply=True), UNKNOWN),
    Fault(7, "closed before", _sandbox("drop_before"), UNKNOWN),
    Fault(7, "closed after", _sandbox("drop_after"), UNKNOWN),
    Fault(8, "timeout, applied", _sandbox("hang", apply=True, seconds=4.0), UNKNOWN, hangs=True),
    Fault(9, "timeout, not applied", _sandbox("hang", seconds=4.0), UNKNOWN, hangs=True),
    Fault(10, "drip", _sandbox("drip", seconds=4.0, interval=0.05), UNKNOWN, hangs=True),
    Fault(11, "truncated", _sandbox("truncated"), UNKNOWN),
    Fault(12, "over 1 MiB", _sandbox("oversize"), UNKNOWN),
    Fault(12, "over 1 MiB, chunked", _sandbox("oversize", chunked=True), UNKNOWN),
    Fault(13, "html", _sandbox("html"), UNKNOWN),
    Fault(13, "no json", _sandbox("garbage"), UNKNOWN),
    Fault(13, "empty", _sandbox("empty"), UNKNOWN, _SILENT_EDITS),
    Fault(14, "more fields", _sandbox("rewrite", set={"x": 1}, top={"y": [None]}), DONE),
    Fault(14, "odd shapes", _sandbox("rewrite", reads=True, set={"plan": None, "os": "?"}), DONE),
    Fault(14, "no id", _sandbox("rewrite", remove=["id"]), DONE, {"create": UNKNOWN}),
    Fault(14, "nulls", _sandbox("rewrite", set={"status": None, "name": None}), DONE),
    Fault(15, "another server", _sandbox("wrong_id", id=ANOTHER), UNKNOWN, {"delete": DONE}),
    Fault(16, "400", _echo(400), NOT_DONE),
    Fault(17, "401", _echo(401), NOT_DONE),
    Fault(18, "402", _echo(402), NOT_DONE),
    Fault(19, "403", _echo(403), NOT_DONE),
    Fault(20, "404", _echo(404), NOT_DONE),
    Fault(21, "409", _echo(409), NOT_DONE),
    Fault(21, "422", _echo(422), NOT_DONE),
    Fault(22, "429 with seconds", _echo(429, **{"Retry-After": "7"}), NOT_DONE),
    Fault(23, "429 with a date",
          _echo(429, **{"Retry-After": "Fri, 31 Dec 2027 23:59:59 GMT"}), NOT_DONE),
    Fault(23, "429, huge", _echo(429, **{"Retry-After": "9" * 400}), NOT_DONE),
    Fault(23, "429, garbage", _echo(429, **{"Retry-After": "soon\xe9"}), NOT_DONE),
    Fault(24, "500", _echo(500), UNKNOWN),
    Fault(25, "502", _sandbox("status", status=502, body="<h1>Bad Gateway</h1>"), UNKNOWN),
    Fault(25, "503", _echo(503, **{"Retry-After": "30"}), UNKNOWN),
    Fault(25, "504", _sandbox("status", status=504), UNKNOWN),
    Fault(26, "301 same host", _sandbox("redirect", status=301, location="/api/v1/servers/"),
          UNKNOWN),
    Fault(26, "302 metadata", _sandbox("redirect", status=302), UNKNOWN),
    Fault(26, "307 other host", _to_another_host(307), UNKNOWN),
    Fault(27, "stale list", _lists("stale_list"), DONE),
    Fault(27, "short list", _lists("short_list", keep=2, lie=True), DONE),
    Fault(27, "cut list", _lists("short_list", keep=2), DONE),
    Fault(28, "stuck", _sandbox("stuck"), DONE),
    Fault(28, "backwards", _lists("rewrite", set={"status": "provisioning"}), DONE),
    Fault(28, "unknown word", _sandbox("rewrite", reads=True, set={"status": "defragmenting"}),
          DONE),
    *(Fault(29, f"hostile {text}", _sandbox("hostile", reads=True, text=text), DONE)
      for text in HOSTILE),
)  # fmt: skip


def is_stuck(operation: Operation, scene: Scene) -> bool:
    """What the provider itself never gets done: nobody may call that observed."""
    if not operation.provider_id:
        return False
    server = scene.sandbox.world.anywhere(int(operation.provider_id))
    return server is not None and bool(server.goal) and server.due is None
