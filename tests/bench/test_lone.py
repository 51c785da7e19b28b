from __future__ import annotations

import pytest

from bench.lone import Lone, complete, requests
from bench.workload import Workload

WORK = Workload(("a", "b"), ("no", "yes"), [[1.0, 2.0]], [0.25])
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"", False),
        (HEAD[:-2], False),
        (HEAD, False),
        (HEAD + b"1234", False),
        (HEAD + b"12345", True),
    ],
)
def test_an_answer_is_whole_when_its_body_is(answer: bytes, *, whole: bool) -> None:
    assert complete(answer) is whole


def test_a_request_says_how_long_it_is() -> None:
    (request,) = requests("/p", WORK)

    head, _, body = request.partition(b"\r\n\r\n")
    assert body == b'{"a": 1.0, "b": 2.0}'
    assert b"Content-Length: 20" in head


def test_what_is_added_is_what_remains() -> None:
    assert Lone(predict_ms=1.5, empty_ms=0.5, model_ms=0.25).added_ms == 0.75


@pytest.mark.parametrize(
    ("probability", "right"), [(0.25, True), (0.250009, True), (0.2502, False)]
)
def test_an_answer_may_differ_by_what_compiling_costs(probability: float, *, right: bool) -> None:
    assert WORK.right(0, probability) is right
