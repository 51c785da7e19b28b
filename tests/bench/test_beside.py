from __future__ import annotations

from bench import beside
from bench.beside import DISTRIBUTED, EMBEDDED, named
from bench.load import Load


def loads(*rates: float) -> list[Load]:
    return [Load(rate, 1.0, 2.0) for rate in rates]


def test_modes_are_compared_turn_by_turn_so_that_a_noisy_turn_counts_once() -> None:
    found = {
        named(EMBEDDED, "strict log"): loads(1_000, 100, 1_000),
        named(DISTRIBUTED, "strict log"): loads(800, 75, 50),
        named(EMBEDDED, "log off"): loads(2_000, 2_000, 2_000),
        named(DISTRIBUTED, "log off"): loads(1_000, 1_500, 2_000),
    }

    assert beside.shares(found) == {"strict log": 0.75, "log off": 0.75}
