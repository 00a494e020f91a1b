"""Declares a setting: the field of a dataclass that knows its variable, rule and sentence."""

from collections.abc import Callable
from dataclasses import field
from typing import Any


def setting(
    name: str,
    *,
    default: str | None,
    unit: str,
    read: Callable[[str], Any],
    sentence: str,
    is_secret: bool = False,
) -> Any:
    """Return the field of one setting, with what its documentation shows."""
    about = {"setting": (name, default, unit, read, sentence, is_secret)}
    return field(repr=not is_secret, metadata=about)
