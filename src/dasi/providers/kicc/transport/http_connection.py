"""One HTTP/1.1 connection, which carries one POST at a time and never repeats one.

The outcome of a payment depends on one question: could a byte of the request have left? Only
`Connection.ask` writes, so each failure before it is a `NotSentError`, and each failure after it a
`NoAnswerError`.
"""

import asyncio
import select
from typing import NamedTuple, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

HEAD_BYTES_MAX, BODY_BYTES_MAX = 32 * 1024, 256 * 1024
"""KICC's longest documented answer is a few KiB."""
_FINAL_STATUS_MIN = 200
"""Below are interim responses, such as 103 Early Hints."""


class NotSentError(Exception):
    """No byte of the request was written."""


class NoAnswerError(Exception):
    """The request may have arrived, and no whole answer came back."""


class TooLongError(NoAnswerError):
    """The answer is longer than its limits."""


class Answer(NamedTuple):
    """The status and the whole body of a response."""

    status: int
    body: bytes


class IncomingResponse:
    """One response while it is parsed. Each request has its own: nothing of another remains."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.keeps_alive = False
        """The answer is whole, nothing follows it, and the host keeps the connection."""
        self._status = self._bytes_received = self._body_bytes = 0
        self._chunks: list[bytes] = []
        self._has_length = self._is_encoded = False
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Parse `data`; `answer` is set when it is whole. Raises `NoAnswerError`."""
        self._bytes_received += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.keeps_alive = False
            if self.answer is None:
                raise NoAnswerError(type(error).__name__) from None  # its text quotes the host
        bytes_max = HEAD_BYTES_MAX + 2 * BODY_BYTES_MAX if self._status else HEAD_BYTES_MAX
        if self._body_bytes > BODY_BYTES_MAX or self._bytes_received > bytes_max:
            raise TooLongError(f"the answer is longer than {BODY_BYTES_MAX} bytes")
        if self._is_encoded:
            raise NoAnswerError("a content coding that was not accepted")

    def end(self) -> Answer | None:
        """The answer that the end of the connection completes, if it does (RFC 9112, 6.3)."""
        is_whole = self._status and not self._has_length
        return Answer(self._status, b"".join(self._chunks)) if is_whole else None

    def release(self) -> None:
        """Break the cycle with the parser, which refers to this object's methods."""
        del self._parser

    def on_message_begin(self) -> None:
        self.keeps_alive = False  # also for bytes after the answer: they belong to no request

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in (b"content-length", b"transfer-encoding"):
            self._has_length = True
        elif name == b"content-encoding":
            self._is_encoded = value.strip().lower() != b"identity"

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, chunk: bytes) -> None:
        self._body_bytes += len(chunk)
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        if self._status < _FINAL_STATUS_MIN:
            self._status, self._has_length = 0, False
        elif self.answer is None:
            self.answer = Answer(self._status, b"".join(self._chunks))
            self.keeps_alive = self._parser.should_keep_alive()


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time."""

    idle_since: float

    def __init__(self, open_connections: "set[Connection]") -> None:
        self._open_connections = open_connections
        self._loop = asyncio.get_running_loop()
        self._poll = select.poll()
        self._response: IncomingResponse | None = None
        self._answered: asyncio.Future[Answer] = self._loop.create_future()
        self.lost: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        self._open_connections.add(self)

    def has_nothing_to_read(self) -> bool:
        """Whether neither the loop nor the kernel has the end of the connection, or stray bytes."""
        return not self.transport.is_closing() and not self._poll.poll(0)

    def ask(self, request: bytes, deadline: float) -> asyncio.Future[Answer]:
        """Write the request and return the future of its answer, or of `NoAnswerError`.

        `NotSentError` if the connection was closed before.
        """
        if self.transport.is_closing():
            raise NotSentError("the host closed the connection")
        self._response, self._answered = IncomingResponse(), self._loop.create_future()
        self._timer = self._loop.call_at(deadline, self._fail, "TimeoutError")
        self.transport.write(request)
        return self._answered

    def end_request(self) -> bool:
        """Whether another request may follow: this one left, its answer came, and nothing else."""
        self._timer.cancel()
        response, self._response = self._response, None
        assert response is not None
        response.release()
        if self._answered.done() and not self._answered.cancelled():
            self._answered.exception()  # a task that was cancelled meanwhile does not retrieve it
        return response.keeps_alive and not self.transport.get_write_buffer_size()

    def data_received(self, data: bytes) -> None:
        if self._response is None or self._answered.done():
            self.transport.abort()  # it belongs to no request
            if self._response is not None:
                self._response.keeps_alive = False
            return
        try:
            self._response.feed(data)
        except NoAnswerError as error:
            self._answered.set_exception(error)
            self.transport.abort()
            return
        if self._response.answer is not None:
            self._answered.set_result(self._response.answer)

    def connection_lost(self, error: Exception | None) -> None:
        self._open_connections.discard(self)
        self.lost.set_result(None)
        if self._response is None or self._answered.done():
            return
        answer = self._response.end() if error is None else None
        if answer is not None:
            self._answered.set_result(answer)
        else:
            self._fail(describe(error) if error else "the connection was closed")

    def abort(self) -> None:
        """Close at once. A request under way has no answer."""
        self._fail("the connection was closed")

    def _fail(self, reason: str) -> None:
        if self._response is not None and not self._answered.done():
            self._answered.set_exception(NoAnswerError(reason))
        self.transport.abort()


def describe(error: BaseException) -> str:
    """The kind of failure with the system's text, without the host's, which may hold a key."""
    text = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
