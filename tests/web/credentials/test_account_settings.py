from django.test import Client

from controlpanel.accounts.models import Account, Team
from controlpanel.audit.models import AuditEvent
from controlpanel.sandbox.server import Sandbox
from tests.credentials.keyring import issue
from tests.people import GLOBEX_TOKEN, OWNER_TOKEN, Person, look
from tests.web.asking import shows

FORM = {"name": "Billing", "colour": "blue"}


def url(account: Account) -> str:
    return f"/teams/acme/accounts/{account.id}/"


def test_it_shows_what_there_is(adam: Person, synced: Account) -> None:
    text = adam.get(url(synced)).content.decode()
    assert 'value="Acme"' in text
    assert f"{url(synced)}disconnect/" in text
    assert url(synced) in adam.get("/teams/acme/tokens/").content.decode()


def test_it_counts_the_panel_keys(adam: Person, bob: Person, account: Account) -> None:
    assert not shows(adam.get(url(account)), "See the keys")
    issue(bob, account)
    assert shows(adam.get(url(account)), "See the keys")
    text = "1 panel key for it is revoked: what uses it is refused."
    assert shows(adam.get(f"{url(account)}disconnect/"), text)


def test_it_works(alice: Person, account: Account) -> None:
    answer = alice.post(url(account), FORM)
    assert (answer.status_code, answer["Location"]) == (303, url(account))
    account.refresh_from_db()
    assert (account.name, account.colour) == ("Billing", "blue")
    event = AuditEvent.objects.get(event="account.changed")
    assert event.data["before"] == {"name": "Acme", "colour": ""}
    assert event.data["after"] == FORM
    page = alice.get(f"/teams/acme/audit/{event.seq}/").content.decode()
    assert "changed the VPS.org account" in page
    assert "Billing" in page


def test_a_name_that_is_taken_is_said_at_the_field(alice: Person, account: Account) -> None:
    Account.objects.create(team=alice.team, name="Billing", origin=account.origin)
    answer = alice.post(url(account), FORM)
    assert answer.status_code == 422
    assert "already has an account of that name" in str(answer.context["form"].errors["name"])
    taken = {"name": "Billing", "token": GLOBEX_TOKEN}
    answer = alice.post("/teams/acme/accounts/connect/", taken)
    assert "already has an account of that name" in str(answer.context["form"].errors["name"])


def test_each_new_account_has_a_colour_of_its_own(alice: Person, sandbox: Sandbox) -> None:
    for name, token in (("Main", OWNER_TOKEN), ("Second", GLOBEX_TOKEN)):
        alice.post("/teams/acme/accounts/connect/", {"name": name, "token": token})
    main, second = Account.objects.order_by("created_at")
    assert main.colour
    assert second.colour not in ("", main.colour)
    look(main)
    look(second)
    rows = alice.get("/teams/acme/servers/").content.decode()
    for account in (main, second):
        dot = f'<span class="dot" data-colour="{account.colour}" aria-hidden="true"></span>'
        assert f"{dot} {account.name}" in rows


def test_what_is_wrong_is_said(alice: Person, account: Account) -> None:
    for wrong in ({"name": ""}, {"name": "\u200b"}, {"colour": ""}, {"colour": "pink"}):
        assert alice.post(url(account), {**FORM, **wrong}).status_code == 422
    account.refresh_from_db()
    assert account.name == "Acme"


def test_other_fields_change_nothing(alice: Person, account: Account) -> None:
    alice.post(url(account), {**FORM, "origin": "http://x", "team": "x", "writable": ""})
    changed = Account.objects.get()
    assert (changed.origin, changed.writable) == (account.origin, True)


def test_hostile_names_are_inert(alice: Person, synced: Account) -> None:
    alice.post(url(synced), {"name": "<script>alert(1)</script>", "colour": "red"})
    for page in (url(synced), f"{url(synced)}disconnect/", "/teams/acme/tokens/"):
        assert "<script>alert" not in alice.get(page).content.decode()


def test_it_asks_again_after_a_while(alice: Person, account: Account) -> None:
    alice.signed_in_ago(minutes=16)
    assert alice.post(url(account), FORM).status_code == 302


def test_it_requires_the_right(bob: Person, vera: Person, account: Account) -> None:
    for person in (bob, vera):
        assert person.get(url(account)).status_code == 403
        assert person.post(url(account), FORM).status_code == 403
        assert url(account) not in person.get("/teams/acme/tokens/").content.decode()


def test_it_requires_sign_in(team: Team, account: Account, nobody: Client) -> None:
    assert nobody.get(url(account)).status_code == 302


def test_it_hides_from_outsiders(
    alice: Person, charlie: Person, account: Account, other_account: Account
) -> None:
    assert charlie.get(url(account)).status_code == 404
    assert alice.get(url(other_account)).status_code == 404
