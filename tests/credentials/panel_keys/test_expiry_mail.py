"""Mail before a panel key ends: twice, once each, to whoever issued it."""

import threading
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django.fixtures import Settings

from controlpanel.accounts.models import Account, Membership, Team, User
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import expiry_mail
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.lib import clock
from controlpanel.operations import tasks
from controlpanel.outgoing import sender
from controlpanel.outgoing.models import Outgoing
from tests.credentials.keyring import issue
from tests.people import Person
from tests.tools.mailserver import MailServer


@pytest.fixture
def post(settings: Settings) -> Any:
    with MailServer() as server:
        settings.PANEL_MAIL_TRANSPORT = "controlpanel.outgoing.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def key(bob: Person, account: Account) -> PanelKey:
    """Issued for 90 days, of which 13 and a half are left."""
    return ending(bob, account, days=13, hours=12)


def ending(person: Person, account: Account, name: str = "ci-deploy", **left: float) -> PanelKey:
    key = issue(person, account, name).key
    leave(key, **left)
    return key


def leave(key: PanelKey, **left: float) -> None:
    expires_at = clock.now() + timedelta(**left)
    PanelKey.objects.filter(id=key.id).update(
        expires_at=expires_at, created_at=expires_at - timedelta(days=90)
    )
    key.refresh_from_db()


def confirmed(key: PanelKey) -> None:
    """The log says what was done to the row past it."""
    call_command("confirm_tables", team=key.team.slug, reason="Its end was moved for a test.")


def later(key: PanelKey, by: timedelta) -> None:
    """As if so much time had passed for it."""
    key.refresh_from_db()
    moved = {
        name: getattr(key, name) - by
        for name in ("created_at", "expires_at", "warned_at")
        if getattr(key, name)
    }
    PanelKey.objects.filter(id=key.id).update(**moved)
    key.refresh_from_db()


def arrived(post: MailServer) -> list[EmailMessage]:
    sender.send_due()
    return post.messages


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return " ".join(str(part.get_content()).split())


def test_it_works(post: MailServer, bob: Person, key: PanelKey) -> None:
    PanelKey.objects.update(last_used_at=clock.now(), last_address="203.0.113.9")
    tasks.warn_of_ends()
    (message,) = arrived(post)
    assert post.recipients == ["bob@example.com"]
    assert message["Subject"] == (
        f"The panel key ci-deploy ends on {key.expires_at.day} {key.expires_at:%B %Y}"
    )
    for kind in ("plain", "html"):
        text = body(message, kind)
        for words in (
            "ci-deploy",
            key.fingerprint,
            "Acme",
            "http://localhost:8000/teams/acme/panel-keys/",
            "from 203.0.113.9",
            "Rotate it here",
        ):
            assert words in text, (kind, words)
    assert '<a href="http://localhost:8000/teams/acme/panel-keys/"' in body(message, "html")


def test_it_is_recorded(post: MailServer, key: PanelKey) -> None:
    expiry_mail.warn_due()
    event = AuditEvent.objects.get(event="panel_key.expiry_warned")
    assert (event.actor_kind, event.target_id) == ("worker", str(key.id))
    assert event.data["owner"] == "bob@example.com"


def test_it_comes_twice_and_once_each(post: MailServer, key: PanelKey) -> None:
    for _run in range(3):
        expiry_mail.warn_due()
    assert len(arrived(post)) == 1
    later(key, timedelta(days=12))  # a day and a half are left
    expiry_mail.warn_due()
    assert len(arrived(post)) == 1
    later(key, timedelta(days=1))
    for _run in range(3):
        expiry_mail.warn_due()
    assert len(arrived(post)) == 2


def test_nothing_comes_before_that(post: MailServer, bob: Person, account: Account) -> None:
    ending(bob, account, days=14, minutes=1)
    assert expiry_mail.warn_due() == 0


def test_whoever_missed_the_first_gets_one_only(
    post: MailServer, bob: Person, account: Account
) -> None:
    """No worker was there for a while."""
    ending(bob, account, hours=12)
    assert [expiry_mail.warn_due() for _run in range(3)] == [1, 0, 0]


@pytest.mark.parametrize(("days", "mails"), [(1, 0), (7, 1), (14, 1), (15, 2)])
def test_what_was_as_near_when_it_was_issued_is_no_news(
    post: MailServer, bob: Person, account: Account, days: int, mails: int
) -> None:
    key = issue(bob, account, days=days).key
    expiry_mail.warn_due()
    later(key, timedelta(days=max(days - 14, 0), seconds=1))
    expiry_mail.warn_due()
    later(key, timedelta(days=min(days, 14) - 1, hours=1))
    expiry_mail.warn_due()
    assert len(arrived(post)) == mails


def _revoked(key: PanelKey, bob: Person) -> None:
    panel_key_services.revoke(bob.scope(), key)


def _rotated(key: PanelKey, bob: Person) -> None:
    confirmed(key)
    panel_key_services.rotate(bob.scope(), key, overlap=timedelta(days=7))


def _expired(key: PanelKey, _bob: Person) -> None:
    leave(key, seconds=-1)


def _suspended(_key: PanelKey, bob: Person) -> None:
    Membership.objects.filter(user=bob.user).update(suspended_at=clock.now())


def _gone(_key: PanelKey, bob: Person) -> None:
    Membership.objects.filter(user=bob.user).delete()


def _inactive(_key: PanelKey, bob: Person) -> None:
    User.objects.filter(id=bob.user.id).update(is_active=False)


def _closed(key: PanelKey, _bob: Person) -> None:
    Team.objects.filter(id=key.team_id).update(closed_at=clock.now())


def _disconnected(key: PanelKey, _bob: Person) -> None:
    Account.objects.filter(id=key.account_id).update(disconnected_at=clock.now())


@pytest.mark.parametrize(
    "happened",
    [_revoked, _rotated, _expired, _suspended, _gone, _inactive, _closed, _disconnected],
)
def test_nothing_comes_for_what_needs_none(
    post: MailServer, bob: Person, key: PanelKey, happened: Any
) -> None:
    happened(key, bob)
    assert expiry_mail.warn_due() == 0
    assert not arrived(post)


def test_the_new_one_is_told_of_in_its_turn(post: MailServer, bob: Person, key: PanelKey) -> None:
    confirmed(key)
    new = panel_key_services.rotate(bob.scope(), key, overlap=timedelta(days=7)).key
    leave(new, days=13)
    assert expiry_mail.warn_due() == 1


def test_one_that_is_revoked_meanwhile_is_left_alone(
    post: MailServer, bob: Person, key: PanelKey
) -> None:
    found = list(expiry_mail.due())
    panel_key_services.revoke(bob.scope(), key)
    assert not any(map(expiry_mail._warn, found))
    assert not arrived(post)


def test_of_two_workers_one_sends(post: MailServer, key: PanelKey) -> None:
    """Both have read the row before either claims it."""
    first, second = list(expiry_mail.due()), list(expiry_mail.due())
    assert [expiry_mail._warn(*first), expiry_mail._warn(*second)] == [True, False]
    assert len(arrived(post)) == 1


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_send_one(post: MailServer, key: PanelKey) -> None:
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        try:
            expiry_mail.warn_due()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(arrived(post)) == 1


def test_what_is_not_taken_is_tried_again(post: MailServer, key: PanelKey) -> None:
    post.refuses = True
    assert expiry_mail.warn_due() == 1
    assert arrived(post) == []
    post.refuses = False
    clock.shift(timedelta(minutes=1))
    assert len(arrived(post)) == 1


def test_it_is_told_of_together_with_its_record(
    post: MailServer, key: PanelKey, audit_broken: None
) -> None:
    with pytest.raises(AuditUnavailable):
        expiry_mail.warn_due()
    key.refresh_from_db()
    assert key.warned_at is None
    assert not Outgoing.objects.exists()


def test_nothing_comes_after_its_end(post: MailServer, key: PanelKey) -> None:
    expiry_mail.warn_due()
    clock.shift(timedelta(days=14))
    assert arrived(post) == []


def test_a_name_stays_text(post: MailServer, bob: Person, account: Account) -> None:
    ending(bob, account, "<b>x</b> http://evil.example", days=13)
    expiry_mail.warn_due()
    assert "&lt;b&gt;x&lt;/b&gt;" in body(arrived(post)[0], "html")


def test_it_is_rung_again_and_again(settings: Settings) -> None:
    periodic = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert tasks.warn_of_ends.name in periodic
