"""V3: check every text of a request for presence, length in EUC-KR bytes and characters."""

import re
from typing import Any, get_args

import msgspec
from msgspec import Struct

from kicc_simulator.ledger.refusal import Refusal, bad_field
from kicc_wire.limits import FORBIDDEN_CHARACTERS, MAX_BYTES, SHOP_ORDER_NO_PATTERN

_FORBIDDEN = re.compile(f"[{re.escape(FORBIDDEN_CHARACTERS)}]")
_ORDER_NO = re.compile(SHOP_ORDER_NO_PATTERN)
_DAY = re.compile(r"\d{8}", re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)
_FREE_OF_RULES = {"returnUrl", "appScheme"}
"""Addresses may hold an ampersand, and KICC does not display them."""

_PATTERNS = {
    "shopOrderNo": (_ORDER_NO, "영문, 숫자, -, _ 만 쓸 수 있습니다"),
    "approvalReqDate": (_DAY, "yyyyMMdd 형식이어야 합니다"),
    "cancelReqDate": (_DAY, "yyyyMMdd 형식이어야 합니다"),
    "removeReqDate": (_DAY, "yyyyMMdd 형식이어야 합니다"),
    "transactionDate": (_DAY, "yyyyMMdd 형식이어야 합니다"),
    "orderInfo.customerInfo.customerContactNo": (_DIGITS, "숫자만 쓸 수 있습니다"),
}
_BYTE_CODEC = "cp949"
"""EUC-KR as KICC's Windows systems use it: two bytes for every syllable."""


class Shape:
    """The checks of one struct: its fields, their paths, limits and sub-shapes."""

    def __init__(self, shape: type[Struct], prefix: str = "") -> None:
        self.fields: list[tuple[str, str, bool, Shape | None]] = []
        for spec in msgspec.structs.fields(shape):
            path = f"{prefix}{spec.encode_name}"
            inner = _struct_within(spec.type)
            below = Shape(inner, f"{path}.") if inner else None
            self.fields.append((spec.name, path, spec.required, below))

    def check(self, request: Struct) -> None:
        """Refuse the first field that breaks a rule, by name."""
        for name, path, is_required, below in self.fields:
            value = getattr(request, name)
            if value is None:
                continue
            if isinstance(value, str):
                _check_text(path, value, is_required=is_required)
            elif below is not None:
                for item in value if isinstance(value, list) else (value,):
                    below.check(item)

    def unknown_field(self, raw: dict[str, Any]) -> str | None:
        """The path of the first field of ``raw`` that the shape lacks."""
        known = {path.rsplit(".", 1)[-1]: (path, below) for _, path, _, below in self.fields}
        for key, value in raw.items():
            if key not in known:
                return self._path_of(key)
            below = known[key][1]
            for item in value if isinstance(value, list) else (value,):
                if below is not None and isinstance(item, dict):
                    unknown = below.unknown_field(item)
                    if unknown:
                        return unknown
        return None

    def _path_of(self, key: str) -> str:
        first = self.fields[0][1] if self.fields else ""
        return f"{first.rpartition('.')[0]}.{key}".lstrip(".")


def _check_text(path: str, value: str, *, is_required: bool) -> None:
    if not value:
        if is_required:
            raise bad_field(path, "필수 항목입니다")
        return
    limit = MAX_BYTES.get(path)
    if value.isascii():
        size = len(value)
    else:
        try:
            size = len(value.encode(_BYTE_CODEC))
        except UnicodeEncodeError:
            raise bad_field(path, "EUC-KR로 표현할 수 없는 문자가 있습니다") from None
    if limit is not None and size > limit:
        raise bad_field(path, f"{size}바이트로 최대 {limit}바이트를 넘습니다")
    if path not in _FREE_OF_RULES and _FORBIDDEN.search(value):
        raise bad_field(path, "사용할 수 없는 문자가 있습니다 (' \" < > \\ ; | & 줄바꿈)")
    rule = _PATTERNS.get(path)
    if rule is not None and not rule[0].fullmatch(value):
        raise bad_field(path, rule[1])


def _struct_within(annotation: Any) -> type[Struct] | None:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return annotation
    for part in get_args(annotation):
        inner = _struct_within(part)
        if inner:
            return inner
    return None


_MISSING = re.compile(r"missing required field `(?P<name>[^`]+)`")
_PLACE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")


def field_refusal(error: msgspec.ValidationError) -> Refusal:
    """The refusal for a body that does not have the request's shape, naming the field."""
    text = str(error)
    place = _PLACE.search(text)
    path = place["path"].replace("[...]", "") if place else ""
    missing = _MISSING.search(text)
    if missing:
        return bad_field(f"{path}.{missing['name']}".lstrip("."), "필수 항목입니다")
    return bad_field(path or "body", f"형식이 올바르지 않습니다 ({text.partition(' - at ')[0]})")


def whole_won(path: str, value: int | str | None) -> int | None:
    """An amount from a number or a string of digits, as in capture A."""
    if value is None or isinstance(value, int):
        return value
    if not (value.isascii() and value.isdigit()):
        raise bad_field(path, "숫자여야 합니다")
    return int(value)
