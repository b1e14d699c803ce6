"""A small SMTP server on loopback that keeps what it is given."""

import socketserver
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from types import TracebackType
from typing import Any, Self


@dataclass
class MailServer:
    """Within `with`, at `port`."""

    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refuses: bool = False
    says_goodbye: bool = True

    def __enter__(self) -> Self:
        self._server = socketserver.ThreadingTCPServer(
            ("127.0.0.1", 0), partial(_Conversation, mail=self)
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    def __init__(self, *args: Any, mail: MailServer) -> None:
        self.mail = mail
        super().__init__(*args)

    def handle(self) -> None:
        self._say("220 test")
        for line in self.rfile:
            verb = line.split(b" ")[0].strip().upper()
            if verb == b"QUIT" and not self.mail.says_goodbye:
                self.rfile.read(1)  # until the other side goes
                return
            if verb == b"QUIT":
                self._say("221 bye")
                return
            if verb == b"RCPT" and self.mail.refuses:
                self._say("550 nobody here")
            elif verb == b"RCPT":
                self.mail.recipients.append(line.decode().split("<")[1].split(">")[0])
                self._say("250 ok")
            elif verb == b"DATA":
                self._say("354 go on")
                self._read_message()
                self._say("250 kept")
            else:
                self._say("250 ok")

    def _read_message(self) -> None:
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b"."))
        found = message_from_bytes(b"".join(lines), policy=policy.default)
        self.mail.messages.append(found)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
