"""Pictures made on the server: plain SVG, coloured by the page's style, told in words as well."""

from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup, escape

_WIDTH, _HEIGHT, _FOOT = 720, 150, 20
_RADIUS = 42.0
_ROUND = 2 * 3.141592653589793 * _RADIUS


def bars(values: Sequence[tuple[str, int]], *, title: str, now_at: int) -> Markup:
    """One bar a label; the one at `now_at` stands out."""
    most = max((value for _, value in values), default=0) or 1
    step = _WIDTH / len(values)
    parts = []
    for place, (label, value) in enumerate(values):
        height = round((_HEIGHT - 6) * value / most, 1) if value else 2
        kind = "now" if place == now_at else "none" if not value else "some"
        parts.append(
            f'<rect class="bar bar-{kind}" x="{place * step + 3:.1f}" y="{_HEIGHT - height:.1f}" '
            f'width="{step - 6:.1f}" height="{height:.1f}" rx="3">'
            f"<title>{escape(label)}: {value:,}</title></rect>"
        )
        if place % 3 == 0:
            parts.append(
                f'<text x="{place * step + step / 2:.1f}" y="{_HEIGHT + _FOOT - 4}" '
                f'text-anchor="middle">{escape(label)}</text>'
            )
    return Markup(  # noqa: S704  # numbers, and texts escaped above
        f'<svg class="picture" viewBox="0 0 {_WIDTH} {_HEIGHT + _FOOT}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def ring(part: int, whole: int, *, title: str, kind: Literal["good", "back"]) -> Markup:
    """A share of a whole, with its percentage in the middle; a dash where there is no whole."""
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
