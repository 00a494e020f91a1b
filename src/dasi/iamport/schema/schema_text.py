"""Describe a JSON Schema in English, for the documentation page."""

from typing import Any

from dasi.iamport.schema.json_schema import BLANK, NULL, Schema

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "array": "list",
    "null": "null",
}


def describe_schema(rule: Schema) -> str:
    """Return one line. Spellings of an absent value are left out: `optional` says the same."""
    if "description" in rule:
        return str(rule["description"])
    if "$ref" in rule:
        return str(rule["$ref"]).rpartition("/")[2]
    if "enum" in rule:
        return ", ".join(str(value) for value in rule["enum"])
    if "anyOf" in rule:
        is_nullable = NULL in rule["anyOf"]
        kinds = [describe_schema(option) for option in rule["anyOf"] if option not in (BLANK, NULL)]
        return " or ".join([*dict.fromkeys(kinds), *(["null"] if is_nullable else [])])
    return f"{_kind(rule)}{_limits(rule)}"


def _kind(rule: Schema) -> str:
    kinds = rule.get("type", "anything")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    text = " or ".join(_TYPES.get(kind, kind) for kind in kinds)
    return f"list of {describe_schema(rule['items'])}" if "items" in rule else text


def _limits(rule: Schema) -> str:
    minimum: Any = rule.get("minimum")
    maximum: Any = rule.get("maximum", rule.get("maxLength", rule.get("maxItems")))
    if minimum is not None and maximum is not None:
        return f" from {minimum} to {maximum}"
    unit = " characters" if "maxLength" in rule else ""
    if maximum is not None:
        return f", at most {maximum}{unit}"
    return f" from {minimum}" if minimum is not None else ""
