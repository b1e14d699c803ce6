"""The token and the root password reach nothing that is raised, logged, pickled or returned."""

import copy
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import pytest

from controlpanel.lib.secret import Secret
from controlpanel.sandbox.server import Sandbox
from controlpanel.vpsorg import errors
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import ApiError
from controlpanel.vpsorg.token import valid_token
from tests.vpsorg.rawserver import RawServer, answer
from tests.vpsorg.test_outcomes import CALLS

CANARY = 'canary-"\\/7f3a-token'
PASSWORD = "R00t-canary-password"
ClientAt = Callable[..., Client]

FAULTS: list[dict[str, Any]] = [
    {"kind": "drop_after"},
    {"kind": "reset"},
    {"kind": "hang", "seconds": 2},
    {"kind": "garbage"},
    {"kind": "truncated"},
    {"kind": "oversize"},
    {"kind": "redirect"},
    {"kind": "drip", "seconds": 2, "interval": 0.05},
    *(
        {"kind": "status", "status": status, "body": body}
        for status in (200, 400, 401, 403, 404, 429, 500, 999)
        for body in (
            {"detail": f"Bad token {CANARY} of vps_someone_else_1"},
            {"name": [f"not {CANARY}"], CANARY: ["x"]},
            f"Bearer {CANARY}",
        )
    ),
]


@pytest.fixture
def canary_client(sandbox: Sandbox, client_at: ClientAt) -> Client:
    owner = sandbox.world.token("vps_sandbox_acme_owner_0001")
    assert owner is not None
    sandbox.world.add_token(CANARY, owner)
    return client_at(sandbox.url, CANARY)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything any logger says, down to debug."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root, urllib3 = logging.getLogger(), logging.getLogger("urllib3")
    levels = root.level, urllib3.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    urllib3.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(levels[0])
    urllib3.setLevel(levels[1])


def has(text: str, secret: str = CANARY) -> bool:
    return secret in text or json.dumps(secret)[1:-1] in text or repr(secret)[1:-1] in text


def everything_in(error: BaseException) -> str:
    """The error, what it carries, its causes, and the variables of every frame it went through."""
    shown = [repr(error), str(error), repr(vars(error)), repr(error.args)]
    shown += traceback.format_exception(error)
    shown.append(pickle.dumps(error).decode("latin-1"))
    shown.append(repr(vars(copy.deepcopy(error))))
    shown += [repr(frame) for frame in frames(error.__traceback__)]
    for other in (error.__cause__, error.__context__):
        if other is not None:
            shown.append(everything_in(other))
    return "\n".join(shown)


def frames(trace: TracebackType | None) -> list[dict[str, object]]:
    found = []
    while trace is not None:
        if "controlpanel/vpsorg" in trace.tb_frame.f_code.co_filename:
            found.append(dict(trace.tb_frame.f_locals))
        trace = trace.tb_next
    return found


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['kind']}")
def test_no_error_has_the_token(
    canary_client: Client, sandbox: Sandbox, fault: dict[str, Any], logged: io.StringIO
) -> None:
    canary_client._total = 0.3
    for call in CALLS.values():
        sandbox.desk.faults.clear()
        sandbox.fault(**fault)
        shown = what_came_of(call, canary_client)
        # The provider's own answer may stand in a frame as it came; the token as sent may not.
        assert not has(shown.replace(repr(fault), "").replace(said_by_provider(fault), ""))
    assert not has(logged.getvalue())


def what_came_of(call: Callable[[Client], object], client: Client) -> str:
    try:
        return repr(call(client))
    except ApiError as caught:
        error = caught
    assert error.__cause__ is None
    assert "vps_someone_else_1" not in f"{error.words}{error.fields}"
    return everything_in(error)


def said_by_provider(fault: dict[str, Any]) -> str:
    body = fault.get("body")
    return repr(body if isinstance(body, str) else json.dumps(body).encode())[2:-1]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_no_error_before_sending_has_the_token(
    client_at: ClientAt, call: Callable[[Client], object], logged: io.StringIO
) -> None:
    with RawServer(answer()) as gone:
        url = gone.url
    with pytest.raises(ApiError) as caught:
        call(client_at(url, CANARY))
    assert not has(everything_in(caught.value))
    assert not has(logged.getvalue())


def test_every_kind_of_error_survives_pickling() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    for kind in kinds:
        if not issubclass(kind, ApiError) or kind is ApiError:
            continue
        error = kind("timeout", status=408, words="w", fields={"a": ["b"]}, retry_after=2)
        again = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert type(again) is kind
        assert vars(again) == vars(error)
        assert str(again) == str(error)
        assert again.sent in {"never", "refused", "ambiguous"}


def test_every_code_has_a_sentence() -> None:
    for code, sentence in errors.SENTENCES.items():
        assert errors.Ambiguous(code).sentence == sentence
        assert sentence.endswith(".")


@pytest.mark.parametrize(
    "token", ["", "short", "has space", "new-line\n", "ümlaut-token", "a" * 513]
)
def test_a_token_of_the_wrong_form_is_not_used(token: str) -> None:
    assert not valid_token(Secret(token))
    with pytest.raises(ValueError, match="API token") as refused:
        Client("https://admin.vps.org", Secret(token))
    assert not token or token not in str(refused.value)


def test_a_client_does_not_show_or_pickle_its_token(client_at: ClientAt) -> None:
    client = client_at("https://admin.vps.org", CANARY)
    assert not has(repr(client) + str(vars(client)))
    with pytest.raises(TypeError):
        pickle.dumps(client)


def test_the_root_password_never_passes(
    canary_client: Client, sandbox: Sandbox, logged: io.StringIO
) -> None:
    sandbox.fault(
        "rewrite",
        set={
            "password": PASSWORD,
            "root_password": {"value": PASSWORD},
            "os": {"id": 5, "name": "Debian", "Password": PASSWORD},
            "plan": {"id": 1, "name": "Small", "console": [{"vncPassword": PASSWORD}]},
        },
        times=None,
    )
    for name in ("create", "get", "replace", "update", "list", "start"):
        shown = repr(CALLS[name](canary_client))
        assert PASSWORD not in shown
    assert PASSWORD not in logged.getvalue()


def test_the_root_password_is_in_no_error(canary_client: Client, sandbox: Sandbox) -> None:
    body = {"password": PASSWORD, "detail": "no", "errors": {"root_password": [PASSWORD]}}
    sandbox.fault("status", status=400, body=body)
    with pytest.raises(ApiError) as caught:
        CALLS["create"](canary_client)
    assert PASSWORD not in f"{caught.value} {vars(caught.value)}"
    assert caught.value.words == "no"


def test_an_unreadable_answer_is_not_kept(canary_client: Client, sandbox: Sandbox) -> None:
    """The error of json carries the whole document."""
    sandbox.fault("status", "POST", status=201, body=f'{{"password": "{PASSWORD}", ')
    with pytest.raises(ApiError) as caught:
        CALLS["create"](canary_client)
    assert PASSWORD not in pickle.dumps(caught.value).decode("latin-1")
    context: BaseException | None = caught.value
    while context is not None:
        assert PASSWORD not in f"{context!r} {vars(context)}"
        context = context.__context__


def test_an_echoed_token_is_redacted(canary_client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("rewrite", set={"name": f"x {CANARY} y", "message": CANARY}, times=None)
    assert not has(repr(CALLS["list"](canary_client)))
    assert not has(repr(CALLS["get"](canary_client)))
