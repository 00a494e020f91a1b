"""One line a fact: JSON for machines, plain columns on a terminal, and never a secret in either.

Lines of dasi and of libraries (uvicorn, asyncio, aiohttp) pass the same redaction. It redacts by
the name of a field, and by the form of a value anywhere, traceback included.
"""

import contextlib
import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"
LOG_CONTEXT: ContextVar[Mapping[str, str]] = ContextVar("LOG_CONTEXT", default=MappingProxyType({}))
"""The fields that every line of the running task has. They are logged as they are: no secrets.

One variable costs a charge 1 µs less than structlog's own, which searches all of a task's.
"""
_DEPTH_MAX = 8
_CARD_DIGITS_MIN, _CARD_DIGITS_MAX = 13, 19

# Compared without case, dashes and underscores; a field is secret if its name ends like one.
_SECRET_ENDINGS = (
    "authorization", "secret", "secrets", "secretkey", "token", "accesstoken", "windowtoken",
    "password", "passwd", "pwd", "pwd2digit", "passphrase", "cookie", "billingkey", "batchkey",
    "cardnumber", "cardno", "cvc", "cvv", "birth", "expiry", "vault", "vaultkeys", "sealed",
    "sealedkey", "msgauthvalue", "privatekey",
)  # fmt: skip
_IN_TEXT = re.compile(
    r"(?ix)\b([a-z_-]*(?: secret | secret_?key | token | password | passwd | pwd(?:_2digit)?"
    r" | billing_?key | batch_?key | card_?(?:number|no) | cvc | birth | vault_keys ))"
    r"([\"']?\s*[=:]\s*[\"']?)([^\"'&\s,;}\)]+)"
)
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}")
_URL_PASSWORD = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@\"']*):[^\s@/\"']*@")
_LONG_DIGITS = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w])")
# What one of the four above needs at least: most texts have nothing of it and are left as they are.
_MARKS = (":", "=", "basic", "bearer")
_MANY_DIGITS = re.compile(r"\d(?:[ -]?\d){12}")


def set_up_logging(
    *,
    level: Literal["debug", "info", "warning", "error"],
    log_format: Literal["auto", "json", "text"],
    stream: TextIO | None = None,
) -> None:
    """Send every log line of this process to `stream` (standard error) in one format."""
    out = sys.stderr if stream is None else stream
    is_text = log_format == "text" or (log_format == "auto" and out.isatty())
    before: list[Processor] = [
        _add_context,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=out.isatty(),
            # The default would print the local variables of every frame.
            exception_formatter=structlog.dev.plain_traceback,
        )
        if is_text
        else structlog.processors.JSONRenderer(_to_json)
    )
    clean: list[Processor] = [structlog.processors.format_exc_info, redact]
    if is_text:
        clean.append(escape_controls)
    handler = _Handler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *clean,
                last,
            ],
        )
    )
    # Our own lines go straight to the stream: by way of the standard library's records each cost
    # twice as much, and a charge writes one. Name, level and time are not searched for secrets.
    structlog.configure(
        processors=[_never_failing([*clean, *before, last])],
        logger_factory=_Lines(handler),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)


class _Handler(logging.StreamHandler[TextIO]):
    """Where a line cannot be made, says so and no more: the default prints its arguments raw."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        with contextlib.suppress(OSError, ValueError):  # the stream itself is gone
            self.stream.write(_lost(f"{record.name}:{record.lineno}") + "\n")
            self.stream.flush()


class _Lines:
    """Makes the loggers of this program, each with the name of the calling module."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler
        self._name_of_caller = structlog.stdlib.LoggerFactory(ignore_frame_names=[__name__])

    def __call__(self, *names: str) -> "_Line":
        return _Line(self._name_of_caller(*names).name, self._handler)


class _Line:
    """Writes finished lines, as the handler does for those of libraries."""

    def __init__(self, name: str, handler: _Handler) -> None:
        self.name = name
        self._handler = handler

    def msg(self, line: str) -> None:
        handler = self._handler
        handler.acquire()
        try:
            handler.stream.write(line + "\n")
            handler.stream.flush()
        except (OSError, ValueError):  # the stream itself is gone
            pass
        finally:
            handler.release()

    debug = info = warning = error = critical = exception = msg


def _never_failing(processors: list[Processor]) -> Processor:
    """Return the processors as one that never raises.

    The caller may have moved money a moment ago, and a line that cannot be made must not stop it.
    """

    def make_line(logger: WrappedLogger, method: str, event_dict: EventDict) -> Any:
        try:
            line: Any = event_dict
            for processor in processors:
                line = processor(logger, method, line)
        except Exception:  # noqa: BLE001  # the line names its type
            return _lost(getattr(logger, "name", "?"))
        return line

    return make_line


def _lost(where: str) -> str:
    error = type(sys.exc_info()[1]).__name__
    return json.dumps({"event": "log_line_lost", "level": "error", "where": where, "why": error})


def _to_json(event_dict: EventDict, **_options: Any) -> str:
    return msgspec.json.encode(event_dict).decode()


def _add_context(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    for name, value in LOG_CONTEXT.get().items():
        event_dict.setdefault(name, value)
    return event_dict


def redact(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Hide the secrets of an event. The last processor before rendering."""
    return {name: without_secrets(value, name=name) for name, value in event_dict.items()}


def escape_controls(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Write control characters as escapes, for a terminal: a client chooses parts of a line.

    They would move the cursor, change colours, or begin a line that looks like one of ours. Only
    tracebacks keep their line ends. JSON has escapes of its own.
    """
    return {
        name: _escaped(value, keeps="\n\t" if name == "exception" else "")
        if isinstance(value, str)
        else value  # shown as its `repr`, which has escapes
        for name, value in event_dict.items()
    }


def _escaped(text: str, *, keeps: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        mark if mark.isprintable() or mark in keeps else mark.encode("unicode_escape").decode()
        for mark in text
    )


def without_secrets(value: Any, *, name: str = "", depth: int = 0) -> Any:
    """Return `value` with everything secret-like replaced. Unknown objects become their `repr`."""
    if value is None or isinstance(value, bool | float):
        return value
    if name and _is_secret_name(name):
        return HIDDEN
    if isinstance(value, int):
        return HIDDEN if _is_card_number(str(abs(value))) else value
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _inside(value, depth + 1) if depth < _DEPTH_MAX else "…"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    return _clean_text(value if isinstance(value, str) else repr(value))


def _inside(value: Mapping[Any, Any] | Iterable[Any], depth: int) -> Any:
    if isinstance(value, Mapping):
        return {
            str(key): without_secrets(inner, name=str(key), depth=depth)
            for key, inner in value.items()
        }
    return [without_secrets(inner, depth=depth) for inner in value]


@lru_cache(maxsize=1024)
def _is_secret_name(name: str) -> bool:
    return re.sub(r"[\W_]", "", name.lower()).endswith(_SECRET_ENDINGS)


def _clean_text(text: str) -> str:
    if _is_plain(text.casefold()):
        return text
    text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    text = _AUTHORIZATION.sub(rf"\1 {HIDDEN}", text)
    text = _IN_TEXT.sub(rf"\1\2{HIDDEN}", text)
    return _LONG_DIGITS.sub(lambda m: HIDDEN if _is_card_number(m[0]) else m[0], text)


def _is_plain(text: str) -> bool:
    for mark in _MARKS:
        if mark in text:
            return False
    return len(text) < _CARD_DIGITS_MIN or _MANY_DIGITS.search(text) is None


def _is_card_number(text: str) -> bool:
    """13 to 19 digits that pass Luhn's check, as every card number does."""
    digits = "".join(mark for mark in text if mark.isdigit())
    return _CARD_DIGITS_MIN <= len(digits) <= _CARD_DIGITS_MAX and passes_luhn(digits)


def passes_luhn(digits: str) -> bool:
    """Return whether the last digit is Luhn's check digit of the others."""
    numbers = [int(digit) for digit in digits]
    doubled = (sum(divmod(number * 2, 10)) for number in numbers[-2::-2])
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0
