"""What is asked of a trial and told by it comes through as values."""

from __future__ import annotations

import msgspec
import pytest

from inference.core import parcels
from inference.core.errors import TrialFailed
from inference.core.trials import Asked, Told


def test_a_question_comes_through() -> None:
    asked = Asked(b"\x00model", "onnx", {"name": "n"}, b"{}", b"[]")

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(asked), type=Asked) == asked


def test_trouble_comes_through_as_the_error_that_it_was() -> None:
    told = Told(trouble=parcels.trouble(TrialFailed("It ate too much.")))

    found = msgspec.msgpack.decode(msgspec.msgpack.encode(told), type=Told)

    assert found.trouble is not None
    error = parcels.error(found.trouble)
    assert (type(error), error.message) == (TrialFailed, "It ate too much.")


@pytest.mark.parametrize("said", [b"", b"\xc1", msgspec.msgpack.encode([1]), b"\x80\x04."])
def test_what_is_no_answer_is_not_taken_for_one(said: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.msgpack.decode(said, type=Told)
