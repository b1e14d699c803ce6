"""Mail over real connections: what is queued arrives, and a server cannot hold a worker."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.message import EmailMessage as Arrived

import pytest
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives, send_mail
from pytest_django import Settings

from controlpanel.lib import clock
from controlpanel.outgoing import sender, smtp
from controlpanel.outgoing.mail import as_text, from_text
from controlpanel.outgoing.models import Outgoing
from tests.outgoing.conftest import SMTP
from tests.tools.mailserver import MailServer

pytestmark = pytest.mark.django_db


def whole() -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        "Grüße 🙂", "Text.\n.\nGrüße", "panel@example.com", ["nora@example.com"],
        bcc=["copy@example.com"], reply_to=["answer@example.com"], headers={"X-Kind": "test"},
    )  # fmt: skip
    message.attach_alternative("<p>Grüße</p>", "text/html")
    message.attach("one.json", b'{"a":1}', "application/json")
    message.attach("two.bin", b"\x00\xff\x80", "application/octet-stream")
    message.attach("three.txt", "Grüße", "text/plain")
    return message


def words(message: Arrived, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_it_works(server: MailServer) -> None:
    assert whole().send() == 1
    assert server.messages == []
    assert sender.send_due() == 1
    (message,) = server.messages
    assert server.recipients == ["nora@example.com", "copy@example.com"]
    assert message["Subject"] == "Grüße 🙂"
    assert message["Reply-To"] == "answer@example.com"
    assert message["X-Kind"] == "test"
    assert message["Bcc"] is None
    assert "Grüße" in words(message, "plain")
    assert "<p>Grüße</p>" in words(message, "html")
    attached = {one.get_filename(): one.get_content() for one in message.iter_attachments()}
    assert attached["two.bin"] == b"\x00\xff\x80"
    assert "Grüße" in attached["three.txt"]


def test_everything_that_django_sends_is_queued(server: MailServer) -> None:
    send_mail("Subject", "Text", None, ["nora@example.com"])
    assert Outgoing.objects.count() == 1
    assert server.messages == []


def test_sent_twice_it_is_the_same_message(server: MailServer) -> None:
    text = as_text(whole())
    first, second = from_text(text).message(), from_text(text).message()
    assert first["Message-ID"] == second["Message-ID"] != None  # noqa: E711
    assert first["Message-ID"].endswith("@example.com>")
    assert first["Date"] == second["Date"]


def test_what_makes_no_mail_is_refused_when_it_is_queued() -> None:
    with pytest.raises(ValueError, match="newlines"):
        EmailMessage("A\nBcc: eve@example.com", "Text", None, ["nora@example.com"]).send()
    assert not Outgoing.objects.exists()


def test_a_message_may_say_how_long_it_is_worth_sending(server: MailServer) -> None:
    message = whole()
    message.expires_at = clock.now() + timedelta(minutes=30)  # type: ignore[attr-defined]
    message.send()
    clock.shift(timedelta(minutes=30))
    assert sender.send_due() == 0
    assert not Outgoing.objects.exists()


def test_a_recipient_who_is_refused_is_tried_three_times(server: MailServer) -> None:
    server.refuses = True
    whole().send()
    for _try in range(5):
        sender.send_due()
        clock.shift(timedelta(hours=2))
    assert server.messages == []
    assert not Outgoing.objects.exists()


def test_files_are_written_by_workers_too(settings: Settings, tmp_path: object) -> None:
    settings.PANEL_MAIL_TRANSPORT = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    whole().send()
    sender.send_due()
    (file,) = tmp_path.iterdir()  # type: ignore[attr-defined]
    assert b"nora@example.com" in file.read_bytes()


Talk = Callable[[socket.socket], None]


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def dripping(connection: socket.socket) -> None:
    """A byte now and then: no single wait is ever long."""
    while True:
        connection.sendall(b"2")
        time.sleep(0.05)


def greeting_only(connection: socket.socket) -> None:
    connection.sendall(b"220 test\r\n")
    while connection.recv(100):
        pass


def many_lines(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"220-more\r\n")
        time.sleep(0.05)


def closing(_connection: socket.socket) -> None:
    pass


def no_smtp(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


def busy(connection: socket.socket) -> None:
    connection.sendall(b"421 later\r\n")


def endless_line(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"2" * 10_000)


def answers_slowly(connection: socket.socket) -> None:
    connection.sendall(b"220 test\r\n")
    while connection.recv(100):
        for char in b"250-x":
            connection.sendall(bytes([char]))
            time.sleep(0.05)


def half_a_line(connection: socket.socket) -> None:
    connection.sendall(b"220 te")
    connection.recv(1)


@contextmanager
def listening(talk: Talk) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _address = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "talk",
    [
        silent, dripping, greeting_only, many_lines, closing, no_smtp, busy, endless_line,
        answers_slowly, half_a_line,
    ],
)  # fmt: skip
def test_no_server_holds_a_worker(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, talk: Talk, tls: bool
) -> None:
    monkeypatch.setattr(smtp, "SECONDS", 0.6)
    settings.PANEL_MAIL_TRANSPORT, settings.EMAIL_USE_SSL = SMTP, tls
    with listening(talk) as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        whole().send()
        begun = time.monotonic()
        assert sender.send_due() == 0
        assert time.monotonic() - begun < 5
    assert Outgoing.objects.get().attempts == 1


def test_a_server_that_says_no_goodbye_has_taken_it(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "SECONDS", 1.0)
    server.says_goodbye = False
    whole().send()
    assert sender.send_due() == 1
    clock.shift(timedelta(hours=1))
    assert sender.send_due() == 0
    assert len(server.messages) == 1


def test_a_worker_that_waits_holds_no_page(alice: object, settings: Settings) -> None:
    """The page only writes a row, whatever the mail server does."""
    settings.PANEL_MAIL_TRANSPORT = SMTP
    with listening(silent) as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        body = {"email": "nora@example.com", "role": "viewer", "reach": "all"}
        assert alice.post("/teams/acme/members/invite/", body).status_code == 303  # type: ignore[attr-defined]
    assert Outgoing.objects.count() == 1
    assert mail.outbox == []
