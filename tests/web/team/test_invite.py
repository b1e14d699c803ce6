import re
from datetime import timedelta

from django.core import mail
from pytest_django import Settings

from controlpanel.accounts.models import Invitation, Team
from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING
from controlpanel.outgoing.models import Outgoing
from tests.people import Person, join, with_labels
from tests.tools.outbox import delivered
from tests.web.asking import shows

URL = "/teams/acme/members/invite/"
LINK = re.compile(r"http://localhost:8000(/invitations/[A-Za-z0-9_-]{43}/)")
NO_SERVER = "controlpanel.outgoing.smtp.EmailBackend"
BODY = {"email": "Nora@example.com", "role": "operator", "reach": "labels", "labels": "env:prod"}


def link(number: int = -1) -> str:
    """The path in the newest mail."""
    found = LINK.search(str(delivered()[number].body))
    assert found
    return found[1]


def act(step: str) -> str:
    return f"/teams/acme/members/invitations/{Invitation.objects.latest('created_at').id}/{step}/"


def test_it_works(alice: Person, nobody) -> None:
    answer = alice.post(URL, BODY, follow=True)
    assert answer.redirect_chain == [("/teams/acme/members/", 303)]
    assert "on its way to nora@example.com" in answer.content.decode()
    (sent,) = delivered()
    assert sent.to == ["nora@example.com"]
    assert sent.subject == "You are invited to the team Acme"
    assert "Operator" in sent.body
    assert nobody.get(link()).status_code == 200


def in_html() -> tuple[str, str]:
    sent = delivered()[0]
    assert isinstance(sent, mail.EmailMultiAlternatives)
    (alternative,) = sent.alternatives
    return str(alternative[0]), str(alternative[1])


def test_the_mail_is_text_and_html(alice: Person) -> None:
    alice.post(URL, BODY)
    content, kind = in_html()
    assert kind == "text/html"
    assert link() in content


def test_names_in_the_mail_are_inert(alice: Person, team: Team) -> None:
    Team.objects.update(name="<b>Acme</b>\u202e")
    alice.post(URL, BODY)
    assert "<b>Acme" not in in_html()[0]
    assert "\n" not in delivered()[0].subject


def test_the_link_stands_on_no_page_and_in_no_record(alice: Person) -> None:
    page = alice.post(URL, BODY, follow=True).content.decode()
    token = link().split("/")[2]
    assert token not in page
    assert not AuditEvent.objects.filter(canonical__contains=token).exists()


def test_a_host_that_somebody_made_up_is_not_in_the_link(alice: Person) -> None:
    alice.post(URL, BODY, headers={"Host": "127.0.0.1"})
    assert link()


def test_it_waits_while_the_mail_server_takes_nothing(alice: Person, settings: Settings) -> None:
    transport, settings.PANEL_MAIL_TRANSPORT = settings.PANEL_MAIL_TRANSPORT, NO_SERVER
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    answer = alice.post(URL, BODY, follow=True)
    assert "on its way to nora@example.com" in answer.content.decode()
    assert delivered() == []
    settings.PANEL_MAIL_TRANSPORT = transport
    clock.shift(timedelta(minutes=1))
    assert [message.to for message in delivered()] == [["nora@example.com"]]


def test_it_and_its_mail_are_made_together(alice: Person, audit_broken: None) -> None:
    assert alice.post(URL, BODY).status_code == 503
    assert not Outgoing.objects.exists()
    assert not Invitation.objects.exists()


def test_a_link_that_has_run_out_is_not_sent(alice: Person) -> None:
    alice.post(URL, BODY)
    clock.shift(timedelta(hours=72))
    assert delivered() == []
    assert not Outgoing.objects.exists()


def test_what_is_wrong_is_said_and_kept(alice: Person, bob: Person) -> None:
    for body, words in (
        ({**BODY, "email": "nora"}, "Enter an e-mail address"),
        ({**BODY, "email": "bob@example.com"}, "is in the team already"),
        ({**BODY, "labels": ""}, "Write at least one label."),
        ({**BODY, "role": ""}, "Choose a role."),
    ):
        answer = alice.post(URL, body)
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert f'value="{body["email"]}"' in answer.content.decode()
    assert not delivered()
    assert not Invitation.objects.exists()


def test_who_is_there_for_some_servers_invites_nobody(team: Team, alice: Person) -> None:
    sam = join(team, "sam", "admin", with_labels("env:prod"))
    page = sam.get(URL)
    assert page.status_code == 403
    assert shows(page, "You are Admin of Acme, for servers with env:prod.")
    assert shows(page, "is about the whole team")
    assert shows(page, "alice@example.com")
    assert sam.post(URL, BODY).status_code == 403
    assert not Invitation.objects.exists()
    assert URL not in sam.get("/teams/acme/members/").content.decode()


def test_the_form_says_which_rights_are_about_the_whole_team(alice: Person) -> None:
    page = alice.get(URL)
    assert shows(page, "they count only with “All servers”")
    assert shows(page, "set the team's policies")


def test_sending_it_again_makes_the_old_link_useless(alice: Person, nobody) -> None:
    alice.post(URL, BODY)
    assert alice.get(act("resend")).status_code == 405
    assert alice.post(act("resend")).status_code == 303
    assert nobody.get(link(0)).status_code == 410
    assert nobody.get(link(1)).status_code == 200


def test_revoking_it(alice: Person, nobody) -> None:
    alice.post(URL, BODY)
    assert alice.post(act("revoke")).status_code == 303
    assert nobody.get(link()).status_code == 410
    assert alice.post(act("revoke")).status_code == 404


def test_it_asks_again_after_a_while(alice: Person) -> None:
    alice.signed_in_ago(minutes=16)
    assert alice.post(URL, BODY).status_code == 302
    assert not delivered()


def test_it_requires_the_right(bob: Person, alice: Person) -> None:
    assert bob.post(URL, BODY).status_code == 403
    alice.post(URL, {**BODY, "reach": "all"})
    assert Invitation.objects.get().reach_kind == EVERYTHING.kind
    for step in ("resend", "revoke"):
        assert bob.post(act(step)).status_code == 403


def test_it_hides_from_outsiders(alice: Person, charlie: Person) -> None:
    alice.post(URL, BODY)
    assert charlie.post(URL, BODY).status_code == 404
    theirs = act("revoke").replace("acme", "globex")
    assert charlie.post(theirs).status_code == 404
    assert Invitation.objects.get().revoked_at is None
