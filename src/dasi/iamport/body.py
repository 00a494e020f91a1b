"""Read the JSON or form of a request into one mapping of names to values.

Tolerant as clients in the field need it (Iamport V1 1.1, 6.2): charset suffixes, bracketed names in
forms, blanks around names, an empty body. Never tolerant about size.
"""

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from dasi.foundation.errors import Invalid, Refused

_NESTING_MAX = 5
_PLACE = re.compile(r"[0-9]{1,9}")  # not `isdigit`: it takes ², which `int` does not
_BRACKETS = re.compile(r"\[([^\]]*)\]")


async def read_body(request: Request, *, max_bytes: int) -> dict[str, Any]:
    """Read the body. Refused: `bad_json`, `bad_content_type`, `body_too_large`."""
    raw = await _read_limited(request, max_bytes)
    if not raw.strip():
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or (not kind and raw.lstrip()[:1] == b"{"):
        return _from_json(raw)
    if kind in ("application/x-www-form-urlencoded", ""):
        return _from_form(raw)
    raise Refused("bad_content_type")


def read_query(request: Request) -> dict[str, Any]:
    """Read the parameters of the query, bracketed as in a form."""
    return from_pairs(parse_qsl(request.url.query, keep_blank_values=True, errors="replace"))


async def _read_limited(request: Request, max_bytes: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > max_bytes:
        raise Refused("body_too_large", limit=max_bytes)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > max_bytes:
            raise Refused("body_too_large", limit=max_bytes)
        parts.append(part)
    return b"".join(parts)


def _from_json(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as bad:
        cause = bad.msg if isinstance(bad, json.JSONDecodeError) else type(bad).__name__
        raise Refused("bad_json", why=cause) from bad
    if not isinstance(value, dict):
        raise Refused("bad_json", why=f"{type(value).__name__}, not an object")
    return {str(name).strip(): field for name, field in value.items()}


def _refuse_constant(name: str) -> float:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


def _from_form(raw: bytes) -> dict[str, Any]:
    """Read PHP's brackets: `a[]=1&a[]=2` is a list, `s[0][b]=1` a list of objects."""
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, max_num_fields=5_000, errors="strict"
        )
    except ValueError as bad:
        raise Invalid("body", "unicode_form") from bad
    return from_pairs(pairs)


def from_pairs(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Turn bracketed names into nested values. A name with several values holds a list of them.

    Only a list parameter takes such a list: of two orders neither is guessed.
    """
    tree: dict[str, Any] = {}
    for name, value in pairs:
        head, bracket, _rest = name.strip().partition("[")
        path = [head, *(_BRACKETS.findall(name) if bracket else [])][:_NESTING_MAX]
        place = tree
        for step in path[:-1]:
            place = _descend(place, step or str(len(place)))
        last = path[-1]
        _add(place, last if last or len(path) == 1 else str(len(place)), value)
    return {name: _lists(value) for name, value in tree.items()}


def _add(place: dict[str, Any], name: str, value: str) -> None:
    """Set a value; a second one of the name makes an object with the names 0, 1 …, thus a list."""
    earlier = place.setdefault(name, value)
    if earlier != value:
        values = _descend(place, name)
        free = next(at for at in range(len(values) + 1) if str(at) not in values)
        values[str(free)] = value


def _descend(place: dict[str, Any], step: str) -> dict[str, Any]:
    """Return the object of a name; a value that the name holds already becomes its first one."""
    inner = place.setdefault(step, {})
    if not isinstance(inner, dict):
        inner = place[step] = {"0": inner}
    return inner


def _lists(value: Any) -> Any:
    """Turn an object whose names are 0, 1, 2 … into a list."""
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(child) for name, child in value.items()}
    if inner and all(_PLACE.fullmatch(name) for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
