"""Write an event's body down as the merchant chose: JSON or a form."""

import json
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlencode


def encode_body(
    body: Mapping[str, str], content_type: Literal["json", "form"]
) -> tuple[str, dict[str, str]]:
    """The text, and the headers that say who sends what."""
    by_us = {"user-agent": "dasi-webhook"}
    if content_type == "json":
        text = json.dumps(body, ensure_ascii=False)
        return text, {"content-type": "application/json", **by_us}
    return urlencode(body), {"content-type": "application/x-www-form-urlencoded", **by_us}
