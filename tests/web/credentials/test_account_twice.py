"""A VPS.org account connected twice: pages say it, and show what binds on either copy."""

from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlpanel.accounts.models import Account
from controlpanel.audit.log import read_only_state
from controlpanel.lib import clock
from controlpanel.operations.leaving import disconnecting
from controlpanel.servers import identity, locks
from controlpanel.servers.models import AccountSync, Server, ServerLock
from tests.people import GLOBEX_TOKEN, OPERATOR_TOKEN, OWNER_TOKEN, Person, keep_token, look

LIST = "/teams/acme/servers/"
WEB = f"{LIST}12345/"
TOKENS = "/teams/acme/tokens/"
SECOND = "This account shows servers of “Acme”, which was connected earlier"
ALSO = "This server is also connected as “Again”. Changes go through “Acme”"


def connected(person: Person, name: str, token: str = OWNER_TOKEN) -> Account:
    origin = settings.VPSORG_API_ORIGIN
    account = Account.objects.create(team=person.team, name=name, origin=origin)
    keep_token(person.user, account, token, is_sync=True)
    return account


@pytest.fixture
def twin(alice: Person, bob: Person, synced: Account) -> Account:
    account = connected(alice, "Again")
    keep_token(bob.user, account, OPERATOR_TOKEN)
    look(account)
    return account


def of(account: Account, provider_id: str = "12345") -> Server:
    return Server.objects.select_related("account").get(account=account, provider_id=provider_id)


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return unescape(str(response.content, "utf-8"))


def rows(person: Person, account: Account) -> list[str]:
    """As the list shows them, of one account."""
    text = text_of(person.get(f"{LIST}?account={account.id}"))
    return text.split("<tr ")[2:]


@pytest.mark.parametrize("url", [LIST, TOKENS])
def test_the_list_and_the_accounts_say_it(alice: Person, twin: Account, url: str) -> None:
    text = text_of(alice.get(url))
    assert text.count(f"“Again”: {SECOND}") == 1
    assert "“Acme”: This account shows" not in text


def test_those_who_cannot_disconnect_are_told_as_well(vera: Person, twin: Account) -> None:
    assert f"“Again”: {SECOND}" in text_of(vera.get(LIST))


def test_buttons_of_the_second_account_are_greyed_with_the_reason(
    bob: Person, synced: Account, twin: Account
) -> None:
    assert all(SECOND in row for row in rows(bob, twin))
    assert not any(SECOND in row for row in rows(bob, synced))


def test_the_servers_page_says_it(alice: Person, twin: Account) -> None:
    assert ALSO in text_of(alice.get(WEB))
    assert TOKENS in text_of(alice.get(WEB))


def test_the_page_of_a_copy_that_is_only_read(bob: Person, synced: Account, twin: Account) -> None:
    """Only the account connected later still shows it, while others of the two are shared."""
    Server.objects.filter(account=synced, provider_id="12345").update(gone_at=clock.now())
    text = text_of(bob.get(WEB))
    assert f"“Again”: {SECOND}" in text
    assert ALSO not in text
    assert "disabled" in text
    assert SECOND in text_of(bob.get(f"{WEB}reboot/"))


def test_nothing_is_said_once_one_is_disconnected(
    alice: Person, synced: Account, twin: Account
) -> None:
    synced.refresh_from_db()
    disconnecting.disconnect(alice.scope("accounts.connect"), synced)
    for url in (LIST, TOKENS, WEB):
        text = text_of(alice.get(url))
        assert SECOND not in text
        assert ALSO not in text


def test_nor_of_an_account_with_other_servers(alice: Person, synced: Account) -> None:
    other = connected(alice, "Other", GLOBEX_TOKEN)
    look(other)
    for url in (LIST, TOKENS, WEB):
        text = text_of(alice.get(url))
        assert "connected earlier" not in text
        assert "also connected as" not in text


def test_nor_of_another_teams(charlie: Person, alice: Person, synced: Account) -> None:
    look(connected(charlie, "Again"))
    for url in (LIST, TOKENS, WEB):
        assert "connected earlier" not in text_of(alice.get(url))
        assert "also connected as" not in text_of(alice.get(url))


@pytest.mark.parametrize("level", ["delete", "changes"])
@pytest.mark.parametrize("first", [True, False])
def test_a_lock_on_either_copy_is_shown_on_both(
    alice: Person, bob: Person, synced: Account, twin: Account, first: bool, level: str
) -> None:
    locks.lock(alice.scope("servers.lock"), of(synced if first else twin), level, "Release day")
    words = {"delete": "locked against deletion", "changes": "locked against changes"}[level]
    for account in (synced, twin):
        assert [words in row for row in rows(bob, account)].count(True) == 1
    page = text_of(bob.get(WEB))
    assert "“Release day”" in page
    assert "Release the lock first" in text_of(alice.get(f"{WEB}delete/"))
    assert "Release day" in text_of(alice.get(f"{WEB}unlock/"))


def test_of_two_locks_the_strictest_is_shown(bob: Person, synced: Account, twin: Account) -> None:
    for account, level in ((synced, "delete"), (twin, "changes")):
        ServerLock.objects.create(server=of(account), level=level, by_name="x", reason=level)
    for account in (synced, twin):
        assert sum("locked against changes" in row for row in rows(bob, account)) == 1
    assert "against every change" in text_of(bob.get(WEB))


def test_another_teams_lock_is_not_shown(
    charlie: Person, bob: Person, synced: Account, twin: Account
) -> None:
    theirs = connected(charlie, "Again")
    look(theirs)
    locks.lock(charlie.scope("servers.lock"), of(theirs), "changes", "Theirs")
    assert not any("locked against" in row for row in rows(bob, synced))
    assert "Theirs" not in text_of(bob.get(WEB))


def queries(person: Person, address: str) -> int:
    read_only_state.forget()
    with CaptureQueriesContext(connection) as captured:
        assert person.get(address).status_code == 200
    return len(captured)


def test_the_list_asks_as_often_for_many_twins(
    alice: Person, vera: Person, synced: Account, twin: Account
) -> None:
    now = clock.now()
    AccountSync.objects.update(ok_at=now, tried_at=now)
    vera.get(LIST)
    few = queries(vera, LIST)
    for number in range(40):
        for account in (synced, twin):
            made = Server.objects.create(account=account, provider_id=str(20000 + number))
            ServerLock.objects.create(server=made, level="delete", by_name="x", reason="y")
    assert queries(vera, LIST) == few


def test_older_twins_are_found_of_all_accounts_at_once(alice: Person, synced: Account) -> None:
    """As they are found one by one."""
    seconds = [connected(alice, f"Again {n}") for n in range(2)]
    others = [connected(alice, f"Other {n}", GLOBEX_TOKEN) for n in range(2)]
    alone = connected(alice, "Empty")
    for account in (*seconds, *others):
        look(account)
    accounts = list(Account.objects.filter(team=alice.team))
    found = identity.older_twins(accounts)
    one_by_one = {one.id: identity.older_twin(one) for one in accounts}
    assert {key: bool(one) for key, one in found.items()} == {
        key: bool(one) for key, one in one_by_one.items()
    }
    assert [found[one.id] for one in (synced, *seconds)] == [None, synced, synced]
    assert [found[one.id] for one in (*others, alone)] == [None, others[0], None]


def test_a_new_server_is_offered_where_it_can_be_made(
    bob: Person, synced: Account, twin: Account
) -> None:
    """The second account's name sorts before the first one's."""
    Account.objects.filter(id=synced.id).update(name="Zebra")
    text = text_of(bob.get("/teams/acme/servers/new/"))
    assert "which was connected earlier" not in text
    chosen = text_of(bob.get(f"/teams/acme/servers/new/?account={twin.id}"))
    assert "which was connected earlier" in chosen
