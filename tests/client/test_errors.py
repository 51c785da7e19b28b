from __future__ import annotations

import pytest

from inference.core import errors as of_server
from weir_client import errors
from weir_client.errors import WeirError


@pytest.mark.parametrize("code", of_server.KINDS)
def test_each_code_of_the_server_has_its_class_here(code: str) -> None:
    found, there = errors.KINDS[code], of_server.KINDS[code]

    assert found.__name__ == there.__name__
    assert [kind.__name__ for kind in found.__mro__] == [kind.__name__ for kind in there.__mro__]


def test_a_code_of_a_newer_server_is_carried_all_the_same() -> None:
    error = errors.of("too_green", "It is too green.", row=3)

    assert type(error) is WeirError
    assert (error.code, str(error), error.row) == ("too_green", "It is too green.", 3)
    assert WeirError.code == "error"


def test_without_a_message_the_docstring_speaks() -> None:
    assert str(errors.Overloaded()) == "The queue is full; try again later."


def test_the_tree_at_the_top_names_every_class() -> None:
    kinds = [kind.__name__ for kind in errors.KINDS.values()]

    assert [name for name in kinds if name not in (errors.__doc__ or "")] == []
