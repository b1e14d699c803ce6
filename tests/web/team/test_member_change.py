from django.test import Client

from controlpanel.accounts.models import Membership, Team
from controlpanel.audit.models import AuditEvent
from controlpanel.lib.scope import EVERYTHING
from controlpanel.servers.models import Server
from tests.people import HTMX, Person, join, with_labels, with_servers


def url(person: Person) -> str:
    return f"/teams/acme/members/{person.user.id}/"


def test_it_shows_what_they_have(alice: Person, team: Team) -> None:
    pat = join(team, "pat", "operator", with_labels("env:prod"))
    form = alice.get(url(pat)).context["form"]
    assert (form["role"].value(), form["reach"].value(), form["labels"].value()) == (
        "operator",
        "labels",
        "env:prod",
    )


def test_it_works(alice: Person, bob: Person) -> None:
    body = {"role": "viewer", "reach": "labels", "labels": "Env:Prod, team:web"}
    answer = alice.post(url(bob), body)
    assert (answer.status_code, answer["Location"]) == (303, "/teams/acme/members/")
    assert bob.membership.role == "viewer"
    assert bob.membership.reach == with_labels("env:prod", "team:web")
    assert AuditEvent.objects.filter(event="member.changed").count() == 1


def test_it_works_through_htmx(alice: Person, bob: Person) -> None:
    answer = alice.post(url(bob), {"role": "viewer", "reach": "all"}, headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/teams/acme/members/")


def test_servers_are_chosen_from_those_there_are(alice: Person, bob: Person, server) -> None:
    web: Server = server("web-server-01")
    body = {"role": "operator", "reach": "servers", "servers": [web.provider_id]}
    assert alice.post(url(bob), body).status_code == 303
    assert bob.membership.reach == with_servers(web.provider_id)
    refused = alice.post(url(bob), {**body, "servers": ["12353"]})
    assert refused.status_code == 422
    assert "Choose servers from the list." in refused.content.decode()


def test_many_servers_are_typed(alice: Person, bob: Person, account) -> None:
    Server.objects.bulk_create(
        [Server(account=account, provider_id=f"9{n:04}", name=f"n-{n // 2}") for n in range(80)]
    )
    body = {"role": "operator", "reach": "servers", "more_servers": "90000, n-2"}
    assert alice.post(url(bob), body).status_code == 303
    assert bob.membership.reach == with_servers("90000", "90004", "90005")
    refused = alice.post(url(bob), {**body, "more_servers": "90000, absent"})
    assert refused.status_code == 422
    assert "There is no server “absent”." in refused.content.decode()


def test_nothing_is_no_choice(alice: Person, bob: Person) -> None:
    for body, words in (
        ({}, "Choose a role."),
        ({"role": "root", "reach": "all"}, "Choose one of the roles that you can give."),
        ({"role": "viewer", "reach": "labels"}, "Write at least one label."),
        ({"role": "viewer", "reach": "labels", "labels": "a/b"}, "is no label"),
        ({"role": "viewer", "reach": "servers"}, "Choose at least one server."),
        ({"role": "owner", "reach": "labels", "labels": "x"}, "An owner is there for all"),
    ):
        answer = alice.post(url(bob), body)
        assert answer.status_code == 422
        assert words in answer.content.decode()
    assert (bob.membership.role, bob.membership.reach) == ("operator", EVERYTHING)


def test_only_roles_that_one_can_give_are_offered(adam: Person, bob: Person) -> None:
    assert 'value="owner"' not in adam.get(url(bob)).content.decode()
    assert adam.post(url(bob), {"role": "owner", "reach": "all"}).status_code == 422
    assert bob.membership.role == "operator"


def test_whoever_has_more_is_out_of_hand(adam: Person, alice: Person) -> None:
    page = adam.get(url(alice)).content.decode()
    assert "has rights or servers that you lack" in page
    assert adam.post(url(alice), {"role": "viewer", "reach": "all"}).status_code == 422
    assert alice.membership.role == "owner"


def test_nobody_changes_themselves(adam: Person) -> None:
    assert adam.post(url(adam), {"role": "viewer", "reach": "all"}).status_code == 422
    assert adam.membership.role == "admin"


def test_fields_that_the_form_has_not_change_nothing(alice: Person, bob: Person) -> None:
    body = {"role": "viewer", "reach": "all", "user": str(alice.user.id), "suspended_at": "now"}
    alice.post(url(bob), body)
    membership = Membership.objects.get(user=bob.user)
    assert (membership.role, membership.suspended_at) == ("viewer", None)


def test_it_asks_again_after_a_while(alice: Person, bob: Person) -> None:
    alice.signed_in_ago(minutes=16)
    answer = alice.post(url(bob), {"role": "viewer", "reach": "all"})
    assert answer.status_code == 302
    assert "/reauthenticate" in answer["Location"]
    assert bob.membership.role == "operator"


def test_it_requires_the_right(bob: Person, vera: Person, alice: Person) -> None:
    assert bob.get(url(vera)).status_code == 403
    assert bob.post(url(vera), {"role": "viewer", "reach": "all"}).status_code == 403


def test_it_hides_from_outsiders(charlie: Person, bob: Person, nobody: Client) -> None:
    assert charlie.get(url(bob)).status_code == 404
    assert nobody.get(url(bob)).status_code == 302


def test_somebody_of_another_team_is_nobody(alice: Person, charlie: Person) -> None:
    assert alice.get(url(charlie)).status_code == 404
