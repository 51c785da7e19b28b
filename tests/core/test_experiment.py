from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from inference.core.experiment import Arm, Terms
from inference.core.tally import Tally


def test_unless_agreed_otherwise_one_test_in_twenty_may_err() -> None:
    terms = Terms()

    assert (terms.alpha, terms.horizon) == (0.05, 5000)


def test_what_was_agreed_cannot_be_changed_on_the_way() -> None:
    terms, arm = Terms(), Arm("forest", 1, Tally())

    with pytest.raises(FrozenInstanceError):
        terms.alpha = 0.1  # type: ignore[misc]  # that it is refused is what is tested
    with pytest.raises(FrozenInstanceError):
        arm.weight = 2  # type: ignore[misc]  # that it is refused is what is tested
