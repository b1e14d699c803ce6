"""A panel key is shown once, and then stands nowhere: not in rows, logs, records, errors."""

import logging
import pickle
import traceback
from hashlib import sha256

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection

from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import authentication
from controlpanel.credentials.panel_keys import digest as key_digest
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.panel_keys.authentication import KeyNotAccepted
from controlpanel.lib import text
from controlpanel.lib.scope import Origin
from tests.credentials.keyring import HERE, _fresh_minute, enter, expire, issue  # noqa: F401


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG)
    return caplog


def tables():
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            for row in cursor.fetchall():
                yield f"{table} {row!r}"


def core(issued):
    return issued.text.reveal()[8:30]


def test_it_stands_in_no_table_log_or_record(bob, account, lines):
    issued = issue(bob, account)
    found = enter(issued)
    authentication.note_use(found.key, HERE.address)
    renewed = panel_key_services.rotate(
        bob.scope(), issued.key, overlap=panel_key_services.LONGEST_OVERLAP
    )
    panel_key_services.revoke(bob.scope(), renewed.key)
    for one in (issued, renewed):
        expire(one)
        with pytest.raises(KeyNotAccepted):
            enter(one)
    everything = "\n".join([*tables(), lines.text])
    assert AuditEvent.objects.filter(event="panel_key.refused").count() == 2
    for one in (issued, renewed):
        assert core(one) not in everything
    for path in django_settings.PANEL_VAR.rglob("*"):
        if path.is_file():
            assert core(issued).encode() not in path.read_bytes()


def test_it_does_not_print(bob, account):
    issued = issue(bob, account)
    found = enter(issued)
    shown = f"{issued!r} {issued} {issued.key!r} {vars(issued.key)} {found!r} {found.scope!r}"
    assert core(issued) not in shown
    with pytest.raises(TypeError):
        pickle.dumps(issued.text)


@pytest.mark.parametrize("place", ["_scope", "_why_not", "_renew", "_why_not_from"])
def test_an_error_within_does_not_show_it(bob, account, monkeypatch, place):
    issued = issue(bob, account)

    def fail(*_args):
        raise RuntimeError("A mistake in the code.")

    monkeypatch.setattr(authentication, place, fail)
    monkeypatch.setattr(key_digest, "is_old", lambda _key, _digests: True)
    held = issued.text
    with pytest.raises(RuntimeError) as error:
        authentication.enter(held.reveal(), HERE)
    shown = traceback.TracebackException.from_exception(error.value, capture_locals=True)
    assert core(issued) not in "".join(shown.format())


def test_nor_does_a_refusal(bob, account):
    issued = issue(bob, account)
    expire(issued)
    with pytest.raises(KeyNotAccepted) as refused:
        enter(issued)
    report = traceback.TracebackException.from_exception(refused.value, capture_locals=True)
    shown = f"{''.join(report.format())} {refused.value!r} {vars(refused.value)}"
    assert core(issued) not in shown
    assert core(issued) not in pickle.dumps(refused.value).decode("latin-1")


def test_its_shape_is_redacted_wherever_it_is_pasted(bob, account):
    issued = issue(bob, account)
    pasted = issued.text.reveal()
    assert core(issued) not in text.redact(f"Authorization: Bearer {pasted}")
    with pytest.raises(panel_key_services.PanelKeyRefused) as refused:
        issue(bob, account, f"ci {pasted}"[:80])
    assert refused.value.field == "name"
    assert core(issued) not in str(refused.value)
    with pytest.raises(CommandError) as error:
        call_command("issue_panel_key", user=bob.user.email, team="acme", account=pasted)
    assert core(issued) not in str(error.value)


def test_a_key_whose_row_was_moved_is_anothers(bob, vera, account):
    """Whoever can write the database gives themselves no key: they lack the pepper."""
    issued = issue(bob, account)
    text_ = issued.text.reveal()
    for forged in (sha256(text_.encode()).hexdigest(), text_):
        PanelKey.objects.update(digest=forged[:64])
        with pytest.raises(KeyNotAccepted) as refused:
            authentication.enter(text_, Origin("gateway"))
        assert refused.value.why == "unknown"
