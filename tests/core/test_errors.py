"""Errors are data: a stable code, a sentence, and the place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inference.core import errors
from inference.core.errors import Overloaded, RowInvalid, WeirError


def all_errors(root: type[WeirError] = WeirError) -> Iterator[type[WeirError]]:
    for child in root.__subclasses__():
        yield child
        yield from all_errors(child)


CODED = [error for error in all_errors() if "code" in vars(error)]


def test_codes_are_distinct_and_drawn_in_the_tree() -> None:
    codes = [error.code for error in CODED]
    assert len(codes) == len(set(codes)) > 15
    assert all(f"{error.__name__} " in str(errors.__doc__) for error in CODED)
    assert all(error.code in str(errors.__doc__) for error in CODED)


@pytest.mark.parametrize("error", CODED)
def test_the_docstring_is_the_default_message(error: type[WeirError]) -> None:
    assert str(error()) == error().message == str(error.__doc__).splitlines()[0]


def test_only_what_is_known_is_said() -> None:
    assert RowInvalid("no", row=0, field="a").as_dict() == {
        "code": "row_invalid",
        "message": "no",
        "row": 0,
        "field": "a",
    }
    assert Overloaded(retry_after=0.25).as_dict() == {
        "code": "overloaded",
        "message": "The queue is full; try again later.",
        "retry_after_ms": 250,
    }
