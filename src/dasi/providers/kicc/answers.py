"""Reads KICC's answers into their shapes, forgivingly.

KICC writes amounts as numbers or as strings, sends sub-objects in full, empty or not at all, and
adds fields without notice. So one odd field never spoils an answer: what does not have the kind its
shape names is read as absent, and whether something absent matters is decided by the checks of
`outcomes`. Only `resCd` is read strictly, because everything hangs on it.
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

_Fitting = Callable[[Any], object]

_CODE = re.compile(r"[0-9A-Za-z]{4}")
_WON = re.compile(r"[0-9]{1,12}")


def result_code(body: Mapping[str, object]) -> str | None:
    """`resCd`, if it is one: four letters or digits. None leaves the whole answer in doubt."""
    code = body.get("resCd")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def result_text(body: Mapping[str, object]) -> str:
    """`resMsg` on one line, at most 300 characters; empty when there is none."""
    text = body.get("resMsg")
    return " ".join(text.split())[:300] if isinstance(text, str) else ""


def read(shape: type[Shape], body: Mapping[str, object]) -> Shape:
    """`body` in its shape. Absent, empty and unfitting fields are None, unknown ones ignored."""
    places = _places(shape)
    values: dict[str, object] = {}
    for wire_name, value in body.items():
        place = places.get(wire_name)
        if place is not None and value is not None and value != "":
            name, fitting = place
            values[name] = fitting(value)
    return shape(**values)


def won(amount: int | str | None) -> int | None:
    """Whole won from a number or a string of digits; None when it is neither."""
    digits = str(amount).strip() if isinstance(amount, int | str) else ""
    return int(digits) if _WON.fullmatch(digits) else None


def moment(*digits: str | None, otherwise: datetime) -> datetime:
    """The first of KICC's `yyyyMMddHHmmss` (Korean time) that can be read, else `otherwise`."""
    for text in digits:
        if text is not None:
            try:
                return from_kst_digits(text)
            except ValueError:
                continue
    return otherwise


@cache
def _places(shape: type[Wire]) -> dict[str, tuple[str, _Fitting]]:
    """By name on the wire: the shape's own name of the field, and what reads it."""
    hints = get_type_hints(shape)
    return {
        field.encode_name: (field.name, _fitting(hints[field.name]))
        for field in msgspec.structs.fields(shape)
    }


def _fitting(kind: Any) -> _Fitting:
    """What reads a value as `kind`, the hint of a shape's field; None when it does not fit."""
    if kind == Amount:
        return _amount
    options = [option for option in get_args(kind) or (kind,) if option is not NoneType]
    assert len(options) == 1 or get_origin(kind) is list, f"a shape with a field of kind {kind}"
    option = kind if get_origin(kind) is list else options[0]
    if option is str:
        return _text
    if get_origin(option) is list:
        return _list_of(_fitting(get_args(option)[0]))
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


def _object_of(shape: type[Wire]) -> _Fitting:
    return lambda value: read(shape, value) if isinstance(value, dict) else None


def _list_of(fitting: _Fitting) -> _Fitting:
    def fit(value: object) -> list[object] | None:
        if not isinstance(value, list):
            return None
        return [fitted for item in value if (fitted := fitting(item)) is not None]

    return fit
