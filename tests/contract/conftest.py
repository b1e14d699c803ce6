from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from controlpanel.sandbox.server import Sandbox
from tests.contract.deviations import DEVIATIONS, Deviation
from tests.contract.gateway import Gateway, both
from tests.sandbox.api import OWNER, Api

ApiAs = Callable[[str | None], Api]


class AnotherAnswer(Exception):
    """Not an AssertionError: a test that is expected to fail would take that for its failure."""


@pytest.fixture(scope="session")
def provider_server() -> Iterator[Sandbox]:
    with Sandbox(provision_seconds=20, power_seconds=4) as server:
        yield server


@pytest.fixture
def provider(provider_server: Sandbox) -> Sandbox:
    """As after its first start; time moves when a test advances it."""
    provider_server.reset()
    return provider_server


@pytest.fixture(params=["sandbox", pytest.param("gateway", marks=pytest.mark.django_db)])
def door(request: pytest.FixtureRequest) -> str:
    """Where the tests knock: every one of them at the provider's, and at the panel's in front."""
    return str(request.param)


@pytest.fixture
def gateway(
    db: None,
    provider: Sandbox,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Gateway]:
    deviation = _deviation(request.node)
    if deviation and not deviation.status:
        pytest.skip(deviation.why)
    if deviation:
        mark = pytest.mark.xfail(raises=(AssertionError, KeyError), strict=True)
        request.applymarker(mark)
    settings.VPSORG_API_ORIGIN = provider.url
    made = Gateway(provider)
    monkeypatch.setattr(provider, "advance", both(provider.advance, made.advance))
    yield made
    if deviation:
        last = made.answers[-1]
        code = last.json().get("code", "")
        if (last.status_code, code) != (deviation.status, deviation.code):
            raise AnotherAnswer(f"{last.status_code} {code}, not as in {deviation}")


@pytest.fixture
def api_as(provider: Sandbox, door: str, request: pytest.FixtureRequest) -> Iterator[ApiAs]:
    made: list[Api] = []
    gateway: Gateway | None = request.getfixturevalue("gateway") if door == "gateway" else None

    def make(token: str | None) -> Api:
        made.append(gateway.api(token) if gateway else Api(provider.url, token))
        return made[-1]

    yield make
    for api in made:
        api.close()


@pytest.fixture
def api(api_as: ApiAs) -> Api:
    """The owner of the account acme."""
    return api_as(OWNER)


def _deviation(item: pytest.Item) -> Deviation | None:
    name = f"{item.path.stem}.{item.name}"
    return next((one for one in DEVIATIONS if one.is_about(name)), None)
