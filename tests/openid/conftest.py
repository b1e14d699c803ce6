from collections.abc import Iterator

import pytest
from pytest_django import Settings

from controlpanel.lib.openid_settings import OpenID
from controlpanel.lib.secret import Secret
from tests.openid.provider import CLIENT_ID, CLIENT_SECRET, Provider

ALICE = {"sub": "a-1", "email": "alice@example.com", "email_verified": True, "name": "A. Lice"}


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    """Running, named by the panel's settings, and with alice signed in there."""
    with Provider(person=dict(ALICE)) as running:
        settings.PANEL_OIDC = OpenID("Acme SSO", running.issuer, CLIENT_ID, Secret(CLIENT_SECRET))
        yield running
