from controlpanel.accounts.models import Account, Membership
from controlpanel.accounts.teams import roles
from controlpanel.credentials.models import Credential
from tests.credentials.keyring import issue, why_not
from tests.people import Person
from tests.web.asking import shows

URL = "/teams/acme/members/leave/"


def test_it_works(bob: Person, account: Account) -> None:
    fingerprint = Credential.objects.get(user=bob.user).fingerprint
    page = bob.get(URL).content.decode()
    assert "Leave Acme?" in page
    assert fingerprint in page
    answer = bob.post(URL)
    assert (answer.status_code, answer["Location"]) == (303, "/")
    assert not Membership.objects.filter(user=bob.user).exists()
    assert not Credential.objects.filter(user=bob.user).exists()


def test_it_asks_who_reads_the_account_from_now_on(
    alice: Person, adam: Person, bob: Person, account: Account
) -> None:
    Membership.objects.filter(user=adam.user).update(role="owner")
    read_by = Credential.objects.get(account=account, is_sync=True)
    assert read_by.user == alice.user
    field = f"successor-{account.id}"
    assert field in alice.get(URL).content.decode()
    heir = Credential.objects.get(user=bob.user)
    assert alice.post(URL, {field: str(heir.id)}).status_code == 303
    assert Credential.objects.get(account=account, is_sync=True) == heir


def test_a_successor_that_is_gone_keeps_them(
    alice: Person, adam: Person, bob: Person, account: Account
) -> None:
    Membership.objects.filter(user=adam.user).update(role="owner")
    gone = Credential.objects.get(user=bob.user).id
    Credential.objects.filter(id=gone).delete()
    answer = alice.post(URL, {f"successor-{account.id}": str(gone)})
    assert answer.status_code == 409
    assert "cannot any more" in answer.content.decode()
    assert alice.membership.role == "owner"


def test_whoever_may_not_choose_it_is_not_asked(
    alice: Person, bob: Person, account: Account
) -> None:
    Credential.objects.filter(account=account).update(is_sync=False)
    Credential.objects.filter(user=bob.user).update(is_sync=True)
    field = f"successor-{account.id}"
    assert field not in bob.get(URL).content.decode()
    heir = Credential.objects.get(user=alice.user)
    assert bob.post(URL, {field: str(heir.id)}).status_code == 303
    assert not Credential.objects.get(user=alice.user).is_sync


def test_it_ends_ones_panel_keys(bob: Person, account: Account) -> None:
    assert "Panel keys</dt>" not in bob.get(URL).content.decode()
    issued = issue(bob, account)
    page = bob.get(URL)
    assert shows(page, issued.key.fingerprint)
    assert shows(page, "revoked, so what uses it is refused")
    bob.post(URL)
    assert why_not(issued) == "revoked"


def test_every_member_may(vera: Person) -> None:
    assert vera.get(URL).status_code == 200
    assert vera.post(URL).status_code == 303


def test_the_last_owner_cannot(alice: Person) -> None:
    answer = alice.post(URL)
    assert answer.status_code == 409
    assert "The last owner cannot go" in answer.content.decode()
    assert alice.membership.role == "owner"


def test_whoever_may_not_see_the_members_can_leave_too(bob: Person, alice: Person) -> None:
    roles.add(alice.scope(), "Looker", ["servers.view"])
    Membership.objects.filter(user=bob.user).update(role="looker")
    assert bob.get("/teams/acme/members/").status_code == 403
    assert bob.get(URL).status_code == 200
    assert bob.post(URL).status_code == 303


def test_it_hides_from_outsiders(charlie: Person, bob: Person) -> None:
    assert charlie.post(URL).status_code == 404
    assert charlie.membership.role == "owner"
