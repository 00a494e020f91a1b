"""Parameters and their rules as JSON Schema; `params` and `openapi` combine these parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

Schema = dict[str, Any]
BLANK: Schema = {"type": "string", "pattern": r"^\s*$"}
NULL: Schema = {"type": "null"}
"""In JSON both count as absent; in a form or a query only the blank does."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form or a query, and the rule of its text."""

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
    """Return the schema of an object with these parameters; it may hold others too.

    At least one of the names in `require_any` must hold a value.
    """

    def fields_of(param: Param) -> list[Field]:
        return [Field(param.name, param.schema(), param.is_required)]

    return _object(params, require_any, fields_of, absent=[NULL, BLANK])


def form_schema(params: Sequence[Param], *, require_any: Sequence[str] = ()) -> Schema:
    """Return the schema of a form: each value is a text, lists and objects have bracketed names."""
    return _object(params, require_any, lambda param: param.form_fields(), absent=[BLANK])


def _object(
    params: Sequence[Param],
    require_any: Sequence[str],
    fields_of: Callable[[Param], list[Field]],
    *,
    absent: list[Schema],
) -> Schema:
    fields = [field for param in params for field in fields_of(param)]
    schema: Schema = {
        "type": "object",
        "properties": {
            field.name: field.rule if field.is_required else any_of(field.rule, *absent)
            for field in fields
        },
        "required": [field.name for field in fields if field.is_required],
    }
    if require_any:
        schema["anyOf"] = [
            {"required": [field.name], "properties": {field.name: field.rule}}
            for param in params
            if param.name in require_any
            for field in fields_of(replace(param, is_required=True))
        ]
    return schema


def any_of(rule: Schema, *others: Schema) -> Schema:
    """Return the schema that allows `rule` or one of `others`, with the description of `rule`."""
    description = {"description": rule["description"]} if "description" in rule else {}
    return {**description, "anyOf": [*rule.get("anyOf", [rule]), *others]}


def bracketed(name: str) -> str:
    """Return `[a]` for `a` and `[a][]` for `a[]`: the name within an object of a form."""
    head, bracket, rest = name.partition("[")
    return f"[{head}]{bracket}{rest}"


def digits(minimum: int, maximum: int) -> list[str]:
    """Return patterns that together match the numbers from `minimum` (0 or 1) to `maximum`."""
    text = str(maximum)
    patterns = ["0"] if minimum == 0 else []
    if len(text) > 1:
        patterns.append(f"[1-9][0-9]{{0,{len(text) - 2}}}")
    for place, digit in enumerate(text):
        smallest = 1 if place == 0 else 0
        if int(digit) > smallest:
            rest = f"[0-9]{{{len(text) - place - 1}}}"
            patterns.append(f"{text[:place]}[{smallest}-{int(digit) - 1}]{rest}")
    return [*patterns, text]
