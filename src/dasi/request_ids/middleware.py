"""Give each HTTP request its id, and return the id in `X-Request-Id`.

The id is the client's `X-Request-Id`, or else the trace id of its `traceparent`, or else a new one.
Log lines show the trace id as well.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dasi.foundation.logging import LOG_CONTEXT
from dasi.request_ids.request_id import accepted_id, new_request_id, trace_id_of

_HEADER = b"x-request-id"


class RequestIds:
    """ASGI middleware. It stands outermost, so that refusals of the others have the header too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = trace_id = None
        for name, value in scope["headers"]:
            if name == _HEADER:
                request_id = accepted_id(value)
            elif name == b"traceparent":
                trace_id = trace_id_of(value)
        request_id = request_id or trace_id or new_request_id()
        header = (_HEADER, request_id.encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        ids = {"request_id": request_id}
        if trace_id is not None:
            ids["trace_id"] = trace_id
        token = LOG_CONTEXT.set(ids)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            LOG_CONTEXT.reset(token)
