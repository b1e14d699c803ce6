"""Stored tokens while the keys that seal them are rotated."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from controlpanel.accounts.models import Account, Team
from controlpanel.audit.verification.full_check import verify
from controlpanel.credentials.models import Credential
from controlpanel.credentials.tokens import clients, sealed_tokens
from controlpanel.credentials.tokens import services as token_services
from controlpanel.keys import cipher, readiness, ring, rotation
from controlpanel.keys.ring import KeyRing
from controlpanel.lib import clock
from controlpanel.lib.secret import Secret
from tests.people import ADMIN_TOKEN, OPERATOR_TOKEN, OWNER_TOKEN, Person, join, keep_token

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

SOON = timedelta(seconds=5)
PEOPLE = 20


@pytest.fixture(autouse=True)
def _rotating(own_ring: KeyRing, db: None) -> None:
    """A ring of the test's own, before anything is sealed."""
    readiness.refuse_unless_ready()


def promoted(purpose: str = "credential") -> str:
    """A new key, in force."""
    key = rotation.add(purpose)
    rotation.promote(key.id, SOON)
    clock.shift(SOON)
    return key.id


def sealed_with() -> set[str]:
    return {cipher.key_id(sealed) for sealed in Credential.objects.values_list("sealed", flat=True)}


def works(person: Person, account: Account) -> bool:
    with clients.persons_client(person.user.id, account, 5) as client:
        return bool(client.list_servers().servers)


def rewrapped() -> rotation.Rewrapped:
    return next(result for result in rotation.rewrap() if result.holder == "API tokens")


def test_all_tokens_are_sealed_again_and_work(
    account: Account, other_account: Account, alice: Person, bob: Person, charlie: Person
) -> None:
    promoted()
    assert sealed_with() == {"credential-1"}
    result = rewrapped()
    assert (result.key_id, result.done, result.replaced, result.unreadable) == (
        "credential-2", 4, 0, [],
    )  # fmt: skip
    assert sealed_with() == {"credential-2"}
    clock.shift(rotation.SETTLED)
    rotation.retire("credential-1")
    assert works(alice, account)
    assert works(bob, account)
    assert works(charlie, other_account)


def test_only_the_sealed_value_changes(account: Account, alice: Person) -> None:
    def others() -> list[dict[str, Any]]:
        rows = list(Credential.objects.order_by("id").values())
        return [{name: v for name, v in row.items() if name != "sealed"} for row in rows]

    before = others()
    promoted()
    rewrapped()
    assert others() == before


def test_a_key_that_tokens_need_is_kept(account: Account) -> None:
    promoted()
    clock.shift(rotation.SETTLED)
    with pytest.raises(rotation.NotNow, match=r"3 \(API tokens\)"):
        rotation.retire("credential-1")
    assert ring.current().get("credential-1")


def test_a_damaged_and_a_moved_token_are_named_and_left(account: Account, alice: Person) -> None:
    damaged, moved, sound = Credential.objects.order_by("id")
    Credential.objects.filter(id=damaged.id).update(sealed="garbage")
    Credential.objects.filter(id=moved.id).update(sealed=sound.sealed)
    promoted()
    result = rewrapped()
    assert result.done == 1
    assert result.unreadable == [str(damaged.id), str(moved.id)]
    kept = dict(Credential.objects.values_list("id", "sealed"))
    assert (kept[damaged.id], kept[moved.id]) == ("garbage", sound.sealed)


def test_a_token_replaced_meanwhile_stays_the_new_one(
    account: Account, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted()
    mine = Credential.objects.get(user=bob.user)
    reseal = cipher.reseal

    def slow(purpose: str, sealed: str, context: Any) -> str:
        text = reseal(purpose, sealed, context)
        if sealed == mine.sealed:
            token_services.store(bob.scope(), account, Secret(ADMIN_TOKEN), frozenset())
        return text

    monkeypatch.setattr(cipher, "reseal", slow)
    result = rewrapped()
    assert (result.done, result.replaced) == (2, 1)
    now = Credential.objects.get(user=bob.user)
    opened = cipher.open_sealed(clients.PURPOSE, now.sealed, clients.binding(now, account))
    assert opened == Secret(ADMIN_TOKEN)


def test_a_row_read_before_it_was_sealed_again_can_be_used_for_a_minute(
    account: Account, bob: Person
) -> None:
    read_earlier = Credential.objects.get(user=bob.user)
    promoted()
    clock.shift(timedelta(hours=1))
    rewrapped()
    with pytest.raises(rotation.NotNow, match="in a minute"):
        rotation.retire("credential-1")
    with clients._opened(read_earlier, account, "no_token", 5) as client:
        assert client.list_servers().servers


def test_a_token_that_nothing_can_read_stays_unreadable(account: Account, bob: Person) -> None:
    Credential.objects.filter(user=bob.user).update(sealed="garbage")
    with (
        pytest.raises(clients.NoClient) as refused,
        clients.persons_client(bob.user.id, account, 5),
    ):
        pass
    assert refused.value.code == "token_unreadable"


def test_fingerprints_keep_the_key_that_made_them(account: Account, bob: Person) -> None:
    Credential.objects.exclude(user=bob.user).delete()
    promoted("fingerprint")
    clock.shift(rotation.SETTLED)
    assert sealed_tokens.usage() == {"credential-1": 1, "fingerprint-1": 1}
    with pytest.raises(rotation.NotNow, match="API tokens"):
        rotation.retire("fingerprint-1")
    token_services.store(bob.scope(), account, Secret(OPERATOR_TOKEN), frozenset())
    assert sealed_tokens.usage() == {"credential-1": 1, "fingerprint-2": 1}
    rotation.retire("fingerprint-1")


def test_an_identity_keeps_its_key_until_the_account_is_checked_again(
    team: Team, account: Account, alice: Person
) -> None:
    token_services.store(alice.scope(), account, Secret(OWNER_TOKEN), frozenset())
    account.refresh_from_db()
    assert account.identity.startswith("fingerprint-1:")
    promoted("fingerprint")
    clock.shift(rotation.SETTLED)
    Credential.objects.all().delete()
    with pytest.raises(rotation.NotNow, match=r"1 \(VPS.org accounts\)"):
        rotation.retire("fingerprint-1")
    token_services.store(alice.scope(), account, Secret(OWNER_TOKEN), frozenset())
    account.refresh_from_db()
    assert account.identity.startswith("fingerprint-2:")
    rotation.retire("fingerprint-1")
    token_services.store(alice.scope(), account, Secret(OWNER_TOKEN), frozenset())


@pytest.fixture
def crowd(team: Team, account: Account) -> list[Person]:
    people = [join(team, f"person-{number}", "operator") for number in range(PEOPLE)]
    for person in people:
        keep_token(person.user, account, OPERATOR_TOKEN)
    return people


class Clicking:
    """Everybody uses their token, and some replace it, until told to stop."""

    def __init__(self, people: list[Person], account: Account) -> None:
        self.people, self.account = people, account
        self.done, self.failures = [0] * len(people), list[BaseException]()
        self._over = threading.Event()

    def click(self, place: int) -> None:
        person = self.people[place]
        scope = person.scope()
        try:
            while not self._over.is_set():
                if place % 5 == 0 and self.done[place] % 3 == 0:
                    token_services.store(scope, self.account, Secret(OPERATOR_TOKEN), frozenset())
                assert works(person, self.account)
                self.done[place] += 1
        except BaseException as failure:
            self.failures.append(failure)
            raise
        finally:
            connection.close()

    def each_clicked(self) -> None:
        """Waits until everybody has used their token once more, at least."""
        before = list(self.done)
        while not self.failures and any(
            now <= then for now, then in zip(self.done, before, strict=True)
        ):
            self._over.wait(0.02)

    def __enter__(self) -> "Clicking":
        self._pool = ThreadPoolExecutor(len(self.people))
        self._runs = [self._pool.submit(self.click, place) for place in range(len(self.people))]
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._pool.shutdown()


@pytest.fixture
def slow_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a row's reading and its opening others get their turn."""
    opened = cipher.open_sealed

    def slow(purpose: str, sealed: str, context: Any) -> Secret:
        threading.Event().wait(0.005)
        return opened(purpose, sealed, context)

    monkeypatch.setattr(cipher, "open_sealed", slow)


@pytest.mark.deep
@pytest.mark.usefixtures("slow_reads")
@pytest.mark.django_db(transaction=True)
def test_twenty_people_notice_nothing(crowd: list[Person], account: Account) -> None:
    with Clicking(crowd, account) as clicking:
        for number in (2, 3):
            clicking.each_clicked()
            assert rotation.add("credential").id == f"credential-{number}"
            clicking.each_clicked()
            rotation.promote(f"credential-{number}", timedelta(seconds=1))
            threading.Event().wait(1.1)
            assert rewrapped().unreadable == []
            # A minute goes by, in which everybody is done with what they had read.
            clicking.each_clicked()
            clock.shift(rotation.SETTLED)
            rotation.retire(f"credential-{number - 1}")
        clicking.each_clicked()
    assert clicking.failures == []
    assert sealed_with() == {"credential-3"}
    assert [key.id for key in ring.current().of("credential")] == ["credential-3"]
    readiness.refuse_unless_ready()
    assert verify().sound
