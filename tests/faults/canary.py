"""Two secrets that stand for all, and where they have no business to be found."""

import base64
import io
import logging
import pickle
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.db import connection

_TOKEN_CORE: Final = "7f3aC9e1Zb5wKq0d"
_PASSWORD_CORE: Final = "c4N4ry9eX2tUvW6s"
# Signs that JSON, HTML, URLs and Python each write in a way of their own.
TOKEN: Final = f"cnr+/&<\"{_TOKEN_CORE}'\\>=~"
ROOT_PASSWORD: Final = f"R00t+/&<\"{_PASSWORD_CORE}'\\>=~"
_CORES: Final = {TOKEN: _TOKEN_CORE, ROOT_PASSWORD: _PASSWORD_CORE}


def _shapes(secret: str) -> Iterator[bytes]:
    """However it is quoted, its core is in it; encoded as a whole, it looks otherwise."""
    core, whole = _CORES[secret].encode(), secret.encode()
    yield core
    yield core[::-1]
    yield core.decode().encode("utf-16-le")
    yield core.hex().encode()
    for data in (whole, core):
        for shift in range(3):  # base64 depends on where in a group of three it begins
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                shown = encode(b"\0" * shift + data)
                yield shown[-(-shift * 4 // 3) : (shift + len(data)) // 3 * 4]


SHAPES: Final = tuple({*_shapes(TOKEN), *_shapes(ROOT_PASSWORD)})


def is_in(data: bytes) -> bool:
    return any(shape in data for shape in SHAPES)


class Sinks:
    """What was collected in different places, each with a word for where."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self.looked_at = 0

    def pour(self, where: str, data: bytes | str) -> None:
        self.looked_at += 1
        if is_in(data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")):
            self._found.append(where)

    def page(self, answer: Any) -> None:
        self.pour(f"headers {answer.status_code}", repr(answer.headers) + repr(answer.cookies))
        self.pour(f"page {answer.status_code}", answer.content)

    def files(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            self.pour(f"name of {path}", str(path))
            if path.is_file():
                self.pour(str(path), path.read_bytes())

    def tables(self) -> None:
        """Every value of every table, as the database gives it."""
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names():
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
                for row in cursor.fetchall():
                    self.pour(table, repr(row))

    def redis(self, client: Any) -> None:
        for key in client.scan_iter():
            kind = client.type(key)
            self.pour("key", key)
            if kind == b"list":
                self.pour(f"queue {key!r}", b"\n".join(client.lrange(key, 0, -1)))
            self.pour(f"dump of {key!r}", client.dump(key) or b"")

    def error(self, error: BaseException) -> None:
        """The error as it prints and pickles, with its causes and every frame's variables."""
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        self.pour(f"traceback of {error!r}", "".join(shown.format()))
        seen: BaseException | None = error
        while seen is not None:
            self.pour(f"error {type(seen)}", f"{seen!r} {seen} {vars(seen)!r} {seen.args!r}")
            self.pour(f"pickled {type(seen)}", _pickled(seen))
            seen = seen.__cause__ or seen.__context__

    def assert_clean(self) -> None:
        assert self.looked_at
        found = sorted(set(self._found))
        assert not found


class _Errors(logging.Handler):
    def __init__(self, sinks: Sinks) -> None:
        super().__init__(logging.DEBUG)
        self._sinks = sinks

    def emit(self, record: logging.LogRecord) -> None:
        self._sinks.pour("log record", repr(vars(record)))
        if record.exc_info and record.exc_info[1]:
            self._sinks.error(record.exc_info[1])


@contextmanager
def listening(sinks: Sinks) -> Iterator[None]:
    """To everything that any logger says, down to debug, before anything is redacted."""
    stream = io.StringIO()
    handlers = [logging.StreamHandler(stream), _Errors(sinks)]
    loggers = [logging.getLogger(), logging.getLogger("urllib3")]
    levels = [logger.level for logger in loggers]
    # It tells of every variable that a template asks for in vain.
    templates = logging.getLogger("django.template")
    templates_level = templates.level
    templates.setLevel(logging.INFO)
    for handler in handlers:
        loggers[0].addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for handler in handlers:
            loggers[0].removeHandler(handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        templates.setLevel(templates_level)
        sinks.pour("log", stream.getvalue())


def _pickled(error: BaseException) -> bytes:
    try:
        return pickle.dumps(error)
    except Exception:
        return b""  # what cannot be pickled cannot leak that way
