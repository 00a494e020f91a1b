"""Parse KICC's answers into their shapes tolerantly.

KICC writes amounts as numbers or strings, leaves out sub-objects and adds fields. So a value of
another kind than its shape names counts as absent, and the checks of `outcomes` decide whether that
matters. Only `resCd` is parsed strictly, because every outcome depends on it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from dasi.foundation.clock import from_kst_digits
from kicc_wire.answers import Amount
from kicc_wire.requests import Wire

Shape = TypeVar("Shape", bound=Wire)
_Otherwise = TypeVar("_Otherwise", datetime, None)

_Parser = Callable[[Any], object]

_CODE = re.compile(r"[0-9A-Za-z]{4}")
_WON = re.compile(r"[0-9]{1,12}")


def result_code(body: Mapping[str, object]) -> str | None:
    """`resCd` of four letters or digits. None makes the outcome of the whole answer unknown."""
    code = body.get("resCd")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def result_text(body: Mapping[str, object]) -> str:
    """`resMsg` on one line, at most 300 characters; empty when there is none."""
    text = body.get("resMsg")
    return " ".join(text.split())[:300] if isinstance(text, str) else ""


def read(shape: type[Shape], body: Mapping[str, object]) -> Shape:
    """Parse `body` into its shape. Absent, empty and unfitting fields are None."""
    fields = _fields_of(shape)
    values: dict[str, object] = {}
    for wire_name, value in body.items():
        field_parser = fields.get(wire_name)
        if field_parser is not None and value is not None and value != "":
            name, parse = field_parser
            values[name] = parse(value)
    return shape(**values)


def won(amount: int | str | None) -> int | None:
    """Whole won from a number or a string of digits; None when it is neither."""
    digits = str(amount).strip() if isinstance(amount, int | str) else ""
    return int(digits) if _WON.fullmatch(digits) else None


def moment(*digits: str | None, otherwise: _Otherwise) -> datetime | _Otherwise:
    """The first readable `yyyyMMddHHmmss` in Korean time, else `otherwise`."""
    for text in digits:
        if text is not None:
            try:
                return from_kst_digits(text)
            except ValueError:
                continue
    return otherwise


@cache
def _fields_of(shape: type[Wire]) -> dict[str, tuple[str, _Parser]]:
    """`{name on the wire: (name of the field, its parser)}` for a shape."""
    hints = get_type_hints(shape)
    return {
        field.encode_name: (field.name, _parser_of(hints[field.name]))
        for field in msgspec.structs.fields(shape)
    }


def _parser_of(kind: Any) -> _Parser:
    """The parser of values of a type hint, which returns None for an unfitting value."""
    if kind == Amount:
        return _amount
    options = [option for option in get_args(kind) or (kind,) if option is not NoneType]
    assert len(options) == 1 or get_origin(kind) is list, f"a shape with a field of kind {kind}"
    option = kind if get_origin(kind) is list else options[0]
    if option is str:
        return _text
    if get_origin(option) is list:
        return _list_of(_parser_of(get_args(option)[0]))
    assert issubclass(option, Wire), f"a shape with a field of kind {kind}"
    return _object_of(option)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _amount(value: object) -> int | str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int | str) else None


def _object_of(shape: type[Wire]) -> _Parser:
    return lambda value: read(shape, value) if isinstance(value, dict) else None


def _list_of(parse: _Parser) -> _Parser:
    def fit(value: object) -> list[object] | None:
        if not isinstance(value, list):
            return None
        return [parsed for item in value if (parsed := parse(item)) is not None]

    return fit
