"""Rules of parameters as JSON Schema: pieces that `params` and `openapi` put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

Schema = dict[str, Any]
BLANK: Schema = {"type": "string", "pattern": r"^\s*$"}
NULL: Schema = {"type": "null"}
"""Both count as absent; of a form and a query the blank alone."""


@dataclass(frozen=True, slots=True)
class Field:
    """A name of a form or a query, and the rule of the text that it holds."""

    name: str
    rule: Schema
    is_required: bool


class Param(Protocol):
    """A parameter of a request. `parse` returns its value or raises `Invalid`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str: ...
    @property
    def is_required(self) -> bool: ...
    def parse(self, value: object) -> Any: ...
    def schema(self) -> Schema:
        """Return the rule as JSON Schema, for OpenAPI."""
        ...

    def form_fields(self) -> list[Field]:
        """The names and rules of this parameter in a form or a query."""
        ...


def object_schema(params: Sequence[Param], *, require_any: Sequence[str] = ()) -> Schema:
    """An object with these parameters; whatever else it holds is left alone.

    Of the names in `require_any` at least one is there and holds something.
    """

    def fields_of(one: Param) -> list[Field]:
        return [Field(one.name, one.schema(), one.is_required)]

    return _object(params, require_any, fields_of, absent=[NULL, BLANK])


def form_schema(params: Sequence[Param], *, require_any: Sequence[str] = ()) -> Schema:
    """The same as a form sends it: every value a text, lists and objects by bracketed names."""
    return _object(params, require_any, lambda one: one.form_fields(), absent=[BLANK])


def _object(
    params: Sequence[Param],
    require_any: Sequence[str],
    fields_of: Callable[[Param], list[Field]],
    *,
    absent: list[Schema],
) -> Schema:
    fields = [field for one in params for field in fields_of(one)]
    schema: Schema = {
        "type": "object",
        "properties": {
            one.name: one.rule if one.is_required else any_of(one.rule, *absent) for one in fields
        },
        "required": [one.name for one in fields if one.is_required],
    }
    if require_any:
        schema["anyOf"] = [
            {"required": [field.name], "properties": {field.name: field.rule}}
            for one in params
            if one.name in require_any
            for field in fields_of(replace(one, is_required=True))
        ]
    return schema


def any_of(rule: Schema, *others: Schema) -> Schema:
    """The rule or one of the others, told as the rule is."""
    told = {"description": rule["description"]} if "description" in rule else {}
    return {**told, "anyOf": [*rule.get("anyOf", [rule]), *others]}


def bracketed(name: str) -> str:
    """`a` and `a[]` within an object of a form: `[a]` and `[a][]`."""
    head, bracket, rest = name.partition("[")
    return f"[{head}]{bracket}{rest}"


def digits(minimum: int, maximum: int) -> list[str]:
    """Patterns that together match the numbers from `minimum` (0 or 1) to `maximum`."""
    told = str(maximum)
    found = ["0"] if minimum == 0 else []
    if len(told) > 1:
        found.append(f"[1-9][0-9]{{0,{len(told) - 2}}}")
    for place, digit in enumerate(told):
        smallest = 1 if place == 0 else 0
        if int(digit) > smallest:
            rest = f"[0-9]{{{len(told) - place - 1}}}"
            found.append(f"{told[:place]}[{smallest}-{int(digit) - 1}]{rest}")
    return [*found, told]
