"""How rows of several arrays are counted, joined and cut again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Matrix = npt.NDArray[np.float64]

# All arrays of one value have the same first dimension: the rows. A tabular model has exactly
# one array in and one out; a graph with several inputs or outputs simply has more.
Tensors = tuple[npt.NDArray[np.generic], ...]


def rows(tensors: Tensors) -> int:
    """How many rows they hold; 0 for no arrays at all."""
    return len(tensors[0]) if tensors else 0


def concat(parts: Sequence[Tensors]) -> Tensors:
    """Join along the rows, in order; a single part is returned as it is, uncopied.

    Raises TypeError or ValueError for parts that do not fit: nothing is cast to suit a neighbour.
    """
    if len(parts) == 1:
        return parts[0]
    return tuple(
        np.concatenate(arrays, dtype=arrays[0].dtype, casting="no")
        for arrays in zip(*parts, strict=True)
    )


def nothing(dtype: np.dtype[np.generic]) -> float | bytes:
    """What stands in a row without a result; its error says so, not this value."""
    if dtype.kind == "O":
        return b""
    return np.nan if dtype.kind in "fc" else 0


def cut(tensors: Tensors, start: int, stop: int) -> Tensors:
    """Rows start..stop as views."""
    return tuple(array[start:stop] for array in tensors)
