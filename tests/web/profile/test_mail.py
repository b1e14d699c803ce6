"""Mail over a real connection, and what happens when there is no server."""

import socket

import pytest

from tests.tools.mailserver import MailServer

pytestmark = pytest.mark.django_db(transaction=True)
RESET = "/accounts/password/reset/"


@pytest.fixture
def server(settings):
    with MailServer() as running:
        settings.PANEL_MAIL_TRANSPORT = "controlpanel.outgoing.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


def test_it_works(alice, nobody, server):
    nobody.post(RESET, {"email": alice.user.email})
    (message,) = server.messages
    assert server.recipients == ["alice@example.com"]
    assert message["Subject"] == "A new password for the control panel"
    assert message["From"] == "panel@localhost"
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    address = next(line for line in text.splitlines() if line.startswith("http"))
    assert f'<a href="{address}"' in html
    assert "Nobody reads answers to it." in html


def test_a_refused_mail_changes_no_answer(alice, nobody, server):
    server.refuses = True
    refused = nobody.post(RESET, {"email": alice.user.email})
    assert refused["Location"] == f"{RESET}done/"
    assert server.messages == []


def test_no_server_changes_no_answer(alice, nobody, settings):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.EMAIL_HOST, settings.EMAIL_PORT = free.getsockname()
    settings.PANEL_MAIL_TRANSPORT = "controlpanel.outgoing.smtp.EmailBackend"
    assert nobody.post(RESET, {"email": alice.user.email})["Location"] == f"{RESET}done/"


def test_names_in_a_mail_are_inert(alice, server):
    alice.user.name = "<b>Alice</b> http://evil.example/ \r\nBcc: eve@example.com"
    alice.user.save()
    alice.post("/accounts/email/", {"email": "alice@example.org", "action_add": ""})
    (message,) = server.messages
    assert server.recipients == ["alice@example.org"]
    assert "<b>" not in message.get_body(("html",)).get_content()
