"""Growth as a picture: lines in two logarithmic scales, as SVG."""

import math
from html import escape
from typing import Final

from bench.report import number
from bench.results import Curve

WIDTH: Final = 760
HEIGHT: Final = 380
LEFT: Final = 70
RIGHT: Final = 250
TOP: Final = 40
BOTTOM: Final = 50
COLOURS: Final = ("#1f6fb4", "#d1661b", "#2d8a3e", "#8a4fb0", "#8c6d31", "#c43c5a")


def chart(curve: Curve) -> str:
    """``curve`` as an SVG picture. Zero has no place in a logarithmic scale: such points are left out."""
    points = [
        [(size, value) for size, value in zip(curve.sizes, figure.values, strict=True) if value > 0]
        for figure in curve.figures
    ]
    values = [value for line in points for _, value in line]
    low, high = _decades(values)
    first, last = _decades(curve.sizes)
    across = (WIDTH - LEFT - RIGHT) / (last - first)
    down = (HEIGHT - TOP - BOTTOM) / (high - low)

    def x(size: float) -> float:
        return LEFT + across * (math.log10(size) - first)

    def y(value: float) -> float:
        return TOP + down * (high - math.log10(value))

    middle = (LEFT + WIDTH - RIGHT) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="14">{escape(curve.title)}</text>',
        f'<text x="{middle:.0f}" y="{HEIGHT - 12}" text-anchor="middle">{escape(curve.size)}</text>',
    ]
    for decade in range(first, last + 1):
        at = x(10.0**decade)
        parts.append(f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{10**decade:,}</text>')
    for decade in range(low, high + 1):
        at = y(10.0**decade)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{number(10.0**decade)}</text>')
    for place, (figure, line) in enumerate(zip(curve.figures, points, strict=True)):
        colour = COLOURS[place % len(COLOURS)]
        path = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(size):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"/>' for size, value in line]
        at = TOP + 10 + 20 * place
        parts.append(f'<rect x="{WIDTH - RIGHT + 16}" y="{at - 9}" width="12" height="12" fill="{colour}"/>')
        name = escape(f"{figure.what}, {figure.unit}")
        parts.append(f'<text x="{WIDTH - RIGHT + 34}" y="{at + 2}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _decades(values: "tuple[float, ...] | list[float] | tuple[int, ...]") -> tuple[int, int]:
    """The powers of ten around ``values``."""
    low = math.floor(math.log10(min(values, default=1)))
    return low, max(low + 1, math.ceil(math.log10(max(values, default=10))))
