"""What is enough to be promoted."""

from __future__ import annotations

import pytest

from inference.core.gate import Judgement, refusal

BLESSED = Judgement(3, blessed=True, baseline=1)


@pytest.mark.parametrize(
    ("latest", "champion", "won"),
    [
        (BLESSED, 1, None),
        (BLESSED, None, None),
        (Judgement(3, blessed=True, baseline=None), None, None),
        (None, 1, 9),
        (Judgement(3, blessed=False, baseline=1), 1, 9),
    ],
)
def test_it_may(latest: Judgement | None, champion: int | None, won: int | None) -> None:
    assert refusal(latest, champion, won) is None


@pytest.mark.parametrize(
    ("latest", "champion", "sentence"),
    [
        (None, 1, "It was never evaluated."),
        (None, None, "It was never evaluated."),
        (Judgement(3, blessed=False, baseline=1), 1, "Evaluation 3 does not bless it."),
        (
            Judgement(3, blessed=False, baseline=1, reasons=("It is slower.", "It is larger.")),
            1,
            "Evaluation 3 does not bless it: It is slower.",
        ),
        (
            BLESSED,
            2,
            "Evaluation 3 compares it with algorithm 1, and algorithm 2 is in production.",
        ),
        (
            Judgement(3, blessed=True, baseline=None),
            2,
            "Evaluation 3 compares it with nobody, and algorithm 2 is in production.",
        ),
    ],
)
def test_it_may_not(latest: Judgement | None, champion: int | None, sentence: str) -> None:
    assert refusal(latest, champion, None) == sentence


def test_one_that_was_taken_back_has_to_be_judged_again() -> None:
    assert refusal(None, 1, None, fallen=True) == "It was taken back, and not judged since."
    assert refusal(Judgement(3, blessed=True, baseline=1), 1, None, fallen=True) is None
