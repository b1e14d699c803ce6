"""People come and go while nothing can be recorded; how often is told afterwards."""

import itertools
from typing import Any

import pytest
import redis
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.cache import cache
from django.test import Client

from controlpanel.accounts.models import Account
from controlpanel.accounts.signin import session_store
from controlpanel.audit.log import read_only
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification import full_check
from tests.faults.changes import BASE, REBOOT, post
from tests.people import PASSWORD, Person
from tests.tools import unwritable
from tests.tools.valkey import ValkeyServer
from tests.web.profile.ways import LOGIN, TWO_STEP, add_app, code_for, is_signed_in, sign_in

pytestmark = [pytest.mark.databases, pytest.mark.django_db(transaction=True)]
ways = pytest.mark.parametrize(
    "way",
    [unwritable.refused, unwritable.read_only, unwritable.without_keys],
    ids=lambda way: way.__name__,
)
PAGES = (
    "/",
    "/teams/acme/servers/",
    "/teams/acme/servers/12345/",
    "/teams/acme/servers/12345/reboot/",
    "/teams/acme/operations/",
    "/teams/acme/audit/",
    "/teams/acme/audit/outside/",
    "/teams/acme/tokens/",
    "/teams/acme/members/",
    "/teams/acme/policies/",
    "/account/settings/",
)


def told() -> AuditEvent:
    return AuditEvent.objects.get(event="authn_not_recorded")


@ways
@pytest.mark.parametrize("known", [True, False], ids=["known", "found-out-now"])
def test_people_sign_in_look_and_sign_out(
    fleet: Account, alice: Person, bob: Person, nobody: Client, way: unwritable.Way, known: bool
) -> None:
    with way(fleet.team.chain):
        if known:
            post(bob, REBOOT)
        assert sign_in(nobody, alice)["Location"] == "/"
        for page in PAGES:
            assert nobody.get(page, follow=True).status_code == 200, page
            assert "The panel is read-only." in nobody.get(page, follow=True).content.decode()
        assert sign_in(Client(), alice, "wrong-horse-9").status_code == 200
        assert nobody.post("/accounts/logout/").status_code == 302
        assert not is_signed_in(nobody)
    assert read_only.closed() is None
    event = told()
    assert event.data["events"] == {
        "authn_login_success": 1,
        "authn_login_fail": 1,
        "authn_logout": 1,
    }
    assert (event.data["count"], event.data["people"]) == (3, ["alice@example.com"])
    assert full_check.verify().sound


@ways
def test_the_second_step_works(
    fleet: Account, alice: Person, nobody: Client, way: unwritable.Way
) -> None:
    if way is unwritable.without_keys:
        pytest.skip("the second step is sealed with them")
    secret = add_app(alice)
    with way(fleet.team.chain):
        assert sign_in(nobody, alice)["Location"] == f"{TWO_STEP}authenticate/"
        assert (
            nobody.post(f"{TWO_STEP}authenticate/", {"code": code_for(secret)}).status_code == 302
        )
        assert is_signed_in(nobody)


def test_what_was_begun_then_goes_on_afterwards(
    fleet: Account, alice: Person, nobody: Client
) -> None:
    with unwritable.read_only(fleet.team.chain):
        sign_in(nobody, alice)
        assert is_signed_in(nobody)
        before = Session.objects.count()
    assert is_signed_in(nobody)
    assert Session.objects.count() == before + 1
    cache.clear()
    assert is_signed_in(nobody)


def test_what_was_ended_then_stays_ended(fleet: Account, alice: Person) -> None:
    alice.sign_in()
    stolen = alice.cookies["sessionid"].value
    with unwritable.read_only(fleet.team.chain):
        alice.post("/accounts/logout/")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert not is_signed_in(thief)
    assert not is_signed_in(alice)


def place_of(browser: Client) -> str:
    """Where in the cache its session is kept while the database takes nothing."""
    return session_store.cache_key("session", browser.cookies["sessionid"].value)


FORGED = [
    "eyJfYXV0aF91c2VyX2lkIjoiMSJ9",
    "eyJfYXV0aF91c2VyX2lkIjoiMSJ9:1aaaaa:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "",
    ":",
    "::",
    ".eJw:",
    "\u0000",
    0,
    1,
    1.5,
    True,
    [],
    ["content"],
    {},
    {"content": {"_auth_user_id": "1"}},
    {"content": None},
    signing.dumps({"content": {"_auth_user_id": "1"}}),
    signing.dumps({"content": None}, salt="controlpanel.accounts.signin.session_store"),
]


def test_what_others_put_in_the_place_of_a_session_is_not_there(
    fleet: Account, alice: Person
) -> None:
    alice.sign_in()
    for forged in FORGED:
        cache.set(place_of(alice), forged)
        assert is_signed_in(alice), forged
        thief = Client()
        thief.cookies["sessionid"] = "abcdefgh12345678"
        cache.set(place_of(thief), forged)
        assert not is_signed_in(thief), forged


def test_a_session_in_the_cache_is_nobody_elses(fleet: Account, alice: Person, bob: Person) -> None:
    with unwritable.read_only(fleet.team.chain):
        alice.sign_in()
        thief = Client()
        thief.cookies["sessionid"] = "abcdefgh12345678"
        cache.set(place_of(thief), cache.get(place_of(alice)))
        assert is_signed_in(alice)
        assert not is_signed_in(thief)


def all_of(valkey: ValkeyServer) -> bytes:
    with redis.Redis.from_url(valkey.url) as client:
        names = client.keys()
        return b"\n".join([*names, *(_held(client, name) for name in names)])


def _held(client: redis.Redis, name: bytes) -> bytes:
    if client.type(name) == b"hash":  # what is left of a rate
        pairs: dict[Any, Any] = client.hgetall(name)
        return b"\n".join(itertools.chain(*pairs.items()))
    found: Any = client.get(name)
    return bytes(found or b"")


def test_who_reads_redis_finds_no_session_to_use(
    fleet: Account, alice: Person, valkey: ValkeyServer
) -> None:
    alice.sign_in()
    used = [alice.cookies["sessionid"].value]
    assert is_signed_in(alice)
    with unwritable.read_only(fleet.team.chain):
        sign_in(browser := Client(), alice)
        assert is_signed_in(browser)
        used.append(browser.cookies["sessionid"].value)
        found = all_of(valkey)
        browser.post("/accounts/logout/")
        found += all_of(valkey)
    assert b"session:" in found
    assert b"seen:" in found
    assert not [key for key in used if key.encode() in found]


def test_a_recovery_code_that_cannot_be_struck_out_lets_nobody_in(
    fleet: Account, alice: Person, nobody: Client
) -> None:
    add_app(alice)
    alice.signed_in_ago(seconds=0)
    page = alice.get(f"{TWO_STEP}codes/").content.decode()
    from allauth.mfa.models import Authenticator

    code = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()[0]
    assert code in page
    with unwritable.read_only(fleet.team.chain):
        sign_in(nobody, alice)
        assert nobody.post(f"{TWO_STEP}authenticate/", {"code": code}).status_code == 503
        assert not is_signed_in(nobody)


def test_a_password_is_not_set_meanwhile(fleet: Account, alice: Person) -> None:
    with unwritable.refused(fleet.team.chain):
        post(alice, REBOOT)
        given = {"oldpassword": PASSWORD, "password1": "a-quiet-harbour-31"}
        answer = alice.post("/accounts/password/change/", given)
        assert answer.status_code == 503
        assert PASSWORD not in answer.content.decode()
    assert (
        Client().post(LOGIN, {"login": alice.user.email, "password": PASSWORD})["Location"] == "/"
    )
    assert alice.get(f"{BASE}/servers/").status_code == 200
