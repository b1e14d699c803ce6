"""The one query of the door: over connections that broke, and where nothing can be prepared."""

import pytest
from django.db import connection

from controlpanel.accounts.models import Membership
from controlpanel.credentials.models import Credential
from controlpanel.credentials.panel_keys import lookup as key_lookup
from controlpanel.credentials.panel_keys import prepared_query
from controlpanel.credentials.panel_keys.digest import possible
from controlpanel.lib.secret import Secret
from tests.gateway.asking import key_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases]


@pytest.fixture(autouse=True)
def _as_at_first(monkeypatch):
    monkeypatch.setattr(prepared_query, "_stopped", False)


def test_it_finds_the_key_again_and_again(bob, synced):
    script = key_of(bob, synced)
    for _ in range(8):  # PostgreSQL plans again the first times
        found = key_lookup.by_digest(possible(Secret(script.text)))
        assert found
        assert (found.key, found.key.user, found.membership) == (
            script.key,
            bob.user,
            bob.membership,
        )
        again = key_lookup.by_id(script.key.id)
        assert again
        assert again.key == script.key
    assert key_lookup.by_digest(["x"]) is None


def test_the_same_row_is_the_same_key_until_anything_of_it_changes(bob, synced):
    script = key_of(bob, synced)
    before = key_lookup.by_id(script.key.id)
    assert before
    assert key_lookup.by_id(script.key.id) is before
    changes = [
        lambda: Membership.objects.filter(user=bob.user).update(role="viewer"),
        lambda: type(script.key).objects.filter(id=script.key.id).update(revoked_by="alice"),
        lambda: type(bob.user).objects.filter(id=bob.user.id).update(is_active=False),
        lambda: type(synced).objects.filter(id=synced.id).update(writable=False),
        lambda: Credential.objects.filter(account=synced).update(is_sync=False),
    ]
    for change in changes:
        before = key_lookup.by_id(script.key.id)
        assert change()
        assert key_lookup.by_id(script.key.id) is not before


postgres_only = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has no connection that breaks, nor a planner"
)


@postgres_only
def test_a_connection_that_broke_is_made_again(bob, synced):
    script = key_of(bob, synced)
    assert key_lookup.by_id(script.key.id)
    connection.connection.close()
    assert key_lookup.by_id(script.key.id)


@postgres_only
def test_a_pooler_in_between_is_survived(bob, synced):
    script = key_of(bob, synced)
    assert key_lookup.by_id(script.key.id)
    connection.connection.execute("DEALLOCATE ALL")  # as if it were another connection
    assert key_lookup.by_id(script.key.id)
    assert prepared_query._stopped
