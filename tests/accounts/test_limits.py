"""What may be done only so often: counted in the database, each subject for itself."""

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client

from controlpanel.accounts import limits, tasks
from controlpanel.accounts.limits import Exceeded, Rule
from controlpanel.accounts.models import Invitation, Team
from controlpanel.accounts.teams import teams
from controlpanel.lib import clock
from controlpanel.lib.scope import Origin
from controlpanel.outgoing.models import Limit, Outgoing
from tests.people import PASSWORD, Person, join

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

THREE = Rule("a test", 3, timedelta(hours=1))
ONE = Rule("another test", 1, timedelta(hours=1))
RESET = "/accounts/password/reset/"
INVITE = "/teams/acme/members/invite/"
TEAMS = "/teams/new/"
EMAIL = "/accounts/email/"


def taken(rule: Rule, subject: str, times: int) -> int:
    """How many of so many were counted."""
    count = 0
    for _time in range(times):
        try:
            limits.take((rule, subject))
            count += 1
        except Exceeded:
            pass
    return count


def test_it_works() -> None:
    assert taken(THREE, "alice", 5) == 3
    assert taken(THREE, "adam", 1) == 1
    assert taken(ONE, "alice", 2) == 1


def test_the_window_slides() -> None:
    limits.take((THREE, "alice"))
    clock.shift(timedelta(minutes=40))
    assert taken(THREE, "alice", 5) == 2
    clock.shift(timedelta(minutes=20))
    assert taken(THREE, "alice", 5) == 1
    clock.shift(timedelta(minutes=40))
    assert taken(THREE, "alice", 5) == 2


def test_it_says_when_again() -> None:
    begun = clock.now()
    assert taken(THREE, "alice", 3) == 3
    with pytest.raises(Exceeded) as caught:
        limits.take((THREE, "alice"))
    assert timedelta(0) <= caught.value.again_at - begun - THREE.within < timedelta(minutes=1)


def test_several_are_counted_together_or_not_at_all() -> None:
    limits.take((ONE, "alice"))
    with pytest.raises(Exceeded):
        limits.take((THREE, "alice"), (ONE, "alice"))
    assert taken(THREE, "alice", 5) == 3


def test_what_came_to_nothing_does_not_count() -> None:
    class Undone(Exception):
        pass

    def undo() -> None:
        with transaction.atomic():
            limits.take((ONE, "alice"))
            raise Undone

    with pytest.raises(Undone):
        undo()
    assert taken(ONE, "alice", 2) == 1


def test_what_is_refused_writes_nothing() -> None:
    limits.take((ONE, ""))
    rows = list(Limit.objects.values())
    for number in range(20):
        with pytest.raises(Exceeded):
            limits.take((ONE, ""), (THREE, str(number)))
    assert list(Limit.objects.values()) == rows


def test_it_is_forgotten() -> None:
    limits.take((THREE, "alice"))
    tasks.forget_limits()
    assert Limit.objects.count() == 1
    clock.shift(timedelta(hours=2))
    tasks.forget_limits()
    assert not Limit.objects.exists()


def test_nobody_is_named_in_the_table() -> None:
    limits.take((THREE, "nora@example.com"))
    assert "nora" not in str(list(Limit.objects.values()))


@pytest.mark.django_db(transaction=True)
def test_at_once_no_more_than_that() -> None:
    start, counted = threading.Barrier(8), []

    def work() -> None:
        start.wait()
        try:
            counted.append(taken(THREE, "alice", 1))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counted) == 3


def invited(person: Person, number: int, slug: str = "acme", **form: str) -> Any:
    form = {"email": f"n{number}@example.com", "role": "viewer", "reach": "all", **form}
    return person.post(f"/teams/{slug}/members/invite/", form)


def test_invitations_of_a_person(alice: Person, adam: Person) -> None:
    assert {invited(alice, number).status_code for number in range(20)} == {303}
    cache.clear()  # nothing is counted there
    answer = invited(alice, 20)
    assert answer.status_code == 422
    assert "You have sent 20 invitations within an hour." in answer.content.decode()
    assert 'value="n20@example.com"' in answer.content.decode()
    assert Invitation.objects.count() == Outgoing.objects.count() == 20
    assert invited(adam, 20).status_code == 303
    clock.shift(timedelta(hours=1))
    alice.signed_in_ago(minutes=0)
    assert invited(alice, 21).status_code == 303


def test_invitations_of_a_person_in_all_their_teams(alice: Person) -> None:
    beta = teams.create(alice.user, Origin(via="page"), "Beta", "green", "f-1")
    for number in range(10):
        assert invited(alice, number).status_code == 303
        assert invited(alice, number, beta.slug).status_code == 303
    assert invited(alice, 11, beta.slug).status_code == 422


def test_sending_one_again_counts(alice: Person) -> None:
    invited(alice, 0)
    for left in (2, 1, 0, 0):
        invitation = Invitation.objects.latest("created_at")
        path = f"/teams/acme/members/invitations/{invitation.id}/resend/"
        page = alice.post(path, follow=True).content.decode()
        assert ("were sent to this address within an hour" in page) == (left == 0)
    assert Outgoing.objects.count() == 3


def test_invitations_of_a_team(team: Team, alice: Person, adam: Person) -> None:
    assert taken(limits.INVITATIONS_OF_TEAM, str(team.id), 98) == 98
    assert [invited(alice, 98).status_code, invited(adam, 99).status_code] == [303, 303]
    answer = invited(join(team, "another", "admin"), 100)
    assert answer.status_code == 422
    assert "The team has sent 100 invitations within a day." in answer.content.decode()


def test_an_address_whether_it_has_an_account_or_not(alice: Person, charlie: Person) -> None:
    """Otherwise whoever invites would learn which addresses have one."""
    for email in ("nobody@example.com", charlie.user.email):
        answers = [invited(alice, 0, email=email).status_code for _n in range(4)]
        assert answers == [303, 303, 303, 422]


def test_teams_of_a_person(alice: Person, vera: Person) -> None:
    def founded(person: Person, number: int) -> Any:
        form = {"name": f"T{number}", "colour": "green", "form_id": f"form-{number:04}"}
        return person.post(TEAMS, form)

    assert {founded(vera, number).status_code for number in range(5)} == {303}
    answer = founded(vera, 5)
    assert answer.status_code == 422
    assert "You have founded 5 teams within a day." in answer.content.decode()
    assert 'value="T5"' in answer.content.decode()
    assert founded(vera, 4).status_code == 303  # the same form: the same team
    assert founded(alice, 6).status_code == 303
    clock.shift(timedelta(days=1))
    vera.signed_in_ago(minutes=0)
    assert founded(vera, 7).status_code == 303


def asked(email: str) -> Any:
    cache.clear()  # allauth's own limits are shorter
    return Client().post(RESET, {"email": email})


@pytest.mark.parametrize("written", ["eve@example.com", "EVE@example.com", " Eve@Example.com "])
def test_mails_to_an_address_without_an_account(alice: Person, written: str) -> None:
    for _time in range(3):
        asked("eve@example.com")
    unknown, known = asked(written), asked(alice.user.email)
    assert (unknown.status_code, unknown["Location"]) == (known.status_code, known["Location"])
    assert Outgoing.objects.count() == 4
    for _time in range(3):
        asked(alice.user.email)
    assert Outgoing.objects.count() == 7  # who has an account gets what they ask for
    clock.shift(timedelta(hours=1))
    asked("eve@example.com")
    assert Outgoing.objects.count() == 8


def test_mails_to_all_addresses_without_an_account(alice: Person) -> None:
    assert taken(limits.MAILS_OF_STRANGERS, "", 28) == 28
    answers = {asked(f"e{number}@example.com")["Location"] for number in range(5)}
    assert len(answers) == 1
    assert Outgoing.objects.count() == 2
    assert Limit.objects.count() == 3
    asked(alice.user.email)
    assert Outgoing.objects.count() == 3


def test_a_new_address_of_ones_own(alice: Person) -> None:
    for _time in range(3):
        cache.clear()
        form = {"email": "new@example.com", "action_add": ""}
        assert alice.post(EMAIL, form).status_code == 302
        alice.post(EMAIL, {"email": "new@example.com", "action_remove": ""})
    cache.clear()
    answer = alice.post(EMAIL, {"email": "new@example.com", "action_add": ""})
    assert "3 mails were sent to this address within an hour." in answer.content.decode()
    assert alice.post(EMAIL, {"email": "other@example.com", "action_add": ""}).status_code == 302


def signed_in(email: str, password: str) -> Any:
    cache.clear()
    return Client().post("/accounts/login/", {"login": email, "password": password})


def test_having_its_link_sent_again(alice: Person) -> None:
    alice.post(EMAIL, {"email": "new@example.com", "action_add": ""})
    answers = []
    for _time in range(3):
        cache.clear()
        answers.append(alice.post(EMAIL, {"email": "new@example.com", "action_send": ""}))
    assert [answer.status_code for answer in answers] == [302, 302, 429]
    text = answers[-1].content.decode()
    assert "3 mails were sent to this address within an hour, so no further link" in text
    assert f'href="{EMAIL}"' in text
    assert 3500 < int(answers[-1]["Retry-After"]) <= 3600
    clock.shift(timedelta(hours=1))
    cache.clear()
    assert alice.post(EMAIL, {"email": "new@example.com", "action_send": ""}).status_code == 302


def test_a_sign_in_that_waits_for_its_link(alice: Person) -> None:
    """Only to somebody who knows the password, and in true words."""
    EmailAddress.objects.filter(user=alice.user).update(verified=False)
    assert signed_in("alice@example.com", PASSWORD)["Location"] == "/accounts/confirm-email/"
    taken(limits.MAILS_OF_ADDRESS, "alice@example.com", 2)
    refused = signed_in("alice@example.com", PASSWORD)
    assert refused.status_code == 429
    assert "3 mails were sent to this address" in refused.content.decode()
    assert 'href="/accounts/login/"' in refused.content.decode()
    wrong, nobody = (
        signed_in(email, "wrong-horse-9") for email in ("alice@example.com", "eve@example.com")
    )
    assert wrong.status_code == nobody.status_code == 200
    assert "3 mails" not in wrong.content.decode()
    clock.shift(timedelta(hours=1))
    assert signed_in("alice@example.com", PASSWORD)["Location"] == "/accounts/confirm-email/"


OTHERS = ["adam@example.com", "new@example.com", "waits@example.com", "old@example.com"]


def test_the_limit_does_not_tell_who_has_an_account(alice: Person, adam: Person) -> None:
    """Whether somebody signs in with an address, waits to, never confirmed it, or nobody does."""
    EmailAddress.objects.create(user=adam.user, email="waits@example.com")
    old = join(alice.team, "old", "viewer")
    EmailAddress.objects.filter(user=old.user).update(verified=False)
    answers = []
    for email in OTHERS:
        mine = []
        for _time in range(4):
            cache.clear()
            alice.post(EMAIL, {"email": email, "action_remove": ""})
            mine.append(alice.post(EMAIL, {"email": email, "action_add": ""}))
        alice.post(EMAIL, {"email": email, "action_remove": ""})
        text = mine[-1].content.decode().split("<main")[1].split("</main>")[0]
        text = re.sub(r'value="[^"]*"|\d\d:\d\d', "", text)
        answers.append(([one.status_code for one in mine], text.replace(email, "…")))
    codes, text = answers[0]
    assert codes == [302, 302, 302, 200]
    assert "3 mails were sent to this address within an hour." in text
    assert answers == [answers[0]] * len(OTHERS)
    assert mail.outbox == []
