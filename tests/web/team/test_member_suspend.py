from tests.people import Person


def url(person: Person, step: str = "suspend") -> str:
    return f"/teams/acme/members/{person.user.id}/{step}/"


def test_it_works(alice: Person, bob: Person) -> None:
    assert "Suspend Bob?" in alice.get(url(bob)).content.decode()
    assert bob.get("/teams/acme/servers/").status_code == 200
    assert alice.post(url(bob)).status_code == 303
    assert bob.get("/teams/acme/servers/").status_code == 404
    assert bob.get("/", follow=True).status_code == 200


def test_it_can_be_lifted(alice: Person, bob: Person) -> None:
    alice.post(url(bob))
    assert alice.get(url(bob, "restore")).status_code == 405
    assert alice.post(url(bob, "restore")).status_code == 303
    assert bob.get("/teams/acme/servers/").status_code == 200


def test_it_is_refused_with_a_reason(adam: Person, alice: Person) -> None:
    page = adam.get(url(alice))
    assert "has rights or servers that you lack" in page.content.decode()
    assert adam.post(url(alice)).status_code == 409
    assert alice.membership.suspended_at is None


def test_a_refused_restore_says_so(adam: Person, alice: Person) -> None:
    answer = adam.post(url(alice, "restore"), follow=True)
    assert "has rights or servers that you lack" in answer.content.decode()


def test_it_requires_the_right(bob: Person, vera: Person, alice: Person) -> None:
    for step in ("suspend", "restore"):
        assert bob.post(url(vera, step)).status_code == 403


def test_it_hides_from_outsiders(charlie: Person, bob: Person) -> None:
    assert charlie.post(url(bob)).status_code == 404
