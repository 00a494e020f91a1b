"""Spans of a request: the request, its statements, the PG, and the webhook that follows.

Everything wraps what the composition root makes. Without tracing nothing is wrapped, so a charge
runs no line of this package. Attributes hold no personal data, and no text of an error.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dasi import __version__
from dasi.foundation.db import Connection, Database
from dasi.providers.port import Provider
from dasi.request_ids import current_request_id
from dasi.tracing.span_ids import NEXT_SPAN_ID, RequestIdGenerator, span_id_of, trace_id_of

Item = TypeVar("Item")
Result = TypeVar("Result")
Client = TypeVar("Client")

_W3C = TraceContextTextMapPropagator()
_REQUESTS_TO_PG = frozenset(
    {"open_window", "approve", "issue_key", "charge", "cancel", "delete_key", "look_up"}
)
_UNTRACED = ("/health/", "/metrics")
_SERVER_ERROR = 500
_FLUSH_MS = 3_000


def open_tracing() -> "Tracing":
    """Return the tracing of this process. Variables `OTEL_…` name the collector and the sampler."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": "dasi", "service.version": __version__}),
        id_generator=RequestIdGenerator(),
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


class Tracing:
    """Wraps the parts of one process so that they make spans."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("dasi", __version__)

    def close(self) -> None:
        """Send what is left, and stop the thread of the exporter. It may take seconds."""
        self._provider.force_flush(_FLUSH_MS)
        self._provider.shutdown()

    @contextlib.contextmanager
    def span(
        self, name: str, kind: SpanKind = SpanKind.INTERNAL, parent: Context | None = None
    ) -> Iterator[Span]:
        """Run the block in a span. An error sets its type, and never its text."""
        with self._tracer.start_as_current_span(
            name, context=parent, kind=kind, record_exception=False, set_status_on_exception=False
        ) as span:
            request_id = current_request_id()
            if request_id is not None:
                span.set_attribute("dasi.request_id", request_id)
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    def trace_database(self, database: Database) -> Database:
        return _TracedDatabase(database, self)

    def trace_provider(self, provider: Provider) -> Provider:
        return cast("Provider", _TracedProvider(provider, self))

    def trace_requests(self, app: ASGIApp) -> ASGIApp:
        """ASGI middleware: a span for each request but those of health and metrics."""
        return _RequestSpans(app, self)

    def trace_webhooks(self, client: Client) -> Client:
        """Return the client of the webhooks, which has `post` and `close`, with spans."""
        return cast("Client", _TracedWebhooks(client, self))

    def context_of(self, request_id: str) -> Context:
        """Return the context of a request that an earlier process ran."""
        trace_id = trace_id_of(request_id)
        decision = self._provider.sampler.should_sample(None, trace_id, "webhook").decision
        is_sampled = decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags.SAMPLED if is_sampled else TraceFlags.DEFAULT
        request = SpanContext(
            trace_id, span_id_of(request_id), is_remote=True, trace_flags=TraceFlags(flags)
        )
        return set_span_in_context(NonRecordingSpan(request))


class _RequestSpans:
    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNTRACED):
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"traceparent", b"tracestate")
        }
        method = scope["method"]
        with self._request_span(method, _W3C.extract(headers)) as span:

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note_response(span, method, scope, message["status"])
                await send(message)

            await self._app(scope, receive, send_and_note)

    @contextlib.contextmanager
    def _request_span(self, method: str, parent: Context) -> Iterator[Span]:
        request_id = current_request_id()
        mark = NEXT_SPAN_ID.set(None if request_id is None else span_id_of(request_id))
        with self._tracing.span(method, SpanKind.SERVER, parent) as span:
            NEXT_SPAN_ID.reset(mark)
            yield span


def _note_response(span: Span, method: str, scope: Scope, status: int) -> None:
    """Note the pattern of the route: the path itself may name a customer."""
    route = scope.get("route")
    if isinstance(route, Route):
        span.update_name(f"{method} {route.path}")
        span.set_attribute("http.route", route.path)
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.response.status_code", status)
    if status >= _SERVER_ERROR:
        span.set_status(Status(StatusCode.ERROR))


class _TracedDatabase(Database):
    """Spans of transactions inside a span; the polls of the worker make none."""

    def __init__(self, database: Database, tracing: Tracing) -> None:
        super().__init__(database.pool)
        self._tracing = tracing

    async def run_batched(
        self,
        act: Callable[[Database, Sequence[Item]], Awaitable[Sequence[Result]]],
        item: Item,
    ) -> Result:
        if not get_current_span().get_span_context().is_valid:
            return await super().run_batched(act, item)
        with self._tracing.span(f"database {act.__name__}"):
            return await super().run_batched(act, item)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        if not get_current_span().get_span_context().is_valid:
            async with super().transaction() as connection:
                yield connection
            return
        with self._tracing.span("database transaction"):
            async with super().transaction() as connection:
                yield connection


class _TracedProvider:
    def __init__(self, provider: Provider, tracing: Tracing) -> None:
        self._provider = provider
        self._tracing = tracing

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._provider, name)
        if name not in _REQUESTS_TO_PG:
            return attribute

        async def request_to_pg(*args: Any, **kwargs: Any) -> Any:
            with self._tracing.span(f"pg {name}", SpanKind.CLIENT) as span:
                outcome = await attribute(*args, **kwargs)
                span.set_attribute("dasi.outcome", type(outcome).__name__)
                return outcome

        return request_to_pg


class _TracedWebhooks:
    def __init__(self, client: Any, tracing: Tracing) -> None:
        self._client = client
        self._tracing = tracing

    async def post(self, url: str, body: bytes, headers: dict[str, str], **more: Any) -> Any:
        request_id = headers.get("x-request-id")
        parent = None if request_id is None else self._tracing.context_of(request_id)
        with self._tracing.span("webhook", SpanKind.CLIENT, parent) as span:
            if request_id is not None:
                span.set_attribute("dasi.request_id", request_id)
            headers = {**headers}
            _W3C.inject(headers)
            result = await self._client.post(url, body, headers, **more)
            if result.http_status is not None:
                span.set_attribute("http.response.status_code", result.http_status)
            return result

    async def close(self) -> None:
        await self._client.close()
