from collections.abc import Iterator

import pytest
from pytest_django import Settings

from controlpanel.outgoing import queue
from tests.keys.conftest import own_ring, ring_file
from tests.tools.mailserver import MailServer

__all__ = ["own_ring", "ring_file"]

SMTP = "controlpanel.outgoing.smtp.EmailBackend"


@pytest.fixture
def server(settings: Settings) -> Iterator[MailServer]:
    with MailServer() as running:
        settings.PANEL_MAIL_TRANSPORT = SMTP
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


@pytest.fixture(autouse=True)
def _nobody_hears_the_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests say themselves when a worker looks."""
    monkeypatch.setattr(queue, "_ring", lambda: None)
