"""Structured logs: one JSON object a line on standard error; what a person said or is never goes in."""

import logging
import os
import sys

import structlog

from services.kernel import traces


def configure(level: str | None = None) -> None:
    """Logs from `level` up (else PLATEAU_LOG_LEVEL, else info), those of libraries among them."""
    lowest = logging.getLevelNamesMapping()[(level or os.environ.get("PLATEAU_LOG_LEVEL", "info")).upper()]
    shared: list[structlog.typing.Processor] = [
        _traced,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    # Whoever holds a connection says that it is lost, once; pika says so many times.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    logging.basicConfig(handlers=[handler], level=max(lowest, logging.WARNING), force=True)


def _traced(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if traceparent := traces.current():
        line.setdefault("trace_id", traces.id_of(traceparent))
    return line
