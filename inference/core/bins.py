"""Into which bins the values of a table's columns fall, counted for many rows at a time.

A number falls between two edges, a category into a bin of its own or, if it is rare, into that of
all rare ones. Each column has two cells more: one for missing values, one for strange ones, which
are categories that training never saw, or numbers outside of what it saw (these are counted in
their bin as well, so that the bins and the missing ones always add up to the rows).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from inference.core.tensors import Matrix

Kind = Literal["number", "category"]
Cells = npt.NDArray[np.int64]
Column = npt.NDArray[np.float64]

MOST_BINS: Final = 20  # of a category; more would each be too rare to be compared
OTHER: Final = "(others)"
_DECILES: Final = tuple(each / 10 for each in range(1, 10))
_BESIDE: Final = 2  # cells of a column that are no bins: missing, strange
_BEYOND: Final = 3  # edges of a column of numbers that part no bins


@dataclass(frozen=True, slots=True)
class Binning:
    """How one column is binned.

    Of numbers: bin k holds what is above edge k - 1 and not above edge k; `low` and `high` are what
    was seen. Of categories: `codes` has for each category, by its index, its bin, `labels` the
    names of the bins.
    """

    name: str
    kind: Kind
    edges: tuple[float, ...] = ()
    low: float = -np.inf
    high: float = np.inf
    codes: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def bins(self) -> int:
        """How many, without those for missing and strange values."""
        return len(self.labels) if self.kind == "category" else len(self.edges) + 1

    @property
    def cells(self) -> int:
        """The bins, then missing, then strange."""
        return self.bins + _BESIDE


def of_numbers(name: str, values: Column) -> Binning:
    """By the deciles of `values`, of which some may be missing; equal ones become one edge."""
    known = values[~np.isnan(values)]
    if not known.size:
        return Binning(name, "number")
    low, high = float(known.min()), float(known.max())
    edges = np.unique(np.quantile(known, _DECILES, method="inverted_cdf")).tolist()
    if edges[0] == low:
        # Most values are the least one; what falls below it later must not look the same.
        edges.insert(0, float(np.nextafter(low, -np.inf)))
    return Binning(name, "number", tuple(edges), low, high)


def of_categories(name: str, categories: Sequence[str], values: Column) -> Binning:
    """The commonest have bins of their own; `values` are indexes of categories, or NaN."""
    if len(categories) <= MOST_BINS:
        codes = tuple(range(len(categories)))
        return Binning(name, "category", codes=codes, labels=tuple(categories))
    known = values[~np.isnan(values)].astype(np.int64)
    often = np.bincount(known[known < len(categories)], minlength=len(categories))
    common = sorted(np.argsort(-often, kind="stable")[: MOST_BINS - 1].tolist())
    places = {code: place for place, code in enumerate(common)}
    codes = tuple(places.get(code, len(common)) for code in range(len(categories)))
    labels = (*(categories[code] for code in common), OTHER)
    return Binning(name, "category", codes=codes, labels=labels)


class Counter:
    """Counts matrices whose columns are `binnings`, in order; one result holds all their cells.

    No step of Python for each row, and none for each column. What is counted comes column by column
    ([width, rows]), in which one edge is compared with many values at a time. The counts are raw,
    and add up as they are; `folded` makes cells of them.
    """

    def __init__(self, binnings: Sequence[Binning]) -> None:
        self.starts = tuple(accumulate((each.cells for each in binnings), initial=0))
        self.width = len(binnings)
        kinds = [each.kind for each in binnings]
        self._numbers = _Numbers(*_chosen(binnings, self.starts, kinds, "number"))
        self._categories = _Categories(*_chosen(binnings, self.starts, kinds, "category"))

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self.starts[-1]

    def count(self, matrix: Matrix) -> Cells:
        """Shape [size]; `matrix` is [rows, width]."""
        return self.folded(self.raw(np.ascontiguousarray(matrix.T)))

    def raw(self, columns: Matrix) -> Raw:
        """`columns` are [width, rows]."""
        return Raw(self._numbers.raw(columns), self._categories.raw(columns))

    def folded(self, raw: Raw) -> Cells:
        """Shape [size]."""
        cells = np.zeros(self.size, np.int64)
        self._numbers.fold(raw.numbers, cells)
        self._categories.fold(raw.categories, cells)
        return cells

    def split(self, cells: Cells) -> list[Cells]:
        """The cells of each column, as views."""
        return np.split(cells, self.starts[1:-1])


class Raw(NamedTuple):
    """What a counter counts before it is told which cell is which."""

    numbers: Cells
    categories: Cells

    def plus(self, other: Raw) -> Raw:
        return Raw(self.numbers + other.numbers, self.categories + other.categories)


class _Numbers:
    """Columns of numbers among others; `places` are theirs, `starts` those of their cells.

    Of each value it is counted how many edges it exceeds. The first edge is below all numbers: only
    what is missing does not exceed it. The second is the least number seen, the last the greatest.
    """

    def __init__(self, places: list[int], binnings: list[Binning], starts: list[int]) -> None:
        self._places = _run(places)
        self._count = len(places)
        most = max((len(each.edges) for each in binnings), default=0)
        edges = [_all_edges(each, most) for each in binnings]
        self._bins = most + _BEYOND + 1
        self._edges = np.array(edges, np.float64).reshape(len(places), most + _BEYOND).T[:, :, None]
        self._offsets = (np.arange(len(places)) * self._bins)[:, None]
        self._parts = list(zip(binnings, starts, strict=True))

    def raw(self, columns: Matrix) -> Cells:
        values = columns[self._places]
        exceeded, does = np.zeros(values.shape, np.int8), np.empty(values.shape, np.bool_)
        # Of one byte both, and of one kind: that is what makes an addition cheap.
        one = does.view(np.int8)
        for edges in self._edges:
            np.greater(values, edges, out=does)
            np.add(exceeded, one, out=exceeded)
        found = exceeded + self._offsets
        return np.bincount(found.ravel(), minlength=self._count * self._bins)

    def fold(self, raw: Cells, cells: Cells) -> None:
        for (binning, start), found in zip(self._parts, raw.reshape(-1, self._bins), strict=True):
            bins = binning.bins
            missing, below, beyond = found[0], found[1], found[bins + _BEYOND - 1]
            cells[start : start + bins] += found[2 : 2 + bins]
            cells[start] += below
            cells[start + bins - 1] += beyond
            cells[start + bins : start + bins + _BESIDE] += (missing, below + beyond)


class _Categories:
    """Columns of categories among others, by one table from their codes to cells."""

    def __init__(self, places: list[int], binnings: list[Binning], starts: list[int]) -> None:
        self._places = _run(places)
        tables = [_table(each, start) for each, start in zip(binnings, starts, strict=True)]
        self._table = np.array([cell for table in tables for cell in table], np.int64)
        sizes = [len(table) for table in tables]
        self._offsets = np.array([*accumulate(sizes, initial=0)][:-1], np.int64)[:, None]
        self._missing = np.array([size - 1 for size in sizes], np.int64)[:, None]

    def raw(self, columns: Matrix) -> Cells:
        values = columns[self._places]
        codes = np.where(np.isnan(values), self._missing, values).astype(np.int64)
        # A code that no schema allows must not count for the neighbour column.
        np.clip(codes, 0, self._missing, out=codes)
        codes += self._offsets
        return np.bincount(codes.ravel(), minlength=len(self._table))

    def fold(self, raw: Cells, cells: Cells) -> None:
        np.add.at(cells, self._table, raw)


def _all_edges(binning: Binning, most: int) -> list[float]:
    """What is below all numbers, the least one seen, the edges, the greatest one; and no more."""
    least = float(np.nextafter(binning.low, -np.inf))
    known = [-np.inf, least, *binning.edges, binning.high]
    return [*known, *[np.inf] * (most + _BEYOND - len(known))]


def _run(places: list[int]) -> slice | list[int]:
    """A slice where that says the same: it spares a copy."""
    if not places or places[-1] - places[0] + 1 != len(places):
        return places
    return slice(places[0], places[-1] + 1)


def _table(binning: Binning, start: int) -> list[int]:
    """The cell of each code; then that of a category nobody has seen; then of none at all."""
    missing = start + binning.bins
    return [*(start + place for place in binning.codes), missing + 1, missing]


def _chosen(
    binnings: Sequence[Binning], starts: Sequence[int], kinds: Sequence[Kind], kind: Kind
) -> tuple[list[int], list[Binning], list[int]]:
    places = [place for place, each in enumerate(kinds) if each == kind]
    return places, [binnings[place] for place in places], [starts[place] for place in places]
