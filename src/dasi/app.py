"""The composition root: builds the database, the providers and the interfaces from the settings.

Only this module, `worker` and the commands know which PGs exist.
"""

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dasi import __version__
from dasi.engine import Engine, find_public_url_fault
from dasi.foundation import metrics
from dasi.foundation.clock import Clock, SystemClock
from dasi.foundation.db import open_database
from dasi.foundation.errors import OperatorError, Unavailable
from dasi.foundation.vault import Vault
from dasi.http.client_address import PEER, PROXY_HEADERS, TrustedProxies, parse_address
from dasi.http.indexed_router import IndexedRouter, path_to_match
from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import Provider
from dasi.readiness import (
    SELF_TEST_HEADER,
    SELF_TEST_PATH,
    Check,
    Readiness,
    RequestView,
    read_question,
    seal_answer,
)
from dasi.recovery import CommitMark, CommitMemory, publish_mode, recovery_state
from dasi.reporting import publish_stopped_metrics, publish_unresolved_metrics
from dasi.request_ids import RequestIds
from dasi.schedules import stats
from dasi.settings import Settings

_CONTACT_LIFE = timedelta(days=90)
_FORWARDED_MAX = 500


@asynccontextmanager
async def open_engine(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Engine]:
    """Open the engine of one process; its pools are closed at the end.

    `Unavailable` if the database does not answer. Tests pass a `clock` of their own, which is not
    compared with the database's.
    """
    readiness = Readiness(
        clock=SystemClock() if clock is None else None,
        data_folder=Path(settings.data_folder) if settings.data_folder else None,
        accepts_lost_payments=settings.asynchronous_standbys == "accept-lost-payments",
    )
    clock = clock or SystemClock()
    tracing = _open_tracing() if settings.tracing else None
    mark = CommitMark(Path(settings.state_dir)) if settings.state_dir else None
    commit_memory = CommitMemory(clock, mark)
    database = await open_database(
        settings.database_url,
        connections_max=settings.database_pool_size,
        statement_timeout_s=settings.statement_timeout_s,
        has_pooler=bool(settings.database_direct_url),
        check_connection=commit_memory.check,
    )
    kicc = KiccProvider(
        sandbox_url=settings.kicc_sandbox_url,
        live_url=settings.kicc_live_url,
        clock=clock,
        connections_max=settings.kicc_connections,
    )
    providers: dict[str, Provider] = {"kicc": kicc}
    if tracing is not None:
        database = tracing.trace_database(database)
        providers = {code: tracing.trace_provider(each) for code, each in providers.items()}
    try:
        yield Engine(
            database=database,
            clock=clock,
            vault=Vault(settings.vault_keys),
            providers=providers,
            tracing=tracing,
            public_url=settings.public_url,
            public_url_fault=find_public_url_fault(
                settings.public_url, live_pg_url=settings.kicc_live_url
            ),
            window_ttl_s=settings.window_ttl_s,
            allows_local_urls=settings.allow_local_webhooks,
            commit_memory=commit_memory,
            readiness=readiness,
            inline_lookup_delay_s=settings.inline_lookup_delay_s,
        )
    finally:
        readiness.close()
        await kicc.close()
        await database.close()
        if tracing is not None:
            await asyncio.to_thread(tracing.close)


def _open_tracing() -> Any:
    """Return the `dasi.tracing.Tracing` of this process. `OperatorError` without the extra."""
    try:
        from dasi.tracing import open_tracing  # noqa: PLC0415  # optional, and slow
    except ImportError as missing:
        raise OperatorError(
            "DASI_TRACING is on, and OpenTelemetry is not installed.",
            cause=f"The module {missing.name} is missing.",
            hint="Install the extra: `pip install 'dasi-gateway[otel]'`, or unset DASI_TRACING.",
        ) from missing
    return open_tracing()


def create_app(
    engine: Engine, settings: Settings, *, is_draining: Callable[[], bool] = lambda: False
) -> Starlette:
    """Return the gateway: all interfaces, health and metrics.

    `is_draining`: whether the process is about to end, so that it is not ready for new work.
    """
    # A command opens the engine only.
    from dasi import checkout, console, iamport, pg_notifications  # noqa: PLC0415  # slow
    from dasi.http.admission import RETRY_AFTER_S, Admission  # noqa: PLC0415  # slow

    app = Starlette(
        routes=[
            *_health_routes(engine, is_draining),
            _self_test_route(engine, settings),
            *_security_routes(engine, settings.security_contact),
            _metrics_route(engine, token=settings.metrics_token),
            *checkout.routes(
                engine,
                windows_per_address=settings.windows_per_address,
                windows_per_merchant=settings.windows_per_merchant,
            ),
            *pg_notifications.routes(engine),
            *console.routes(engine),
            *iamport.routes(engine, max_body_bytes=settings.max_body_bytes),
        ],
        exception_handlers={HTTPException: _no_such_route},
        middleware=[
            Middleware(RequestIds),
            *([Middleware(engine.tracing.trace_requests)] if engine.tracing is not None else []),
            *(
                [
                    Middleware(
                        TrustedProxies,
                        networks=settings.trusted_proxies,
                        header=settings.forwarded_header,
                    )
                ]
                if settings.trusted_proxies
                else []
            ),
            Middleware(
                Admission,
                requests_max=settings.max_concurrent_requests,
                body_max_bytes=settings.max_body_bytes,
                reject=lambda: iamport.too_busy(RETRY_AFTER_S),
                refuse_late=iamport.too_slow,
            ),
        ],
    )
    app.router = IndexedRouter(app.routes)
    return app


def _health_routes(engine: Engine, is_draining: Callable[[], bool]) -> list[Route]:
    async def live(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(_request: Request) -> Response:
        if is_draining():
            return PlainTextResponse("draining\n", status_code=503)
        checks = await engine.readiness.check(engine.database, engine.vault)
        is_able = all(check.is_able for check in checks)
        headline = await _mode_headline(engine) if is_able else "not ready"
        lines = [headline, *(_health_line(check) for check in checks), ""]
        return PlainTextResponse("\n".join(lines), status_code=200 if is_able else 503)

    return [
        Route("/health/live", live, methods=["GET"]),
        Route("/health/ready", ready, methods=["GET"]),
    ]


def _self_test_route(engine: Engine, settings: Settings) -> Route:
    async def answer_self_test(request: Request) -> Response:
        question = request.headers.get(SELF_TEST_HEADER, "")
        nonce = read_question(engine.vault, question, now=datetime.now(UTC))
        if nonce is None:
            raise HTTPException(404)
        forwarded = ",".join(request.headers.getlist(settings.forwarded_header))
        client = request.client
        view = RequestView(
            version=__version__,
            public_url=settings.public_url,
            peer=request.scope.get(PEER, client or ("", 0))[0],
            client=client.host if client else "",
            scheme=request.url.scheme,
            forwarded_header=settings.forwarded_header,
            forwarded=forwarded[:_FORWARDED_MAX],
        )
        return PlainTextResponse(seal_answer(engine.vault, nonce, view))

    return Route(SELF_TEST_PATH, answer_self_test, methods=["GET"])


async def _mode_headline(engine: Engine) -> str:
    """Reads and the console work in every mode: "stopped" refuses requests for money only."""
    try:
        mode = (await recovery_state(engine.database)).mode
    except Unavailable:
        mode = "normal"  # the database answered a moment ago, and the next check says what it is
    return "ok" if mode == "normal" else f"ok, {mode}"


def _health_line(check: Check) -> str:
    return f"{check.name}: {check.text}"


def _metrics_route(engine: Engine, *, token: str) -> Route:
    async def show_metrics(request: Request) -> Response:
        if not _may_read_metrics(request, token):
            raise HTTPException(404)
        with contextlib.suppress(Unavailable):  # the other metrics need no database
            await stats.publish_start_delay(engine)
            await publish_unresolved_metrics(engine)
            await publish_stopped_metrics(engine)
            await publish_mode(engine.database)
        return Response(metrics.render(), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", show_metrics, methods=["GET"])


def _may_read_metrics(request: Request, token: str) -> bool:
    """Whether the request has the token, or, without one, was made on this machine by no proxy."""
    if token:
        sent = request.headers.get("authorization", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())
    if any(name in request.headers for name in PROXY_HEADERS) or request.client is None:
        return False
    address = parse_address(request.client.host)
    return address is not None and address.is_loopback


def _security_routes(engine: Engine, contact: str) -> list[Route]:
    """Return the route of `security.txt` (RFC 9116). Without a contact it is not found."""

    async def show_contact(_request: Request) -> Response:
        if not contact:
            raise HTTPException(404)
        # The expiry is required. It moves on while the operator keeps the setting.
        expires_at = (engine.clock.now() + _CONTACT_LIFE).strftime("%Y-%m-%dT%H:%M:%SZ")
        return PlainTextResponse(
            f"Contact: {contact}\nExpires: {expires_at}\nPreferred-Languages: ko, en\n"
        )

    return [Route("/.well-known/security.txt", show_contact, methods=["GET"])]


def _allowed(request: Request) -> set[str]:
    """Return the methods of this path: a path may have a route for each of them."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    path = path_to_match(request.scope)
    first = next((route.path for route in routes if route.path_regex.match(path)), None)
    return {method for route in routes if route.path == first for method in route.methods or ()}


async def _no_such_route(request: Request, error: Exception) -> Response:
    from dasi import iamport  # noqa: PLC0415  # slow, as above

    assert isinstance(error, HTTPException), "registered for HTTPException only"
    allowed = ", ".join(sorted(_allowed(request)))
    return iamport.no_such_route(request, http_status=error.status_code, allowed=allowed)
