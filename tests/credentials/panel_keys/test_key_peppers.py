"""Panel keys while the pepper that their digests are made with is rotated."""

from datetime import timedelta

import pytest

from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import authentication
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.keys import readiness, ring, rotation
from controlpanel.keys.models import KeyCheck
from controlpanel.lib import clock
from controlpanel.lib.scope import Origin
from tests.credentials.keyring import _fresh_minute, enter, expire, issue, why_not  # noqa: F401
from tests.credentials.tokens.test_rewrap import promoted

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _rotating(own_ring, db):
    readiness.refuse_unless_ready()


def pepper(issued):
    return PanelKey.objects.get(id=issued.key.id).pepper_id


def needed(key_id):
    return next(found.needed for found in rotation.status() if found.key_id == key_id)


def test_a_digest_is_no_plain_hash_and_peppers_differ(bob, account):
    first = issue(bob, account, "a")
    assert first.key.pepper_id == "panel-key-1"
    promoted("panel-key")
    assert issue(bob, account, "b").key.pepper_id == "panel-key-2"


def test_a_key_goes_over_when_it_is_used(bob, account):
    issued = issue(bob, account)
    before = issued.key.digest
    assert rotation.add("panel-key").id == "panel-key-2"
    enter(issued)
    assert pepper(issued) == "panel-key-1"  # added, not in force
    rotation.promote("panel-key-2", timedelta(seconds=5))
    clock.shift(timedelta(seconds=5))
    enter(issued)
    assert pepper(issued) == "panel-key-2"
    assert PanelKey.objects.get().digest != before
    assert why_not(issued) == ""


def test_an_earlier_pepper_stays_while_a_key_needs_it(bob, account):
    used, idle = issue(bob, account, "used"), issue(bob, account, "idle")
    promoted("panel-key")
    enter(used)
    clock.shift(rotation.SETTLED)
    assert needed("panel-key-1") == {"panel keys": 1}
    with pytest.raises(rotation.NotNow, match=r"1 \(panel keys\)"):
        rotation.retire("panel-key-1")
    panel_key_services.revoke(bob.scope(), idle.key)
    rotation.retire("panel-key-1")
    assert why_not(used) == ""
    # What it made nobody can check any more: to the door it never was.
    assert why_not(idle) == "unknown"
    readiness.refuse_unless_ready()


def test_one_that_expired_needs_no_pepper(bob, account):
    issued = issue(bob, account)
    promoted("panel-key")
    expire(issued)
    clock.shift(rotation.SETTLED)
    rotation.retire("panel-key-1")
    readiness.refuse_unless_ready()


def test_a_start_without_the_pepper_is_refused(bob, account, ring_file):
    issue(bob, account)
    keys = ring.load(ring_file)
    ring_file.unlink()
    ring.create(ring_file, ring.KeyRing(key for key in keys.keys if key.purpose != "panel-key"))
    with pytest.raises(readiness.KeysNotReady, match="panel-key-1"):
        readiness.refuse_unless_ready()


def test_with_a_database_put_back_it_is_refused_as_well(bob, account):
    issue(bob, account)
    KeyCheck.objects.filter(key_id="panel-key-1").update(retired_at=clock.now())
    with pytest.raises(readiness.KeysNotReady, match="panel keys"):
        readiness.refuse_unless_ready()


def test_renewing_waits_where_nothing_can_be_written(bob, account, monkeypatch):
    issued = issue(bob, account)
    promoted("panel-key")
    monkeypatch.setattr("controlpanel.audit.log.read_only_state.current", lambda: object())
    assert authentication.enter(issued.text.reveal(), Origin("gateway")).key.id == issued.key.id
    assert pepper(issued) == "panel-key-1"
