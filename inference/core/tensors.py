"""How rows of several arrays are counted, joined and cut again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Matrix = npt.NDArray[np.float64]

# numpy's dot product of more numbers than this waits for other threads, on a busy machine for long.
MOST_FOR_A_DOT: Final = 8192

# All arrays of one value have the same first dimension: the rows. A tabular model has exactly
# one array in and one out; a graph with several inputs or outputs simply has more.
Tensors = tuple[npt.NDArray[np.generic], ...]


# A hundred trees, each rounded to single precision, may add up to this; more is no rounding.
_CERTAIN = 1.0 + 1e-5


def unrounded(probabilities: Matrix) -> Matrix:
    """What single precision has rounded up beyond 1 is 1; changed in place."""
    if 1.0 < probabilities.max(initial=0.0) < _CERTAIN:
        probabilities.clip(0.0, 1.0, out=probabilities)
    return probabilities


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


def cut(tensors: Tensors, start: int, stop: int) -> Tensors:
    """Rows start..stop as views."""
    return tuple(array[start:stop] for array in tensors)
