"""Panel keys for tests: issued by the service, used at the door."""

from datetime import timedelta

import pytest

from controlpanel.accounts.models import Account
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import authentication, rejections
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.panel_keys.authentication import Entered, KeyNotAccepted
from controlpanel.credentials.panel_keys.services import Issued
from controlpanel.lib.scope import EVERYTHING, Origin, Reach
from tests.people import Person

HERE = Origin(via="gateway", address="192.0.2.7", user_agent="curl/8", request_id="r1")


def issue(
    person: Person,
    account: Account,
    name: str = "ci-deploy",
    *,
    permissions: frozenset[str] | None = None,
    reach: Reach = EVERYTHING,
    addresses: tuple[str, ...] = (),
    days: int = 90,
) -> Issued:
    scope = person.scope()
    given = frozenset(panel_key_services.grantable(scope)) if permissions is None else permissions
    return panel_key_services.issue(
        scope, account, name=name, permissions=given, reach=reach, addresses=addresses, days=days
    )


def enter(issued: Issued, origin: Origin = HERE) -> Entered:
    return authentication.enter(issued.text.reveal(), origin)


def why_not(issued: Issued | str, origin: Origin = HERE) -> str:
    """Why the door does not accept it; "" if it does."""
    text = issued if isinstance(issued, str) else issued.text.reveal()
    try:
        authentication.enter(text, origin)
    except KeyNotAccepted as refused:
        return refused.why
    return ""


def expire(issued: Issued) -> None:
    PanelKey.objects.filter(id=issued.key.id).update(
        expires_at=issued.key.created_at - timedelta(seconds=1)
    )


@pytest.fixture(autouse=True)
def _fresh_minute() -> None:
    rejections.forget()
