from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlpanel.audit.models import AuditEvent
from controlpanel.keys import readiness, ring, sealed_stores
from controlpanel.keys.models import KeyCheck
from controlpanel.keys.ring import KeyRing, KeysNotReady
from tests.keys.conftest import replace, with_second

pytestmark = pytest.mark.django_db


@pytest.fixture
def sealed_with() -> Iterator[list[str]]:
    """Ids of the keys that some stored value needs."""
    ids: list[str] = []
    sealed_stores.register(sealed_stores.Holder("the test", lambda: Counter(ids), lambda: ids))
    yield ids
    del sealed_stores._holders["the test"]


def test_the_first_start_notes_each_key_and_records_it(own_ring: KeyRing) -> None:
    readiness.refuse_unless_ready()
    assert set(KeyCheck.objects.values_list("key_id", flat=True)) == {k.id for k in own_ring.keys}
    event = AuditEvent.objects.get(chain="panel", event="keys.created")
    assert sorted(event.data["keys"]) == sorted(key.id for key in own_ring.keys)


def test_the_second_start_notes_nothing(own_ring: KeyRing) -> None:
    readiness.refuse_unless_ready()
    readiness.refuse_unless_ready()
    assert AuditEvent.objects.filter(event="keys.created").count() == 1


def test_a_key_that_was_added_is_noted_and_recorded(own_ring: KeyRing, ring_file: Path) -> None:
    readiness.refuse_unless_ready()
    replace(ring_file, with_second(own_ring, "credential"))
    readiness.refuse_unless_ready()
    newest = AuditEvent.objects.filter(event="keys.created").order_by("-seq")[0]
    assert newest.data["keys"] == ["credential-2"]


def test_a_check_value_says_nothing_of_the_key(own_ring: KeyRing) -> None:
    values = {readiness.check_value(key) for key in own_ring.keys}
    assert len(values) == len(own_ring.keys)
    assert not any(key.secret.hex() in values for key in own_ring.keys)


def test_it_refuses_another_ring(own_ring: KeyRing, ring_file: Path) -> None:
    readiness.refuse_unless_ready()
    replace(ring_file, ring.new())
    with pytest.raises(KeysNotReady, match="not the one this database was used with"):
        readiness.refuse_unless_ready()


@pytest.mark.parametrize("purpose", ["credential", "mfa", "audit-mac", "fingerprint"])
def test_it_refuses_when_one_key_is_another(
    own_ring: KeyRing, ring_file: Path, purpose: str
) -> None:
    readiness.refuse_unless_ready()
    others = [key for key in own_ring.keys if key.purpose != purpose]
    wrong = ring.new().active(purpose)
    replace(ring_file, KeyRing([*others, wrong]))
    with pytest.raises(KeysNotReady, match=f"{purpose}-1"):
        readiness.refuse_unless_ready()


def test_it_refuses_when_a_key_is_missing(own_ring: KeyRing, ring_file: Path) -> None:
    replace(ring_file, with_second(own_ring, "credential"))
    readiness.refuse_unless_ready()
    replace(ring_file, own_ring)
    with pytest.raises(KeysNotReady, match=r"“credential-2”.*is missing"):
        readiness.refuse_unless_ready()


def test_it_refuses_when_a_purpose_has_no_key(own_ring: KeyRing, ring_file: Path) -> None:
    replace(ring_file, KeyRing(key for key in own_ring.keys if key.purpose != "mfa"))
    with pytest.raises(KeysNotReady, match="mfa"):
        readiness.refuse_unless_ready()
    assert not KeyCheck.objects.exists()


def test_it_refuses_values_sealed_with_a_key_it_never_saw(
    own_ring: KeyRing, sealed_with: list[str]
) -> None:
    readiness.refuse_unless_ready()
    sealed_with.append("credential-7")
    with pytest.raises(KeysNotReady, match=r"the test.*credential-7"):
        readiness.refuse_unless_ready()


def test_it_refuses_sealed_values_whose_check_is_gone(
    own_ring: KeyRing, sealed_with: list[str]
) -> None:
    sealed_with.append("credential-1")
    with pytest.raises(KeysNotReady, match="credential-1"):
        readiness.refuse_unless_ready()
    assert not KeyCheck.objects.exists()


def test_it_refuses_without_a_ring(ring_file: Path) -> None:
    with pytest.raises(KeysNotReady, match="no key ring"):
        readiness.refuse_unless_ready()
