from controlpanel.accounts.models import OwnershipOffer
from tests.people import Person

ANSWER = "/teams/acme/members/ownership/"
WITHDRAW = "/teams/acme/members/ownership/withdraw/"


def url(person: Person) -> str:
    return f"/teams/acme/members/{person.user.id}/ownership/"


def test_it_works(alice: Person, bob: Person) -> None:
    assert "Hand Acme over to Bob?" in alice.get(url(bob)).content.decode()
    assert alice.post(url(bob)).status_code == 303
    assert bob.membership.role == "operator"
    assert "alice@example.com" in bob.get(ANSWER).content.decode()
    assert bob.post(ANSWER).status_code == 303
    assert (bob.membership.role, alice.membership.role) == ("owner", "admin")


def test_it_can_be_declined(alice: Person, bob: Person) -> None:
    alice.post(url(bob))
    assert bob.post(ANSWER, {"answer": "decline"}).status_code == 303
    assert (bob.membership.role, alice.membership.role) == ("operator", "owner")
    assert bob.get(ANSWER).status_code == 404


def test_it_can_be_withdrawn(alice: Person, bob: Person) -> None:
    alice.post(url(bob))
    assert alice.post(WITHDRAW).status_code == 303
    assert bob.post(ANSWER).status_code == 404
    assert alice.post(WITHDRAW).status_code == 303


def test_for_everybody_else_there_is_no_offer(alice: Person, bob: Person, vera: Person) -> None:
    alice.post(url(bob))
    for person in (alice, vera):
        assert person.get(ANSWER).status_code == 404
        assert person.post(ANSWER).status_code == 404
    assert bob.membership.role == "operator"


def test_it_asks_again_after_a_while(alice: Person, bob: Person) -> None:
    alice.post(url(bob))
    bob.signed_in_ago(minutes=16)
    assert bob.post(ANSWER).status_code == 302
    assert bob.membership.role == "operator"


def test_an_owner_needs_no_offer(alice: Person) -> None:
    answer = alice.post(url(alice))
    assert answer.status_code == 409
    assert "not an owner yet" in answer.content.decode()


def test_it_requires_the_right(adam: Person, bob: Person) -> None:
    assert adam.post(url(bob)).status_code == 403
    assert not OwnershipOffer.objects.exists()
