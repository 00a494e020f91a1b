"""The envelope: every response is `{code, message, response}`, and every failure has a message."""

import msgspec
from starlette.responses import Response

_encode = msgspec.json.Encoder().encode


def success(response: object, *, http_status: int = 200) -> Response:
    """Return a success: code 0, no message."""
    return _envelope({"code": 0, "message": None, "response": response}, http_status, None)


def failure(
    code: int,
    message: str,
    *,
    http_status: int,
    retry_after_s: int | None = None,
    allowed: str | None = None,
) -> Response:
    """Return a failure: code 1 (refused by us) or -1 (authentication, PG, malformed).

    `response` is null. The message is never null, because published clients do not check it.
    """
    headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
    if allowed is not None:
        headers["allow"] = allowed
    return _envelope({"code": code, "message": message, "response": None}, http_status, headers)


def _envelope(
    body: dict[str, object], http_status: int, headers: dict[str, str] | None
) -> Response:
    return Response(
        _encode(body), status_code=http_status, headers=headers, media_type="application/json"
    )
