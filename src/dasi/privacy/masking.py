"""Mask personal data for users without the permission `view_personal_data`.

One function masks all that a page is made of, so that a new page is masked without further code.
The values of buyers and customers are also cut out of free texts beside them: reasons, messages of
the PG, stored requests. Ids are left: links need them.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from dasi.audit import AuditEntry
from dasi.ledger import Buyer
from dasi.webhooks import Delivery, DeliveryAttempt

T = TypeVar("T")
HIDDEN = "***"
TYPED_DETAILS = frozenset({"payment_cancelled", "attempt_resolved", "schedules_paused"})
"""Actions whose detail a user typed: it may name a buyer."""
_TAIL_DIGITS = 4
_TEXT_MIN = 2
"""A shorter value would damage texts that it happens to be in."""
_SLUG = re.compile(r"[a-z_]+")
"""A buyer whose name is `pending` must not change the states and kinds on the page."""
_DIGITS_MIN = 9
_DEPTH_MAX = 12
_ID_NAMES = re.compile(r"(_uid|_id|url|urls)$")
_ANSWER_STATUS = re.compile(r"HTTP \d{3}")


def mask_name(name: str) -> str:
    return f"{name[:1]}**"


def mask_email(email: str) -> str:
    return f"{email[:1]}{HIDDEN}@{HIDDEN}"


def mask_tel(tel: str) -> str:
    """Return the last four digits, by which a payer on the telephone can be recognized."""
    digits = re.sub(r"[^0-9]", "", tel)
    if len(digits) < _DIGITS_MIN:
        return tel if tel.startswith(HIDDEN) else HIDDEN
    return f"{HIDDEN}-{digits[-_TAIL_DIGITS:]}"


def hide(_text: str) -> str:
    return HIDDEN


_BUYER: Mapping[str, Callable[[str], str]] = {
    "name": mask_name,
    "email": mask_email,
    "tel": mask_tel,
    "addr": hide,
    "postcode": hide,
}
_FIELDS: Mapping[str, Callable[[str], str]] = {
    **{f"customer_{name}": mask for name, mask in _BUYER.items()},
    **{f"buyer_{name}": mask for name, mask in _BUYER.items()},
    "custom_data": hide,
}
"""Fields that hold personal data wherever they are."""


def masked(value: T) -> T:
    """Return `value` with the personal data in it masked, at any depth."""
    replaced = {
        text: mask(text)
        for original, mask in _personal_values(value)
        for text in (original, re.sub(r"[^0-9]", "", original) if mask is mask_tel else original)
        if len(text) >= _TEXT_MIN and not _SLUG.fullmatch(text)
    }
    pattern = None
    if replaced:
        longest_first = sorted(replaced, key=len, reverse=True)
        pattern = re.compile("|".join(map(re.escape, longest_first)))

    def scrub(text: str) -> str:
        return pattern.sub(lambda match: replaced[match[0]], text) if pattern else text

    result: T = _masked(value, scrub)
    return result


def _personal_values(
    value: object, *, depth: int = 0
) -> Iterator[tuple[str, Callable[[str], str]]]:
    """Yield each personal value within `value` with the function that masks it."""
    masks = _BUYER if isinstance(value, Buyer) else _FIELDS
    for name, inner in _fields(value):
        if inner and isinstance(inner, str):
            if name in masks:
                yield inner, masks[name]
        elif depth < _DEPTH_MAX:
            yield from _personal_values(inner, depth=depth + 1)


def _fields(value: object) -> Iterator[tuple[str, Any]]:
    """Yield the names and values within a struct, dataclass or collection."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield name, getattr(value, name)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield field.name, getattr(value, field.name)
    elif isinstance(value, dict):
        yield from ((str(name), inner) for name, inner in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (("", inner) for inner in value)


def _masked(value: Any, scrub: Callable[[str], str], *, depth: int = 0) -> Any:
    copy = value
    if type(value) is str:
        copy = scrub(value)
    elif depth >= _DEPTH_MAX or isinstance(value, str):
        pass  # markup and enums hold no buyer's text
    elif isinstance(value, msgspec.Struct):
        copy = msgspec.structs.replace(value, **_masked_fields(value, scrub, depth))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        copy = dataclasses.replace(value, **_masked_fields(value, scrub, depth))
    elif isinstance(value, dict):
        copy = {name: _masked(inner, scrub, depth=depth + 1) for name, inner in value.items()}
    elif isinstance(value, list | tuple | set | frozenset):
        copies = [_masked(inner, scrub, depth=depth + 1) for inner in value]
        copy = type(value)(*copies) if hasattr(value, "_fields") else type(value)(copies)
    return copy


def _masked_fields(value: Any, scrub: Callable[[str], str], depth: int) -> dict[str, Any]:
    masks = _BUYER if isinstance(value, Buyer) else _FIELDS
    changed: dict[str, Any] = {}
    for name, inner in _fields(value):
        if not inner or isinstance(inner, bool | int | float):
            continue
        if isinstance(inner, str) and name in masks:
            changed[name] = masks[name](inner)
        elif not _ID_NAMES.search(name):
            changed[name] = _masked(inner, scrub, depth=depth + 1)
    if isinstance(value, AuditEntry) and value.action in TYPED_DETAILS:
        changed["detail"] = HIDDEN if value.detail else None
    elif isinstance(value, Delivery) and value.last_answer:
        changed["last_answer"] = _without_body(value.last_answer)
    elif isinstance(value, DeliveryAttempt):
        changed["answer"] = _without_body(value.answer)
    return changed


def _without_body(answer: str) -> str:
    """Return the status of a merchant's answer: its body may name a buyer."""
    match = _ANSWER_STATUS.match(answer)
    return match[0] if match else answer
