"""Checkpoints on their way out, to a real web server and a real mail server on loopback."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoints, delivery, merkle
from controlpanel.audit.models import AuditEvent, Delivery
from controlpanel.keys import signatures
from controlpanel.lib import clock
from tests.audit.writing import Team
from tests.tools.mailserver import MailServer

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent, and answers with `status`."""

    status = 204

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/checkpoints"

    @property
    def numbers(self) -> list[int]:
        said = [json.loads(json.loads(body)["statement"]) for body in self.bodies]
        return [one["number"] for one in said]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.PANEL_HOOK_PRIVATE = True
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def later(**time: float) -> None:
    clock.shift(timedelta(**time))
    delivery.deliver_due()


def row(team: Team, way: str = "webhook") -> Delivery:
    return Delivery.objects.get(chain=team.chain, way=way)


def to_hook(team: Team, receiver: Receiver) -> None:
    delivery.send_to(team.chain, "Acme", "webhook", receiver.url)


def test_it_works(acme: Team, globex: Team, receiver: Receiver) -> None:
    to_hook(acme, receiver)
    checkpoints.take()
    delivery.deliver_due()
    assert receiver.numbers == [1]
    one = row(acme)
    assert (one.number, one.seq, one.trouble, one.failing_since) == (1, 6, "", None)
    assert one.delivered_at


def test_what_is_sent_proves_the_teams_own_chain(
    acme: Team, globex: Team, receiver: Receiver
) -> None:
    to_hook(acme, receiver)
    point = checkpoints.take()
    assert point
    delivery.deliver_due()
    sent = json.loads(receiver.bodies[0])
    said = json.loads(sent["statement"])
    assert sent["statement"] == point.statement
    message = checkpoints.message(sent["statement"])
    assert signatures.fits(sent["public_key"], message, sent["signature"])
    assert sent["key"] == said["key"]
    proof = sent["proof"]
    leaf = merkle.leaf(bytes.fromhex(proof["salt"]) + proof["leaf"].encode())
    path = [bytes.fromhex(step) for step in proof["path"]]
    assert merkle.root_from(leaf, proof["index"], proof["size"], path).hex() == said["root"]
    stood = json.loads(proof["leaf"])
    last = AuditEvent.objects.get(chain=acme.chain, seq=6)
    assert (stood["chain"], stood["seq"], stood["hash"]) == (acme.chain, 6, last.hash)


def test_it_tells_nothing_of_another_team(acme: Team, globex: Team, receiver: Receiver) -> None:
    to_hook(acme, receiver)
    checkpoints.take()
    delivery.deliver_due()
    body = receiver.bodies[0].decode()
    assert globex.chain not in body
    assert "globex" not in body.lower()
    assert AuditEvent.objects.get(chain=globex.chain, seq=3).hash not in body
    assert "bob@" not in body


def test_only_when_its_own_chain_moved(acme: Team, globex: Team, receiver: Receiver) -> None:
    to_hook(acme, receiver)
    checkpoints.take()
    delivery.deliver_due()
    globex.write()
    checkpoints.take()
    later(minutes=5)
    assert receiver.numbers == [1]
    acme.write()
    checkpoints.take()
    later(minutes=5)
    assert receiver.numbers == [1, 3]
    later(minutes=5)
    assert receiver.numbers == [1, 3]


def test_once_a_day_in_any_case(acme: Team, receiver: Receiver) -> None:
    to_hook(acme, receiver)
    checkpoints.take()
    delivery.deliver_due()
    later(hours=23)
    assert receiver.numbers == [1]
    clock.shift(timedelta(hours=1))
    checkpoints.take()
    delivery.deliver_due()
    assert receiver.numbers == [1, 2]


def test_nothing_is_sent_before_there_is_something(receiver: Receiver) -> None:
    team = Team("new")
    to_hook(team, receiver)
    delivery.deliver_due()
    checkpoints.take()
    later(minutes=1)
    assert receiver.bodies == []


def test_a_failure_is_noted_and_tried_again_later_and_later(acme: Team, receiver: Receiver) -> None:
    receiver.status = 500
    to_hook(acme, receiver)
    checkpoints.take()
    waits = []
    for failures in range(1, 9):
        delivery.deliver_due()
        one = row(acme)
        assert (one.failures, one.trouble) == (failures, "refused 500")
        waits.append(round((one.next_at - clock.now()).total_seconds() / 60))
        delivery.deliver_due()
        assert len(receiver.bodies) == failures  # not before its time
        clock.shift(one.next_at - clock.now())
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    since = row(acme).failing_since
    assert since
    assert since < clock.now() - timedelta(hours=2)
    receiver.status = 200
    delivery.deliver_due()
    one = row(acme)
    assert (one.failures, one.failing_since, one.trouble) == (0, None, "")


def test_after_a_failure_the_newest_one_is_sent(acme: Team, receiver: Receiver) -> None:
    receiver.status = 503
    to_hook(acme, receiver)
    checkpoints.take()
    delivery.deliver_due()
    receiver.status = 200
    acme.write()
    checkpoints.take()
    later(minutes=2)
    assert receiver.numbers == [1, 2]
    assert row(acme).number == 2


def test_a_redirect_is_not_followed(acme: Team, receiver: Receiver) -> None:
    receiver.status = 302
    to_hook(acme, receiver)
    checkpoints.take()
    delivery.deliver_due()
    assert row(acme).trouble == "redirect 302"
    assert len(receiver.bodies) == 1


def test_a_private_address_is_refused_when_it_is_sent_too(
    acme: Team, receiver: Receiver, settings: Settings
) -> None:
    to_hook(acme, receiver)
    settings.PANEL_HOOK_PRIVATE = False
    checkpoints.take()
    delivery.deliver_due()
    assert row(acme).trouble == "private"
    assert receiver.bodies == []


def test_one_that_fails_does_not_hold_up_others(
    acme: Team, globex: Team, receiver: Receiver
) -> None:
    delivery.send_to(acme.chain, "Acme", "webhook", "http://127.0.0.1:9/")
    delivery.send_to(globex.chain, "Globex", "webhook", receiver.url)
    checkpoints.take()
    delivery.deliver_due()
    assert row(acme).trouble == "connect"
    assert receiver.numbers == [1]


def test_a_row_that_another_process_took_is_left_to_it(acme: Team, receiver: Receiver) -> None:
    to_hook(acme, receiver)
    checkpoints.take()
    mine, theirs = row(acme), row(acme)
    assert delivery._taken(theirs)
    assert not delivery._taken(mine)
    delivery.deliver_due()
    assert receiver.bodies == []
    later(minutes=2)  # it died
    assert receiver.numbers == [1]


def test_what_comes_of_an_address_does_not_count_for_the_next(
    acme: Team, receiver: Receiver
) -> None:
    to_hook(acme, receiver)
    checkpoints.take()
    old = row(acme)
    delivery.send_to(acme.chain, "Acme", "webhook", "http://127.0.0.1:9/")
    delivery._note_failure(old, "connect")
    one = row(acme)
    assert (one.failures, one.delivered_at) == (0, None)


def test_mail(acme: Team, settings: Settings) -> None:
    with MailServer() as server:
        settings.PANEL_MAIL_TRANSPORT = "controlpanel.outgoing.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        delivery.send_to(acme.chain, "Acme", "mail", "audit@example.com")
        point = checkpoints.take()
        assert point
        delivery.deliver_due()
        (message,) = server.messages
    assert server.recipients == ["audit@example.com"]
    assert message["Subject"] == "Checkpoint #1 of the audit log of Acme"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text
    assert html
    assert point.signature in text.get_content()
    assert "Keep this mail" in html.get_content()
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "checkpoint-1.json"
    body = attached.get_content()
    sent = json.loads(body)
    assert sent["statement"] == point.statement
    assert hashing.canonical(sent).encode() == (body if isinstance(body, bytes) else body.encode())
    assert row(acme, "mail").number == 1


def test_mail_that_is_refused_is_tried_again(acme: Team, settings: Settings) -> None:
    with MailServer(refuses=True) as server:
        settings.PANEL_MAIL_TRANSPORT = "controlpanel.outgoing.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        delivery.send_to(acme.chain, "Acme", "mail", "audit@example.com")
        checkpoints.take()
        delivery.deliver_due()
        assert row(acme, "mail").trouble == "mail"
        server.refuses = False
        later(minutes=2)
    assert len(server.messages) == 1
    assert row(acme, "mail").failing_since is None
