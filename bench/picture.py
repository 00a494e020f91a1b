"""Draw the results: a bar of the gateway beside a bar of the baseline."""

from typing import Any

from bench.table import clients

_WIDTH, _BAR, _GAP, _LEFT, _SPAN = 760, 16, 14, 190, 400
_TEXT = 'font-family="system-ui, sans-serif" font-size="13"'


def draw(results: dict[str, Any]) -> str:
    """An SVG. Each pair has its own scale: charges and reads differ by an order of magnitude."""
    pairs = [
        (f"charge, {clients(result['clients'])}", result) for result in results["charge"]["result"]
    ] + [
        (f"read {name}, {clients(result['clients'])}", result)
        for name, result in results.get("reads", {}).get("result", {}).items()
    ]
    step = 2 * _BAR + _GAP
    height = 60 + step * len(pairs)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-label="Requests a second: dasi beside the baseline of the same machine">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="26" {_TEXT} font-weight="600">Requests a second on one machine: dasi '
        "(dark) beside the baseline (light)</text>",
    ]
    for number, (name, result) in enumerate(pairs):
        top = 46 + number * step
        most = max(result["dasi"]["per_s"], result["baseline"]["per_s"])
        parts.append(f'<text x="16" y="{top + _BAR + 4}" {_TEXT}>{name}</text>')
        for row, (side, colour) in enumerate((("dasi", "#1f4f82"), ("baseline", "#b9cbe0"))):
            width = round(_SPAN * result[side]["per_s"] / most, 1)
            y = top + row * _BAR
            parts.append(
                f'<rect x="{_LEFT}" y="{y}" width="{width}" height="{_BAR - 2}" fill="{colour}"/>'
                f'<text x="{_LEFT + width + 6}" y="{y + 12}" {_TEXT}>{result[side]["per_s"]:,.0f}'
                + (f" ({result['throughput_ratio']:.0%})" if side == "dasi" else "")
                + "</text>"
            )
    return "\n".join([*parts, "</svg>", ""])
