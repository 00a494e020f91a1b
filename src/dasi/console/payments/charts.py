"""Charts as plain SVG: the style sheet colours them, and each carries a text for screen readers."""

import math
from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup, escape

_HEIGHT, _FOOT = 150, 22
_RADIUS = 42.0
_ROUND = 2 * math.pi * _RADIUS
_SCALE_S = (0.1, 1, 10, 60, 480)
"""The marks of the delay scale: 100,000 charges at one moment may take eight minutes (S2)."""


def bars(
    values: Sequence[tuple[str, int, int]],
    *,
    title: str,
    now_at: int,
    every: int,
    width: int = 720,
) -> Markup:
    """Return a bar chart of (label, value, earlier value).

    The bar at index `now_at` is highlighted. Every `every`th label is written below its bar.
    """
    most = max((max(value, earlier) for _, value, earlier in values), default=0) or 1
    step = width / len(values)
    parts = []
    for index, (label, value, earlier) in enumerate(values):
        x, wide = index * step + step * 0.1, step * 0.8
        kind = "now" if index == now_at else "none" if not value else "some"
        text = f"{escape(label)}: {value:,}" + (f" ({earlier:,})" if earlier else "")
        if earlier:
            parts.append(_bar("behind", x, wide, earlier / most))
        parts.append(
            f"<g><title>{text}</title>"
            f"{_bar(kind, x + wide * 0.14, wide * 0.72, value / most if value else None)}</g>"
        )
        if index % every == 0:
            parts.append(
                f'<text x="{index * step + step / 2:.1f}" y="{_HEIGHT + _FOOT - 4}" '
                f'text-anchor="middle">{escape(label)}</text>'
            )
    return Markup(  # noqa: S704  # numbers, and texts escaped above
        f'<svg class="picture" viewBox="0 0 {width} {_HEIGHT + _FOOT}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def _bar(kind: str, x: float, width: float, share: float | None) -> str:
    height = 2.0 if share is None else max(2.0, (_HEIGHT - 6) * share)
    return (
        f'<rect class="bar bar-{kind}" x="{x:.1f}" y="{_HEIGHT - height:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}" rx="{min(3.0, width / 4):.1f}"/>'
    )


def ring(part: int, whole: int, *, title: str, kind: Literal["good", "back"]) -> Markup:
    """Return a ring that shows a share and its percentage; a dash if the whole is 0."""
    share = part / whole if whole else 0.0
    shown = f"{share:.1%}" if whole and part != whole else "100%" if whole else "—"
    filled = round(_ROUND * share, 2)
    arc = (
        f'<circle class="arc arc-{kind}" cx="52" cy="52" r="{_RADIUS}" '
        f'stroke-dasharray="{filled} {_ROUND:.2f}" transform="rotate(-90 52 52)"/>'
        if part
        else ""
    )
    return Markup(  # noqa: S704  # numbers, and texts escaped above
        f'<svg class="ring" viewBox="0 0 104 104" role="img" '
        f'aria-label="{escape(title)} {shown}"><circle class="track" cx="52" cy="52" '
        f'r="{_RADIUS}"/>{arc}<text x="52" y="58" text-anchor="middle">{shown}</text></svg>'
    )


def spread(median_s: float, p99_s: float, *, title: str) -> Markup:
    """Return a chart from the median to the 99th percentile on a logarithmic scale of seconds."""
    left, right = _x_on_scale(median_s), _x_on_scale(p99_s)
    marks = "".join(
        f'<line class="mark-line" x1="{_x_on_scale(mark):.1f}" x2="{_x_on_scale(mark):.1f}"'
        f' y1="12" y2="28"/>'
        for mark in _SCALE_S
    )
    return Markup(  # noqa: S704  # numbers, and a text escaped here
        f'<svg class="spread" viewBox="0 0 240 40" role="img" aria-label="{escape(title)}">'
        f'<line class="track-line" x1="8" x2="232" y1="20" y2="20"/>{marks}'
        f'<line class="spread-line" x1="{left:.1f}" x2="{right:.1f}" y1="20" y2="20"/>'
        f'<circle class="dot" cx="{left:.1f}" cy="20" r="6"/>'
        f'<rect class="dot" x="{right - 5:.1f}" y="15" width="10" height="10" rx="2"/></svg>'
    )


def _x_on_scale(seconds: float) -> float:
    """Return the x of a duration on the logarithmic scale, between the ends of the line."""
    low, high = math.log10(_SCALE_S[0]), math.log10(_SCALE_S[-1])
    share = (math.log10(max(seconds, _SCALE_S[0])) - low) / (high - low)
    return 8 + 224 * min(share, 1.0)
