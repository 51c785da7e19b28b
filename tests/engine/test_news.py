"""A failure is said aloud once, and again when it comes back."""

from __future__ import annotations

import logging

import pytest

from inference.engine.news import News


def test_a_failure_that_goes_on_is_a_warning_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    news = News(logging.getLogger("there"), "there is no tea: %s")

    news.failed(OSError("no water"))
    news.failed(OSError("no fire"))
    news.worked()
    news.failed(OSError("no leaves"))

    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "there is no tea: no water"),
        ("DEBUG", "there is no tea: no fire"),
        ("WARNING", "there is no tea: no leaves"),
    ]
