"""Render the simulator's own pages, which use no other host."""

from typing import Any

import jinja2

_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("kicc_simulator", "pages"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_templates.filters["won"] = lambda amount: f"{amount:,}"


def render(name: str, **values: Any) -> str:
    """The page as HTML, every value escaped."""
    return _templates.get_template(name).render(**values)
