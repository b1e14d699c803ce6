from collections.abc import Callable, Iterator

import pytest

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import Api


@pytest.fixture(scope="session")
def provider_server() -> Iterator[Sandbox]:
    with Sandbox(provision_seconds=20, power_seconds=4) as server:
        yield server


@pytest.fixture
def provider(provider_server: Sandbox) -> Sandbox:
    """As after its first start; time moves when a test advances it."""
    provider_server.reset()
    return provider_server


@pytest.fixture
def api_as(provider: Sandbox) -> Iterator[Callable[[str | None], Api]]:
    made = []

    def make(token: str | None) -> Api:
        made.append(Api(provider.url, token))
        return made[-1]

    yield make
    for api in made:
        api.close()


@pytest.fixture
def api(provider: Sandbox) -> Iterator[Api]:
    """The owner of the account acme."""
    client = Api(provider.url)
    yield client
    client.close()
