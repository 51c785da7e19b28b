"""Pictures for notebooks: lines and bars as SVG, and tables, without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

# Told apart by people who do not see red and green apart, too (Okabe and Ito).
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#6b7280"
COLOURS: Final = (BLUE, ORANGE, GREEN, "#cc79a7")
PALE: Final = "#d1d5db"

_WIDTH, _HEIGHT = 720.0, 310.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 16.0, 74.0, 46.0
_NAMES: Final = 230.0  # from the left, what a bar is called
_LONGEST: Final = 36  # characters of that
_ROW: Final = 30.0
_FONT: Final = "font-family:system-ui,sans-serif;font-size:12px"
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_TICKS: Final = 6  # about, of an axis

Limits = tuple[float, float]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Picture:
    """HTML that a notebook shows in place."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in the order of x; `low` and `high` are the edges of a band around them."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Axes:
    """What the axes say, lines across (`levels`) and down (`moments`) with their names.

    `within` is the part of y that is shown; without it all that is drawn.
    """

    x: str
    y: str
    levels: Mapping[str, float] = field(default_factory=dict)
    moments: Mapping[str, float] = field(default_factory=dict)
    within: Limits | None = None


@dataclass(frozen=True, slots=True)
class _Frame:
    """From values to places on the paper."""

    x: Limits
    y: Limits
    left: float = _LEFT

    def across(self, x: float) -> float:
        return self.left + _share(x, self.x) * (_WIDTH - self.left - _RIGHT)

    def down(self, y: float) -> float:
        return _HEIGHT - _BOTTOM - _share(y, self.y) * (_HEIGHT - _TOP - _BOTTOM)


def lines(title: str, curves: Sequence[Curve], axes: Axes) -> Picture:
    """Curves with their bands, and levels and moments across them."""
    frame = _Frame(_range(x for each in curves for x in each.x), axes.within or _tall(curves, axes))
    parts = [*_grid(frame, axes)]
    for curve, colour in zip(curves, COLOURS, strict=False):
        parts += _curve(frame, curve, colour)
    parts += [*_levels(frame, axes.levels), *_moments(frame, axes.moments)]
    keys = {each.name: colour for each, colour in zip(curves, COLOURS, strict=False)}
    return _paper(title, [*parts, *_legend(keys)], _HEIGHT)


def bars(
    title: str,
    rows: Mapping[str, Sequence[float]],
    parts: Mapping[str, str],
    levels: Mapping[str, float] | None = None,
) -> Picture:
    """A bar for each row, of parts with a name and a colour each; levels go down through all."""
    levels = levels or {}
    longest = max([*(sum(row) for row in rows.values()), *levels.values()], default=0.0) or 1.0
    frame = _Frame((0.0, 1.05 * longest), (0.0, 1.0), _NAMES)
    bottom = _TOP + _ROW * len(rows)
    drawn = [*_ruler(frame, bottom)]
    for at, row in enumerate(rows.values()):
        drawn += _bar(frame, zip(row, parts.values(), strict=True), _TOP + _ROW * at)
    drawn += _uprights(frame, levels, bottom)
    for at, (name, row) in enumerate(rows.items()):
        drawn += _told(frame, name, sum(row), _TOP + _ROW * at + 15)
    return _paper(title, [*drawn, *_legend(parts)], bottom + 30)


def table(rows: Sequence[Mapping[str, object]]) -> Picture:
    """Rows with the same keys; numbers stand on the right, short."""
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(f"<tr>{''.join(map(_cell, row.values()))}</tr>" for row in rows)
    return Picture(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _cell(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f'<td style="text-align:left">{escape("" if value is None else str(value))}</td>'
    shown = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return f'<td style="text-align:right">{shown}</td>'


# -- scales ----------------------------------------------------------------------------------------


def _share(value: float, limits: Limits) -> float:
    """How far between the limits; what lies outside is drawn at the edge."""
    low, high = limits
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _range(values: Iterable[float]) -> Limits:
    """Never of no width."""
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _tall(curves: Sequence[Curve], axes: Axes) -> Limits:
    values = [y for each in curves for y in (*each.y, *each.low, *each.high)]
    low, high = _range([*values, *axes.levels.values()])
    room = 0.05 * (high - low)
    return low - room, high + room


def _ticks(limits: Limits) -> list[float]:
    """Round numbers between the limits."""
    low, high = limits
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in _STEPS if power * each >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [step * at for at in range(first, last + 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{round(value, 10):g}"


# -- parts -----------------------------------------------------------------------------------------


def _paper(title: str, parts: Iterable[str], height: float) -> Picture:
    return Picture(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" '
        f'aria-label="{escape(title)}" style="max-width:{_WIDTH:g}px;width:100%;{_FONT};'
        f'background:white"><text x="0" y="20" font-size="15" font-weight="600">{escape(title)}'
        f"</text>{''.join(parts)}</svg>"
    )


def _grid(frame: _Frame, axes: Axes) -> Iterator[str]:
    bottom = _HEIGHT - _BOTTOM
    for tick in _ticks(frame.y):
        down = frame.down(tick)
        yield _line((_LEFT, down), (_WIDTH - _RIGHT, down), "#eceff3")
        yield _text((_LEFT - 8, down + 4), _number(tick), anchor="end")
    for tick in _ticks(frame.x):
        yield _text((frame.across(tick), bottom + 17), _number(tick), anchor="middle")
    yield _line((_LEFT, bottom), (_WIDTH - _RIGHT, bottom), PALE)
    yield _text((_WIDTH - _RIGHT, bottom + 36), axes.x, anchor="end")
    yield _text((0.0, _TOP - 12), axes.y)


def _curve(frame: _Frame, curve: Curve, colour: str) -> Iterator[str]:
    if curve.low:
        upper = [*zip(curve.x, curve.high, strict=True)]
        edge = [*zip(curve.x, curve.low, strict=True), *reversed(upper)]
        yield f'<polygon points="{_places(frame, edge)}" fill="{colour}" opacity="0.15"/>'
    points = zip(curve.x, curve.y, strict=True)
    yield (
        f'<polyline points="{_places(frame, points)}" fill="none" stroke="{colour}" '
        'stroke-width="2" stroke-linejoin="round"/>'
    )


def _places(frame: _Frame, points: Iterable[Point]) -> str:
    known = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    return " ".join(f"{frame.across(x):.1f},{frame.down(y):.1f}" for x, y in known)


def _levels(frame: _Frame, levels: Mapping[str, float]) -> Iterator[str]:
    for name, level in levels.items():
        down = frame.down(level)
        yield _line((_LEFT, down), (_WIDTH - _RIGHT, down), GREY, dash="5 4")
        yield _text((_LEFT + 6, down - 5), name, colour="#374151")


def _moments(frame: _Frame, moments: Mapping[str, float]) -> Iterator[str]:
    for at, (name, moment) in enumerate(moments.items()):
        across = frame.across(moment)
        yield _line((across, _TOP), (across, _HEIGHT - _BOTTOM), GREY, dash="5 4")
        yield _text((across + 5, _HEIGHT - _BOTTOM - 8 - 15 * at), name, colour="#374151")


def _ruler(frame: _Frame, bottom: float) -> Iterator[str]:
    for tick in _ticks(frame.x):
        across = frame.across(tick)
        yield _line((across, _TOP - 4), (across, bottom), "#eceff3")
        yield _text((across, bottom + 16), _number(tick), anchor="middle")


def _bar(frame: _Frame, parts: Iterable[tuple[float, str]], top: float) -> Iterator[str]:
    begin = 0.0
    for value, colour in parts:
        left, right = frame.across(begin), frame.across(begin + value)
        yield (
            f'<rect x="{left:.1f}" y="{top:g}" width="{right - left:.1f}" height="{_ROW - 9:g}" '
            f'fill="{colour}"/>'
        )
        begin += value


def _told(frame: _Frame, name: str, value: float, down: float) -> Iterator[str]:
    shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    yield _text((_NAMES - 8, down), shown, anchor="end", colour="#111827")
    yield _text((frame.across(value) + 5, down), _short(value))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:.3g}"


def _uprights(frame: _Frame, levels: Mapping[str, float], bottom: float) -> Iterator[str]:
    for name, level in levels.items():
        across = frame.across(level)
        yield _line((across, _TOP - 6), (across, bottom), GREY, dash="5 4")
        yield _text((across, _TOP - 10), name, anchor="middle", colour="#374151")


def _legend(keys: Mapping[str, str]) -> Iterator[str]:
    left = 0.0
    for name, colour in keys.items():
        yield f'<rect x="{left:g}" y="31" width="11" height="11" rx="2" fill="{colour}"/>'
        yield _text((left + 16, 41), name, colour="#111827")
        left += 34 + 6.6 * len(name)


def _line(start: Point, end: Point, colour: str, dash: str = "") -> str:
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'stroke="{colour}" stroke-dasharray="{dash or "none"}"/>'
    )


def _text(place: Point, text: str, *, anchor: str = "start", colour: str = GREY) -> str:
    return (
        f'<text x="{place[0]:.1f}" y="{place[1]:.1f}" text-anchor="{anchor}" fill="{colour}" '
        'stroke="white" stroke-width="3" paint-order="stroke">'
        f"{escape(text)}</text>"
    )
