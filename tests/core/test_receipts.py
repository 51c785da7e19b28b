"""Names that are none are refused, parts never run into each other, ids come back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.core import receipts
from inference.core.errors import FrameInvalid, RowInvalid


@pytest.mark.parametrize("key", ["k", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "~!"])
def test_a_key_is_visible_ascii(key: str) -> None:
    assert receipts.checked_key(key) == key


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\tb", "\x7f", "é", "a\n"])
def test_what_is_no_key_is_refused_by_the_name_of_its_header(key: str) -> None:
    with pytest.raises(RowInvalid) as caught:
        receipts.checked_key(key)
    assert caught.value.field == "Idempotency-Key"


@pytest.mark.parametrize("session", ["a" * 16, "Z9-_" * 32])
def test_a_session_is_url_safe(session: str) -> None:
    assert receipts.checked_session(session) == session


@pytest.mark.parametrize("session", ["", "a" * 15, "a" * 129, "a" * 15 + "+", "é" * 16])
def test_what_is_no_session_is_refused(session: str) -> None:
    with pytest.raises(FrameInvalid, match="16 to 128"):
        receipts.checked_session(session)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_only_the_same_parts_have_the_same_digest(one: list[str], other: list[str]) -> None:
    assert (receipts.digest(*one) == receipts.digest(*other)) == (one == other)


def test_a_digest_is_a_text_of_64_whatever_goes_in() -> None:
    assert len(receipts.digest("a", b"\xff", "\ud800", "")) == 64
    assert receipts.digest("1:a") != receipts.digest("1", "a")
    assert receipts.digest("a") == receipts.digest(b"a")


@pytest.mark.parametrize(
    ("ids", "spans"),
    [
        ([], []),
        ([7], [[7, 1]]),
        ([7, 8, 9], [[7, 3]]),
        ([7, 8, 12, 13, 3], [[7, 2], [12, 2], [3, 1]]),
        ([7, 7], [[7, 1], [7, 1]]),
    ],
)
def test_ids_that_follow_each_other_are_kept_as_a_pair(
    ids: list[int], spans: list[list[int]]
) -> None:
    assert receipts.spans(ids) == spans
    assert receipts.ids(spans) == ids


@given(st.lists(st.integers(1, 50)))
def test_ids_come_back_as_they_were(ids: list[int]) -> None:
    assert receipts.ids(receipts.spans(ids)) == ids
