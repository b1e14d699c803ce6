"""Who signed in more than 15 minutes ago is asked again before what cannot be taken back."""

import pytest

from tests.people import HTMX, OPERATOR_TOKEN, PASSWORD
from tests.web.profile.ways import ADD_APP, ADD_PASSKEY, TWO_STEP, events

AGAIN = "/accounts/reauthenticate/"
DELETE = "/teams/acme/servers/12345/delete/"
CONNECT = "/teams/acme/accounts/connect/"
TOKENS = "/teams/acme/tokens/"


def to_again(page: str) -> str:
    return f"{AGAIN}?next={page.replace('/', '%2F')}"


@pytest.fixture
def stale(alice, synced):
    alice.signed_in_ago(minutes=15, seconds=1)
    return alice


def test_a_fresh_sign_in_is_not_asked(alice, synced):
    alice.signed_in_ago(minutes=14)
    assert alice.get(DELETE).status_code == 200
    assert alice.get(CONNECT).status_code == 200


@pytest.mark.parametrize("page", [DELETE, CONNECT, ADD_APP, ADD_PASSKEY, f"{TOKENS}{{}}/remove/"])
def test_the_page_asks_before_anything_is_typed(stale, synced, page):
    page = page.format(synced.id)
    assert stale.get(page)["Location"] == to_again(page)


def test_the_way_back(stale):
    assert "Is it you?" in stale.get(to_again(DELETE)).content.decode()
    answer = stale.post(AGAIN, {"password": PASSWORD, "next": DELETE})
    assert answer["Location"] == DELETE
    assert stale.get(DELETE).status_code == 200
    (event,) = events("authn_reauth_success", stale)
    assert event.data["method"] == "password"


def test_a_wrong_password_opens_nothing(stale):
    assert stale.post(AGAIN, {"password": "wrong-horse-9", "next": DELETE}).status_code == 200
    assert stale.get(DELETE).status_code == 302
    assert len(events("authn_login_fail", stale)) == 1


def test_a_page_that_stood_open_deletes_nothing(stale, sandbox):
    answer = stale.post(DELETE, {"confirm_name": "web-server-01"})
    assert answer["Location"] == to_again(DELETE)
    assert not sandbox.changes()


def test_under_htmx_the_whole_page_goes_there(stale, sandbox):
    answer = stale.post(
        DELETE,
        {"confirm_name": "web-server-01"},
        headers=HTMX | {"HX-Current-URL": f"http://testserver{DELETE}"},
    )
    assert (answer.status_code, answer["HX-Redirect"]) == (204, to_again(DELETE))
    assert not sandbox.changes()


def test_a_token_is_never_kept_meanwhile(bob, account):
    bob.signed_in_ago(minutes=16)
    answer = bob.post(TOKENS, {"token": OPERATOR_TOKEN})
    assert answer["Location"] == to_again(TOKENS)
    assert OPERATOR_TOKEN not in str(dict(bob.session))


def test_the_tokens_page_offers_to_ask_instead_of_a_field(bob, account):
    assert 'name="token"' in bob.get(TOKENS).content.decode()
    bob.signed_in_ago(minutes=16)
    page = bob.get(TOKENS).content.decode()
    assert 'name="token"' not in page
    assert to_again(TOKENS) in page


def test_a_button_leads_back_to_its_page(stale, synced):
    address = f"/teams/acme/accounts/{synced.id}/sync-token/"
    answer = stale.post(address, headers={"Referer": f"http://testserver{TOKENS}"})
    assert answer["Location"] == to_again(TOKENS)
    elsewhere = stale.post(address, headers={"Referer": "https://evil.example/x"})
    assert elsewhere["Location"] == to_again("/")


def test_everyday_work_is_not_asked(stale, sandbox):
    assert stale.post("/teams/acme/servers/12345/reboot/").status_code == 303
    assert stale.get("/account/settings/").status_code == 200


def test_who_may_not_is_told_so_and_not_asked(vera, synced):
    vera.signed_in_ago(minutes=16)
    assert vera.get(DELETE).status_code == 403


def test_nobody_else_signs_in_on_the_way(stale):
    assert stale.get(f"{AGAIN}?next=https://evil.example/").status_code == 200
    answer = stale.post(AGAIN, {"password": PASSWORD, "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_the_two_step_pages_ask_too(stale):
    assert stale.get(TWO_STEP).status_code == 200
    assert stale.post(ADD_APP, {"code": "1"})["Location"].startswith(AGAIN)
