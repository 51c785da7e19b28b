"""How long somebody waits is read from what he prefers, and nothing else is."""

from __future__ import annotations

import pytest

from inference.core import preference
from inference.core.errors import RowInvalid


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("wait=10", None),
        ("return=minimal", None),
        ("respond-asynchronously", None),
        ("respond-async", 0.0),
        ("Respond-Async", 0.0),
        (" respond-async ; foo=bar ", 0.0),
        ("respond-async, wait=10", 10.0),
        ('wait = "10" , respond-async', 10.0),
        ("wait=5;x, respond-async, wait=10", 5.0),
        ("respond-async, wait=soon", 0.0),
        ("respond-async, wait=-1", 0.0),
        ("respond-async, wait=1.5", 0.0),
        ("respond-async, wait=9999999999", 0.0),
        ("respond-async, wait=\N{FULLWIDTH DIGIT NINE}", 0.0),
        (";;,=,", None),
    ],
)
def test_a_header_is_read(header: str, seconds: float | None) -> None:
    assert preference.patience(header) == seconds


@pytest.mark.parametrize(("text", "seconds"), [("", None), ("0", 0.0), ("2.5", 2.5), ("1e3", 1e3)])
def test_a_query_is_read(text: str, seconds: float | None) -> None:
    assert preference.from_query(text) == seconds


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "1e400", "\N{FULLWIDTH DIGIT NINE}"])
def test_a_wait_that_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(RowInvalid) as caught:
        preference.from_query(text)
    assert caught.value.field == "wait"
