"""Bars as SVG: requests a second of ours and of each peer, one panel for each job."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from statistics import median
from typing import Final

from bench.jobs import SAID
from bench.standings import ROW, Standings

CONNECTIONS: Final = 128
WIDTH: Final = 860
LABEL: Final = 240
BAR: Final = 18
GAP: Final = 6
HEAD: Final = 40
ROOM: Final = 90  # for the number behind a bar
OURS: Final = "#0b6e4f"
THEIRS: Final = "#9aa5b1"

Bar = tuple[str, float, bool]


def svg(found: Standings) -> str:
    """A picture without scripts, fonts or files of others."""
    parts, top = [], 10
    for job, said in SAID.items():
        if bars := _bars(found, job):
            parts.append(_panel(f"{said}: requests/s, {CONNECTIONS} connections", bars, top))
            top += HEAD + len(bars) * (BAR + GAP) + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" '
        f'font-family="sans-serif" font-size="12" fill="#1f2933">\n'
        f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _bars(found: Standings, job: str) -> list[Bar]:
    """The fastest first."""
    cells = [(each.rival, each.cell(ROW, CONNECTIONS)) for each in found.of(job)]
    known = [(name, cell) for name, cell in cells if cell is not None]
    if not known:
        return []
    bars = [(name, cell.theirs.rate, False) for name, cell in known]
    bars.append(("Weir, log off", median(cell.off.rate for _, cell in known), True))
    strict = [cell.strict.rate for _, cell in known if cell.strict]
    if strict:
        bars.append(("Weir, strict log", median(strict), True))
    return sorted(bars, key=lambda bar: -bar[1])


def _panel(title: str, bars: Sequence[Bar], top: int) -> str:
    most = max(rate for _, rate, _ in bars)
    lines = [f'<text x="10" y="{top + 20}" font-weight="bold">{escape(title)}</text>']
    for at, bar in enumerate(bars):
        lines.append(_bar(bar, most, top + HEAD + at * (BAR + GAP)))
    return "\n".join(lines)


def _bar(bar: Bar, most: float, top: int) -> str:
    name, rate, is_ours = bar
    width = max(1.0, (WIDTH - LABEL - ROOM) * rate / most)
    baseline = top + BAR - 5
    colour = OURS if is_ours else THEIRS
    return (
        f'<text x="{LABEL - 8}" y="{baseline}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{LABEL}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
        f'<text x="{LABEL + width + 6:.1f}" y="{baseline}">{rate:,.0f}</text>'
    )
