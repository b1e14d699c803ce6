"""Structured logs: one JSON line an event, with the request id, and never a secret."""

import logging
import logging.config

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from controlpanel.lib import request_id
from controlpanel.lib.text import redact


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.setdefault("request_id", request_id.current())
    return event


def _redact_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _add_request_id,
    structlog.processors.format_exc_info,
    # After the traceback has become text, so that it is redacted too.
    _redact_values,
]


def logging_config(level: str) -> None:
    structlog.configure(
        processors=[
            # First, so that what nobody reads costs nothing.
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": _SHARED,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.JSONRenderer(),
                    ],
                }
            },
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["console"], "level": level},
            # urllib3's debug lines would carry addresses and headers of outward calls.
            "loggers": {"urllib3": {"level": "WARNING"}, "django.server": {"level": "WARNING"}},
        }
    )
