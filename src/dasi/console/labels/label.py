"""A label in Korean and English, with its tone."""

from typing import NamedTuple


class Label(NamedTuple):
    ko: str
    en: str
    tone: str = "wait"
    """good, bad, wait, back or off: the colour and icon of the label."""


def label(table: dict[str, Label], slug: str) -> Label:
    """Return the label of a slug; the slug itself if the table lacks it."""
    return table.get(slug, Label(slug.replace("_", " "), slug.replace("_", " ")))
