from collections.abc import Iterator

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.core.management.commands import flush
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models.signals import post_migrate
from pytest_django import Settings

import controlpanel.celery  # noqa: F401 as in every process: what is enqueued goes through this app
from controlpanel.audit.log import clock_jumps, read_only_state, refusals, unrecorded_sign_ins
from controlpanel.lib import clock
from controlpanel.outgoing import queue, sender
from controlpanel.sandbox.server import Sandbox
from controlpanel.vpsorg import connections
from tests.tools.flush import flush_past_triggers
from tests.tools.valkey import ValkeyServer

pytest_plugins = ["tests.people"]


@pytest.fixture(scope="session", autouse=True)
def _flush_past_triggers() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush_past_triggers)
        # Django's own rights and kinds of content, which nobody here reads, take nine tenths of it.
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_flushed: None)
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """The making of the tests' own database is no event: every test starts with an empty log."""
    post_migrate.disconnect(sender=apps.get_app_config("audit"), dispatch_uid="panel.migrated")


@pytest.fixture(scope="session", autouse=True)
def _mail_by_a_worker(django_test_environment: None) -> Iterator[None]:
    """As in use mail is queued, which Django would put off; a worker comes with each commit.

    Where a test itself is a transaction nothing is committed: `tests.tools.outbox.delivered`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "EMAIL_BACKEND", "controlpanel.outgoing.mail.EmailBackend")
        patch.setattr(queue, "_ring", sender.send_due)
        yield


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def _not_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has just started; whoever asks tries at once whether it can write."""
    clock_jumps.forget()
    read_only_state.forget()
    unrecorded_sign_ins.forget()
    refusals.tally.forget()
    monkeypatch.setattr(read_only_state, "TRY_EVERY", 0.0)


@pytest.fixture(autouse=True)
def _no_kept_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has just started: what one test keeps open serves no other."""
    monkeypatch.setattr(connections, "_connections", connections.Connections())


@pytest.fixture(autouse=True)
def _clock_back() -> Iterator[None]:
    yield
    clock.reset()


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Sandbox]:
    with Sandbox(provision_seconds=0.2, power_seconds=0.1) as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server: Sandbox, settings: Settings) -> Sandbox:
    """The provider, fresh; the panel's settings point at it."""
    sandbox_server.reset()
    settings.VPSORG_API_ORIGIN = sandbox_server.url
    return sandbox_server


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_server: ValkeyServer, settings: Settings) -> Iterator[ValkeyServer]:
    """A real Valkey behind cache and queue; a test may stop, flush and start it."""
    valkey_server.start()
    valkey_server.flush()
    with valkey_server.used_by(settings):
        yield valkey_server
