from datetime import timedelta
from urllib.parse import quote

import pytest
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from controlpanel.operations.models import Operation
from controlpanel.servers.models import Server
from tests.people import HTMX, OPERATOR_TOKEN, keep_token, look
from tests.web.asking import can_send, denials, hidden, only_operation, receipt_of, shows

URL = "/teams/acme/servers/new/"
BODY = {
    "name": "web-09",
    "plan_id": 1,
    "os_id": 5,
    "location": "us-west",
    "backups_enabled": False,
}


@pytest.fixture(autouse=True)
def _known(synced):
    """The account is connected, and what can be chosen is known."""


def form(**changed):
    sent = {"name": "web-09", "plan_id": "1", "os_id": "5", "location": "us-west"}
    return {"form_id": "form-0001", **sent, **changed}


def test_it_works(bob, sandbox, synced):
    answer = bob.post(URL, form(reason="more room"))
    operation = only_operation()
    assertRedirects(answer, f"/teams/acme/operations/{operation.id}/", status_code=303)
    [call] = sandbox.changes()
    assert (call.method, call.path, call.body) == ("POST", "/api/v1/servers/", BODY)
    assert call.token == "acme-operator"
    assert (operation.state, operation.reason) == ("accepted", "more room")
    assert "billed from now on" in receipt_of(bob, operation)
    sandbox.advance(60)
    look(synced)
    assert 'data-state="observed"' in receipt_of(bob, operation)
    assert Server.objects.get(name="web-09").status == "active"


def test_all_seven_fields_are_sent(bob, sandbox):
    sent = form(hostname="web09.example.com", ssh_key_id="1", backups_enabled="on")
    assert bob.post(URL, sent).status_code == 303
    assert sandbox.changes()[0].body == BODY | {
        "hostname": "web09.example.com",
        "ssh_key_id": 1,
        "backups_enabled": True,
    }


def test_it_offers_what_is_known(bob, sandbox):
    page = bob.get(URL)
    assert page.status_code == 200
    assert can_send(page)
    for words in (
        "Standard VPS",
        "2 vCPU",
        "10.00 a month",
        "no currency",
        "Ubuntu 22.04 LTS",
        "Frankfurt",
    ):
        assert shows(page, words)
    assert not shows(page, "São Paulo")
    assert b"Legacy VPS" not in page.content
    assert shows(page, "root password")
    assert sandbox.changes() == []


def test_the_page_asks_the_provider_nothing(bob, sandbox):
    before = len(sandbox.journal.entries())
    bob.get(URL)
    assert len(sandbox.journal.entries()) == before


@pytest.mark.parametrize("listed", ["other", ""])
def test_what_is_not_listed_can_be_entered(bob, sandbox, listed):
    sent = form(
        plan_id=listed, plan_id_other="2", os_id=listed, os_id_other="3",
        location=listed, location_other="us-east",
    )  # fmt: skip
    assert bob.post(URL, sent).status_code == 303
    assert sandbox.changes()[0].body == BODY | {"plan_id": 2, "os_id": 3, "location": "us-east"}


def test_an_id_that_is_in_no_list_is_sent_as_it_is(bob, sandbox):
    page = bob.post(URL, form(plan_id="777"))
    assert page.status_code == 422
    assert sandbox.changes()[0].body["plan_id"] == 777
    assert shows(page, "This plan does not exist")
    assert b'name="plan_id_other" value="777"' in page.content


def test_it_works_where_nothing_can_be_learned(bob, sandbox, synced):
    synced.catalogue.all().delete()
    assert b'name="plan_id_other"' in bob.get(URL).content
    assert bob.post(URL, form()).status_code == 303


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "", "Enter a name."),
        ("name", "web_09", "Use letters"),
        ("name", "web 09", "Use letters"),
        ("plan_id", "", "Choose a plan"),
        ("plan_id", "1.5", "whole number"),
        ("plan_id", "-1", "whole number"),
        ("plan_id", "9" * 30, "whole number"),
        ("plan_id", "١", "whole number"),
        ("os_id", "other", "Choose a system"),
        ("os_id", "five", "whole number"),
        ("location", "", "Choose a location"),
        ("location", "us west", "without spaces"),
        ("location", "x" * 65, "at most 64"),
        ("hostname", "web09", "full hostname"),
        ("hostname", "a..example.com", "full hostname"),
        ("ssh_key_id", "0", "whole number"),
        ("backups_enabled", "perhaps", "Choose on or off."),
        ("reason", "x" * 501, "room for 500"),
        ("name", "a\x00b", "Null"),
    ],
)
def test_what_is_not_as_documented_is_not_sent(bob, sandbox, field, typed, words):
    page = bob.post(URL, form(hostname="web09.example.com") | {field: typed})
    assert page.status_code == 422
    assert shows(page, words)
    assert hidden(page, "form_id") == "form-0001"
    if field != "hostname":
        assert b'value="web09.example.com"' in page.content
    assert not Operation.objects.exists()
    assert sandbox.changes() == []


def test_errors_are_linked_to_their_fields(bob):
    text = bob.post(URL, {}).content.decode()
    for field in ("name", "os_id", "location"):
        assert f'href="#id_{field}"' in text
        assert f'id="id_{field}"' in text
    assert 'href="#id_plan_id_0"' in text
    assert 'id="id_plan_id_0"' in text


def test_the_providers_400_lands_at_its_field(bob, sandbox):
    page = bob.post(URL, form(location="sa-east", reason="kept"))
    assert page.status_code == 422
    assert shows(page, "VPS.org says: This location does not exist")
    assert shows(page, "kept")
    assert hidden(page, "form_id") != "form-0001"
    assert only_operation().state == "failed"
    assert bob.post(URL, form(form_id=hidden(page, "form_id"))).status_code == 303
    assert len(sandbox.changes()) == 2


def test_402_has_its_own_words_and_keeps_the_form(bob, sandbox):
    sandbox.world.accounts["acme"].credit = 0
    page = bob.post(URL, form(hostname="web09.example.com"))
    assert page.status_code == 422
    assert b'data-code="payment_required"' in page.content
    assert shows(page, "credit at VPS.org does not cover this server")
    assert shows(page, "No server was created, and nothing is billed for it.")
    assert b'value="web09.example.com"' in page.content


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 429])
def test_no_refusal_loses_what_was_typed(bob, sandbox, status):
    sandbox.fault("status", "POST", status=status, body={"detail": "<b>No</b>"})
    page = bob.post(URL, form())
    assert page.status_code == 422
    assert b'value="web-09"' in page.content
    assert b"&lt;b&gt;No&lt;/b&gt;" in page.content
    assert len(sandbox.changes()) == 1


def test_the_same_form_twice_is_one_server(bob, sandbox):
    first, second = bob.post(URL, form()), bob.post(URL, form())
    assert first["Location"] == second["Location"]
    assert len(sandbox.changes()) == 1


def test_a_lost_answer_is_unknown_then_adopted(bob, sandbox, synced):
    sandbox.fault("drop_after", "POST")
    assert bob.post(URL, form()).status_code == 303
    text = receipt_of(bob, only_operation())
    assert 'data-state="unknown"' in text
    assert "If it was, it is already billed." in text
    # A second one of that name would be paid for twice.
    page = bob.post(URL, form(form_id="form-0002"))
    assert page.status_code == 409
    assert f"/teams/acme/operations/{only_operation().id}/" in page.content.decode()
    assert b'value="web-09"' in page.content
    sandbox.advance(60)
    clock.shift(timedelta(seconds=5))
    look(synced)
    look(synced)
    assert 'data-state="observed"' in receipt_of(bob, only_operation())
    assert len(sandbox.changes()) == 1


def test_it_copies_another_server(bob, server):
    text = bob.get(URL, {"like": server("cache-sg-01").provider_id}).content.decode()
    assert '<option value="ap-southeast" selected>' in text
    assert '<option value="6" selected>' in text
    assert 'value="cache-sg-01"' not in text


def test_it_starts_again_from_an_earlier_one(bob, sandbox):
    sandbox.fault("status", "POST", status=400, body={"detail": "No."})
    bob.post(URL, form(hostname="web09.example.com"))
    text = bob.get(URL, {"again": only_operation().id}).content.decode()
    assert 'value="web09.example.com"' in text
    assert '<option value="us-west" selected>' in text


@pytest.mark.parametrize(
    "query",
    [{"like": "99999"}, {"like": "\x00"}, {"again": "x"}, {"account": "x"}, {"account": "\x00"}],
)
def test_odd_addresses_are_an_empty_form(bob, query):
    assert bob.get(URL, query).status_code == 200


def test_with_two_accounts_one_is_chosen(bob, team, sandbox, synced):
    second = Account.objects.create(team=team, name="Second", origin=sandbox.url)
    keep_token(bob.user, second, OPERATOR_TOKEN)
    assert b'<select class="input" id="pick_account" name="account">' in bob.get(URL).content
    page = bob.post(URL, form())
    assert page.status_code == 422
    assert shows(page, "Choose the account that is to be billed.")
    assert bob.post(URL, form(account="nonsense")).status_code == 422
    assert sandbox.changes() == []
    assert bob.post(URL, form(account=str(second.id))).status_code == 303
    assert only_operation().account == second


def test_the_account_of_another_team_is_none(bob, other_account, sandbox):
    page = bob.post(URL, form(account=str(other_account.id)))
    assert page.status_code == 422
    assert sandbox.changes() == []


def test_without_a_token_of_ones_own_it_says_where_to_add_one(bob, sandbox):
    bob.user.credentials.all().delete()
    page = bob.get(URL)
    assert shows(page, "You have no API token of your own")
    assert not can_send(page)
    page = bob.post(URL, form())
    assert page.status_code == 409
    assert b'value="web-09"' in page.content
    assert sandbox.changes() == []


def test_without_an_account_it_says_who_can_connect_one(bob, alice, synced):
    Account.objects.update(origin="https://elsewhere.example")
    assert shows(bob.get(URL), "can connect one.")
    assert b"/teams/acme/accounts/connect/" in alice.get(URL).content
    assert bob.post(URL, form()).status_code == 422


def test_it_works_through_htmx(bob):
    answer = bob.post(URL, form(), headers=HTMX)
    assert answer["HX-Redirect"] == f"/teams/acme/operations/{only_operation().id}/"


def test_it_requires_sign_in(nobody, sandbox):
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")
    assert nobody.post(URL, form()).status_code == 302
    assert sandbox.changes() == []


def test_it_requires_the_right(vera, audrey, sandbox):
    for answer in (vera.get(URL), audrey.post(URL, form())):
        assert answer.status_code == 403
        assert shows(answer, "create servers")
    assert denials() == 2
    assert sandbox.changes() == []


def test_it_hides_from_outsiders(charlie, sandbox):
    assert charlie.get(URL).status_code == 404
    assert charlie.post(URL, form()).status_code == 404
    assert sandbox.changes() == []


def test_hostile_names_are_inert(bob, synced):
    hostile = "<script>alert(1)</script>\"'"
    synced.catalogue.all().update(name=hostile)
    text = bob.get(URL).content.decode()
    assert "<script>alert" not in text


def test_odd_figures_do_no_harm(bob, synced):
    odd = {"vcpus": "many", "memory": None, "price_monthly": {"a": 1}, "locations": 3}
    synced.catalogue.all().update(data=odd)
    assert bob.get(URL).status_code == 200
