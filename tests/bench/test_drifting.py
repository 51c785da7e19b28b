"""What counting adds is told turn by turn, so that a noisy one does not decide."""

from __future__ import annotations

import pytest

from bench.drifting import costs
from bench.load import Load


def load(rate: float, cpu: float) -> Load:
    return Load(rate, 1.0, 2.0, server_cpu=cpu)


def test_the_cost_is_the_median_of_the_turns() -> None:
    counted = [load(100, 0.51), load(50, 0.52), load(100, 0.90)]
    plain = [load(100, 0.50), load(50, 0.50), load(100, 0.50)]

    found = costs({("one row", True): counted, ("one row", False): plain})

    assert found == {"one row": pytest.approx(4.0)}
