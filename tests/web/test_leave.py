from controlpanel.accounts import roles
from controlpanel.accounts.models import Account, Membership
from controlpanel.credentials.models import Credential
from tests.people import Person

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
