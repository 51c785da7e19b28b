"""Every metric, split and in the shadow: looked at all the time, an honest test is rarely wrong."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from bench import power
from bench.trials import Setting, simulated
from bench.twins import settings

RUNS = 2000
ALLOWED = 0.065  # 5 % and three standard errors of the simulation
BROKEN = 0.20  # what a classic test, looked at as often, must exceed: it guards the simulator


# Accuracies and absolute errors, split, are simulated in tests/core/test_peeking.py, accuracies in
# the shadow in test_pairs.py; all of them together take five minutes of a core (`bench power`).
HARDEST = (
    "split: Brier score",
    "split: squared error",
    "split 9 to 1: reward of 1, in 2 %, 4 %",
    "shadow: reward of 1, in 2 %, 4 %",
)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "setting",
    [each for each in settings() if each.name in HARDEST],
    ids=lambda setting: setting.name,
)
def test_without_a_difference_one_is_found_in_5_percent_at_most(setting: Setting) -> None:
    found = simulated(setting, 0.0, RUNS)

    assert found.ever <= ALLOWED
    assert found.peeked > BROKEN


def test_the_table_has_a_line_for_each_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert power.run(Namespace(quick=False, runs=2), Path()) == 0

    shown = capsys.readouterr().out
    assert all(setting.name in shown for setting in settings())
