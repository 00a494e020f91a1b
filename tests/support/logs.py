"""Set up logging inside the tests' process as a program does, and take it back afterwards."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from dasi.foundation.logging import set_up_logging


@contextmanager
def logged(log_format: str = "json") -> Iterator[io.StringIO]:
    """The lines logged in the block. No logger is cached, or it would outlive the block."""
    handlers, level = logging.root.handlers[:], logging.root.level
    stream = io.StringIO()
    set_up_logging(level="info", log_format=log_format, stream=stream)
    structlog.configure(cache_logger_on_first_use=False)
    try:
        yield stream
    finally:
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
