from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.log import triggers
from controlpanel.audit.models import SigningKey
from controlpanel.lib import clock
from tests.audit.writing import Team, change, edit, triggers_aside

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def run() -> tuple[int, str, str]:
    """Exit code, and what was said on both streams."""
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_audit", stdout=out, stderr=err, skip_checks=True, no_color=True)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_a_log_in_order_is_a_summary_and_exit_0(acme: Team, globex: Team) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert "9 events in 2 chains" in out


def test_a_wrong_place_is_named_and_exit_1(acme: Team, as_owner: None) -> None:
    edit(acme, 4, result="denied")
    triggers.make()
    code, out, err = run()
    assert (code, out) == (1, "")
    assert f"Chain {acme.chain}, event #4" in err
    assert "[columns]" in err


def test_missing_triggers_are_exit_1(acme: Team, as_owner: None) -> None:
    code, _, err = run()
    assert code == 1
    assert "append-only" in err


def test_it_cannot_say_anything_without_keys(acme: Team, settings: Settings) -> None:
    settings.PANEL_KEYS = "{}"
    with pytest.raises(CommandError, match="key ring"):
        call_command("verify_audit", skip_checks=True)


def test_it_tells_what_no_checkpoint_has_seen(acme: Team) -> None:
    assert "There is no checkpoint yet" in run()[1]
    checkpoints.take()
    clock.shift(timedelta(hours=2, minutes=5))
    checkpoints.take()
    code, out, _ = run()
    assert code == 0
    assert "agrees with 2 signed checkpoints" in out
    assert "No checkpoint was made for 2 h 5 min" in out
    assert SigningKey.objects.get().public in out


def test_a_wrong_checkpoint_is_exit_1(acme: Team) -> None:
    checkpoints.take()
    triggers_aside()
    change("UPDATE audit_checkpoint SET signature = 'ff'")
    triggers.make()
    code, _, err = run()
    assert code == 1
    assert "Checkpoint #1: its signature does not fit. [checkpoint_signature]" in err
