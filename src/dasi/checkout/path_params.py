"""The merchant and the window that an address names.

Names of another shape than ours are not even looked up: the answer would be the same, and a path
may hold bytes that no database takes.
"""

import re
from urllib.parse import quote

from starlette.requests import Request

from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.merchants import Merchant, find_merchant_by_code

_CODE = re.compile(r"[A-Za-z0-9_-]{3,40}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,80}")


async def merchant_of(engine: Engine, request: Request) -> Merchant:
    """`NotFound("unknown_merchant")`."""
    code = str(request.path_params["code"])
    if not _CODE.fullmatch(code):
        raise NotFound("unknown_merchant", code="?")
    return await find_merchant_by_code(engine, code)


def window_token_of(request: Request) -> str:
    """`NotFound("window_not_found")` for what cannot be a token."""
    window_token = str(request.path_params["token"])
    if not _TOKEN.fullmatch(window_token):
        raise NotFound("window_not_found")
    return window_token


def window_path(root: str, request: Request) -> str:
    """Where the result of the window of this request is shown; safe in a header."""
    code, window_token = request.path_params["code"], request.path_params["token"]
    return f"{root}/checkout/{quote(code, safe='')}/windows/{quote(window_token, safe='')}"
