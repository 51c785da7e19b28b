"""The values between the rooms are plain and frozen."""

from __future__ import annotations

import pytest

from inference.core.types import LogMode, Outcome


def test_log_modes_are_the_words_of_the_settings() -> None:
    assert [mode.value for mode in LogMode] == ["strict", "fast", "off"]


def test_an_outcome_is_a_fact() -> None:
    with pytest.raises(AttributeError):
        Outcome(None).batch_rows = 3  # type: ignore[misc]  # the very point
