"""Two models on the same rows: the figures of others who compute them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from inference.core import comparison


@pytest.mark.parametrize(
    ("ahead", "behind"), [(0, 0), (1, 0), (5, 5), (6, 5), (3, 17), (120, 71), (2000, 2300)]
)
def test_the_exact_test_is_that_of_statsmodels(ahead: int, behind: int) -> None:
    oracle = mcnemar([[10, ahead], [behind, 10]], exact=True).pvalue if ahead + behind else 1.0

    assert comparison.mcnemar(ahead, behind) == pytest.approx(oracle, rel=1e-9)
    assert comparison.mcnemar(behind, ahead) == comparison.mcnemar(ahead, behind)


def test_many_rows_do_not_overflow() -> None:
    assert comparison.mcnemar(20_000, 20_000) == 1.0
    assert 0.0 <= comparison.mcnemar(20_000, 25_000) < 1e-100


def test_classifiers_are_compared_by_the_rows_they_have_right_alone() -> None:
    dice = np.random.default_rng(1)
    right, baseline = dice.random(500) < 0.8, dice.random(500) < 0.7

    found = comparison.classifiers(right, baseline, 0.05)

    assert (found.ahead, found.behind) == (
        int((right & ~baseline).sum()),
        int((baseline & ~right).sum()),
    )
    assert found.difference == pytest.approx(right.mean() - baseline.mean())
    assert found.p_value == comparison.mcnemar(found.ahead or 0, found.behind or 0)
    assert set(found.as_dict()) == {"difference", "interval", "p_value", "ahead", "behind"}


def test_scores_are_compared_by_student() -> None:
    dice = np.random.default_rng(2)
    gains, baseline = dice.normal(0.1, 1, 40), dice.normal(0, 1, 40)

    found = comparison.scores(gains, baseline, 0.1)

    assert found.p_value == pytest.approx(stats.ttest_rel(gains, baseline).pvalue)
    assert found.interval == pytest.approx(DescrStatsW(gains - baseline).tconfint_mean(0.1))
    assert "ahead" not in found.as_dict()


def test_rows_that_do_not_vary_show_nothing() -> None:
    same = np.ones(5)

    assert comparison.scores(same, same, 0.05).as_dict() == {"difference": 0.0, "p_value": 1.0}
    assert comparison.scores(same[:1], same[:1] * 0, 0.05).interval is None


@pytest.mark.parametrize("seed", range(5))
def test_many_at_once_are_judged_as_statsmodels_does(seed: int) -> None:
    p_values = (np.random.default_rng(seed).random(12) ** 4).tolist()

    oracle = multipletests(p_values, 0.05, "holm")[0].tolist()

    assert comparison.holm(p_values, 0.05) == oracle
    assert comparison.holm([], 0.05) == []
