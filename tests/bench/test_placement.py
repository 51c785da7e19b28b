"""Wherever a batch is computed, it comes to the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import placement
from bench.kinds import KINDS


@pytest.mark.slow
@pytest.mark.parametrize("place", [placement.inline, placement.thread, placement.process])
async def test_each_place_gives_the_same_answer(place: placement.Place, tmp_path: Path) -> None:
    kind = KINDS[0]
    kind.prepare(tmp_path)
    rows = kind.rows(3)

    with place(kind, tmp_path) as ask:
        found = await ask(rows)

    assert np.array_equal(found, kind.load(tmp_path)(rows))


def test_a_matrix_comes_back_as_it_was() -> None:
    rows = np.arange(6.0).reshape(2, 3)

    assert np.array_equal(placement.unpacked(placement.packed(rows)), rows)
