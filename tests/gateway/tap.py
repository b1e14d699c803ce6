"""Between the panel and its provider: passes everything on and keeps what the panel sent."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Tap:
    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._sent = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def sent(self) -> bytes:
        """Since it was last asked."""
        with self._lock:
            sent, self._sent = self._sent, b""
        return sent

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                panel, _address = self._listener.accept()
                provider = socket.create_connection(("127.0.0.1", self._port))
                for ends in ((panel, provider, True), (provider, panel, False)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, keep: bool) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(65536):
                if keep:
                    with self._lock:
                        self._sent += part
                target.sendall(part)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
