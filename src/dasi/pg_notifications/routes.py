"""`POST /pg-notifications/{provider}`: a PG reports an approval or a cancel.

The route stores the notification, acknowledges it in the PG's format, and processes it afterwards:
the PG must not wait for our work. A notification that was not stored is not acknowledged, so that
the PG sends it again.
"""

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dasi.engine import Engine
from dasi.foundation.errors import Unavailable
from dasi.http.client_address import client_network
from dasi.http.slots import slot_of
from dasi.pg_notifications.inbox import process_pg_notification, store_pg_notification
from dasi.providers.port import PgNotification, Provider

log = structlog.get_logger()

_BODY_MAX_BYTES = 64 * 1024


def routes(engine: Engine) -> list[Route]:
    """Return the route for the notifications of every provider."""

    async def receive(request: Request) -> Response:
        name = request.path_params["provider"]
        provider = engine.providers.get(name)
        if provider is None:
            return PlainTextResponse("unknown provider\n", status_code=404)
        content_type = request.headers.get("content-type", "")
        source = request.client.host if request.client else "unknown"
        slot_of(request).assign(client_network(request.scope))
        try:
            notification = provider.read_notification(content_type, await _read(request))
            is_stored = await store_pg_notification(engine, name, notification, source=source)
        except ValueError as bad:
            log.warning("pg_notification_unreadable", provider=name, source=source, why=str(bad))
            return _acknowledged(provider, content_type, is_stored=False)
        except Unavailable as reason:
            log.warning("pg_notification_not_stored", provider=name, what=reason.service)
            return _acknowledged(provider, content_type, is_stored=False)
        answer = _acknowledged(provider, content_type, is_stored=is_stored)
        if is_stored:
            answer.background = BackgroundTask(_process, engine, name, notification, source)
        return answer

    return [Route("/pg-notifications/{provider}", receive, methods=["POST"])]


async def _process(engine: Engine, name: str, notification: PgNotification, source: str) -> None:
    try:
        await process_pg_notification(engine, name, notification, source=source)
    except Unavailable as reason:
        # Only the early lookup is lost: each attempt has its own next lookup.
        log.warning(
            "pg_notification_not_processed",
            notification_id=notification.notification_id,
            what=reason.service,
        )


def _acknowledged(provider: Provider, content_type: str, *, is_stored: bool) -> Response:
    media_type, body = provider.acknowledge_notification(content_type, is_stored=is_stored)
    return Response(body, media_type=media_type)


async def _read(request: Request) -> bytes:
    """Read the body; raise `ValueError` if it is longer than a notification can be."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_MAX_BYTES:
            raise ValueError(f"a notification is at most {_BODY_MAX_BYTES} bytes long")
    return bytes(body)
