"""People go, also from the database; what they did stays, and still says who it was."""

from collections.abc import Callable

import pytest

from controlpanel.accounts.models import User
from controlpanel.audit.verification.full_check import verify
from controlpanel.servers.models import Server
from tests.operations.asks import fresh, power, sent
from tests.people import Person

REASON = "a new kernel"


@pytest.fixture
def rebooted(bob: Person, server: Callable[[str], Server]) -> str:
    """The address of the receipt; whoever asked for it is gone."""
    operation = sent(power(bob, "reboot", server("web-server-01")))
    User.objects.get(id=bob.user.id).delete()
    return f"/teams/acme/operations/{fresh(operation.id).id}/"


def test_the_receipt_names_them(rebooted: str, alice: Person) -> None:
    answer = alice.get(rebooted)
    assert answer.status_code == 200
    assert "bob@example.com" in answer.content.decode()


def test_lists_name_them(rebooted: str, alice: Person) -> None:
    for address in ("/teams/acme/operations/", "/teams/acme/audit/", "/teams/acme/servers/12345/"):
        assert "bob@example.com" in alice.get(address).content.decode(), address


def test_the_chain_is_whole(rebooted: str, alice: Person) -> None:
    assert rebooted
    assert verify().sound
