"""Parameters as data: name, kind, limit. Values are parsed here once, then trusted.

A value that breaks its rule raises `Invalid` with the name of the parameter. Undeclared names are
ignored, because published clients send some. `schema` states the same rule for OpenAPI, tolerances
included; tests/fuzz_iamport.py compares the two.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from dasi.foundation.errors import Invalid
from dasi.http.card_numbers import refuse_card_number
from dasi.http.ssrf import check_outgoing_url
from dasi.iamport.schema.json_schema import BLANK, NULL, Field, Param, Schema, any_of, digits
from dasi.input_rules import CONTROL, check_addressable, normalize_name
from dasi.ledger import AMOUNT_MAX_KRW

_DIGITS = re.compile(r"[+-]?[0-9]{1,18}(\.0{1,9})?")
_CUSTOM_DATA_MAX = 16 * 1024
_INTEGER_MAX = 2**53 - 1
"""The largest whole number that every JSON reader keeps as it is."""
_URL_MAX, _URLS_MAX = 2000, 5
_URL: Schema = {
    "type": "string",
    "pattern": r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,200})(:[0-9]{1,4})?(/[!-~]{0,1000})?$",
    "maxLength": _URL_MAX,
}
_TRUE, _FALSE = ("true", "1", "y", "yes", "on"), ("false", "0", "n", "no", "off")


@dataclass(frozen=True, slots=True)
class Text:
    name: str
    length_max: int
    is_required: bool = False
    is_credential: bool = False
    """A secret of the merchant, which is neither stored nor logged and may look like a card."""

    def parse(self, value: object) -> str | None:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Invalid(self.name, "text")
        if isinstance(value, int) and abs(value) > _INTEGER_MAX:
            raise Invalid(self.name, "large_number_as_text")
        text = str(value)
        if len(text) > self.length_max:
            raise Invalid(self.name, "text_too_long", maximum=self.length_max, length=len(text))
        if CONTROL.search(text):
            raise Invalid(self.name, "no_control_characters")
        if not self.is_credential:
            refuse_card_number(self.name, text)
        return text

    def schema(self) -> Schema:
        maximum = min(10**self.length_max - 1, _INTEGER_MAX)
        minimum = max(1 - 10 ** (self.length_max - 1), -_INTEGER_MAX)  # the sign takes a place
        number = {"type": "integer", "minimum": minimum, "maximum": maximum}
        return {
            "description": f"text of up to {self.length_max} characters; a whole number is one too",
            "anyOf": [self.as_text(), number],
        }

    def as_text(self) -> Schema:
        pattern = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
        return {"type": "string", "pattern": pattern, "maxLength": self.length_max}

    def form_fields(self) -> list[Field]:
        return [Field(self.name, self.as_text(), self.is_required)]


@dataclass(frozen=True, slots=True)
class Name(Text):
    """A name that the merchant chose, in one spelling: trimmed, composed and addressable."""

    def parse(self, value: object) -> str | None:
        if isinstance(value, str) and not CONTROL.search(value):
            value = normalize_name(value)
        text = Text.parse(self, value)
        if text is not None:
            check_addressable(self.name, text)
        return text

    def as_text(self) -> Schema:
        rule = Text.as_text(self)
        return {**rule, "pattern": r"^(?!\s*\.{1,2}\s*$)" + rule["pattern"][1:]}


@dataclass(frozen=True, slots=True)
class FreeText:
    """A text for human readers: cut to its limit, control characters replaced by blanks."""

    name: str
    length_max: int
    is_required: bool = False

    def parse(self, value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Invalid(self.name, "text")
        refuse_card_number(self.name, str(value))
        return CONTROL.sub(" ", str(value)).strip()[: self.length_max] or None

    def schema(self) -> Schema:
        return {
            "description": f"text, cut to {self.length_max} characters",
            "type": ["string", "number"],
        }

    def form_fields(self) -> list[Field]:
        return [Field(self.name, {"type": "string"}, self.is_required)]


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number; a numeric string counts as one, because published clients send it."""

    name: str
    minimum: int = 0
    maximum: int = AMOUNT_MAX_KRW
    is_required: bool = False
    type_rule: str = "whole_number"
    """The rule code for a value that is no whole number; it names the unit."""

    def parse(self, value: object) -> int:
        if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
            value = int(value.strip().partition(".")[0])
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid(self.name, self.type_rule)
        if not self.minimum <= value <= self.maximum:
            raise Invalid(self.name, "number_between", minimum=self.minimum, maximum=self.maximum)
        return value

    def schema(self) -> Schema:
        as_text = rf"^0{{0,5}}({'|'.join(digits(self.minimum, self.maximum))})$"
        return {
            "description": f"whole number from {self.minimum} to {self.maximum}, "
            "or its digits as text",
            "anyOf": [self._as_number(), {"type": "string", "pattern": as_text}],
        }

    def form_fields(self) -> list[Field]:
        return [Field(self.name, self._as_number(), self.is_required)]

    def _as_number(self) -> Schema:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class Enum:
    """One of a few texts."""

    name: str
    values: tuple[str, ...]
    is_required: bool = False

    def parse(self, value: object) -> str:
        if not isinstance(value, str) or value.strip() not in self.values:
            raise Invalid(self.name, "one_of", values=self.values)
        return value.strip()

    def schema(self) -> Schema:
        return {"type": "string", "enum": list(self.values)}

    def form_fields(self) -> list[Field]:
        return [Field(self.name, self.schema(), self.is_required)]


@dataclass(frozen=True, slots=True)
class Boolean:
    """A boolean, or a text for it in a query or form."""

    name: str
    is_required: bool = False

    def parse(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        text = str(value).strip().lower() if isinstance(value, str | int) else ""
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise Invalid(self.name, "boolean")

    def schema(self) -> Schema:
        return {
            "description": "true or false, or a word for it",
            "enum": [True, False, 1, 0, *_TRUE, *_FALSE],
        }

    def form_fields(self) -> list[Field]:
        return [Field(self.name, {"enum": [*_TRUE, *_FALSE]}, self.is_required)]


@dataclass(frozen=True, slots=True)
class StringList:
    """A text or a list of them. An empty list counts as absent: clients send `[]` then."""

    name: str
    length_max: int
    count_max: int
    is_required: bool = False
    refuses_blanks: bool = False
    """Whether a blank in the list is refused, not left out: a list of blanks would mean all."""

    def parse(self, value: object) -> tuple[str, ...]:
        items = value if isinstance(value, list) else [value]
        if len(items) > self.count_max:
            raise Invalid(self.name, "too_many_values", maximum=self.count_max, count=len(items))
        if self.refuses_blanks and any(map(_is_blank, items)):
            raise Invalid(self.name, "text_not_blank")
        text_param = self._item()
        texts = [text_param.parse(item) for item in items if not _is_blank(item)]
        if any(_has_lone_surrogate(text) for text in texts if text):
            raise Invalid(self.name, "storable_text")
        if self.is_required and not texts:
            raise Invalid(self.name, "required_parameter")
        return tuple(text for text in texts if text)

    def schema(self) -> Schema:
        item = self._item().schema()
        blanks = () if self.refuses_blanks else (NULL, BLANK)
        many: Schema = {
            "type": "array",
            "items": any_of({"anyOf": item["anyOf"]}, *blanks),
            "maxItems": self.count_max,
        }
        if self.is_required:
            many["contains"] = item
        return {
            "description": f"text of up to {self.length_max} characters, or a list of up to "
            f"{self.count_max}; blanks are {'refused' if self.refuses_blanks else 'left out'}",
            "anyOf": [*item["anyOf"], many],
        }

    def form_fields(self) -> list[Field]:
        item = self._item().as_text()
        minimum = {"minItems": 1} if self.is_required or self.refuses_blanks else {}
        many = {"type": "array", "items": item, "maxItems": self.count_max, **minimum}
        return [Field(f"{self.name}[]", any_of(many, item), self.is_required)]

    def _item(self) -> Text:
        return Text(self.name, self.length_max)


@dataclass(frozen=True, slots=True)
class NameList(StringList):
    """A name or a list of them."""

    def _item(self) -> Text:
        return Name(self.name, self.length_max)


@dataclass(frozen=True, slots=True)
class JsonText:
    """A value stored as text: a string unchanged, any other value as its JSON."""

    name: str
    is_required: bool = False

    def parse(self, value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if len(text) > _CUSTOM_DATA_MAX:
            raise Invalid(self.name, "text_too_long", maximum=_CUSTOM_DATA_MAX, length=len(text))
        if "\x00" in text or _has_lone_surrogate(text):
            raise Invalid(self.name, "storable_text")
        refuse_card_number(self.name, text)
        return text

    def schema(self) -> Schema:
        return {
            "description": f"text of up to {_CUSTOM_DATA_MAX} characters, or anything whose JSON "
            "text is not longer",
            "anyOf": [self._as_text(), {"type": ["object", "array", "number", "boolean"]}],
        }

    def form_fields(self) -> list[Field]:
        return [Field(self.name, self._as_text(), self.is_required)]

    def _as_text(self) -> Schema:
        return {"type": "string", "pattern": r"^[^\x00]*$", "maxLength": _CUSTOM_DATA_MAX}


@dataclass(frozen=True, slots=True)
class Urls:
    """A URL or a list of URLs; blanks and repetitions are left out."""

    name: str
    is_required: bool = False

    def parse(self, value: object) -> tuple[str, ...]:
        urls = value if isinstance(value, list) else [value]
        if len(urls) > _URLS_MAX:
            raise Invalid(self.name, "count_at_most", maximum=_URLS_MAX)
        return tuple(dict.fromkeys(self._parse_one(url) for url in urls if not _is_blank(url)))

    def _parse_one(self, url: object) -> str:
        if not isinstance(url, str) or _has_lone_surrogate(url) or CONTROL.search(url):
            raise Invalid(self.name, "http_url", maximum=_URL_MAX)
        try:
            parts = urlsplit(url)
            is_fine = parts.scheme in ("http", "https") and bool(parts.hostname)
            parts.port  # noqa: B018 - reading it checks it
        except ValueError as bad:
            raise Invalid(self.name, "http_url", maximum=_URL_MAX) from bad
        if not is_fine or len(url.encode()) > _URL_MAX:
            raise Invalid(self.name, "http_url", maximum=_URL_MAX)
        check_outgoing_url(self.name, url)
        refuse_card_number(self.name, url)
        return url

    def schema(self) -> Schema:
        return {
            "description": f"an http or https URL, or a list of up to {_URLS_MAX}",
            "anyOf": [
                _URL,
                {"type": "array", "items": any_of(_URL, NULL, BLANK), "maxItems": _URLS_MAX},
            ],
        }

    def form_fields(self) -> list[Field]:
        many = {"type": "array", "items": any_of(_URL, BLANK), "maxItems": _URLS_MAX}
        return [Field(f"{self.name}[]", any_of(many, _URL), self.is_required)]


def parse(params: tuple[Param, ...], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Parse the declared parameters and return their values by name.

    The value is None where a field is absent, null or a blank text.
    """
    values: dict[str, Any] = {}
    for param in params:
        value = fields.get(param.name)
        if isinstance(value, str) and _has_lone_surrogate(value):
            raise Invalid(param.name, "storable_text")
        if _is_blank(value):
            if param.is_required:
                raise Invalid(param.name, "required_parameter")
            values[param.name] = None
        else:
            values[param.name] = param.parse(value)
    return values


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _has_lone_surrogate(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
