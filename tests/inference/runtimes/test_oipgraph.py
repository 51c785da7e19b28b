"""A graph in another server takes and gives its tensors, or says why it cannot."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import pytest

from inference.core.datatypes import Tensor, named
from inference.core.errors import (
    BundleInvalid,
    ModelOutputInvalid,
    ModelRejectedRow,
    ModelUnavailable,
)
from inference.core.graphs import Graph
from inference.core.reach import Reach
from inference.core.signature import Spec
from inference.runtimes import loader, oip
from inference.runtimes.base import Kind
from inference.runtimes.oip import Place
from inference.runtimes.oipgraph import GraphDescriptor, RemoteGraph
from tests.inference import peer
from tests.inference.peer import Peer

GRAPH = Graph(
    (Spec("x", "FP32", (-1, 2)), Spec("t", "BYTES", (-1,))),
    (Spec("total", "FP32", (-1,)), Spec("said", "BYTES", (-1, -1))),
)
X = np.array([[1, 2], [3, np.nan]], np.float32)
T = np.array([b"a", "\N{SNOWMAN}".encode()], dtype=object)
HERE = Reach(("127.0.0.1",), seconds=2.0)


def answers(tensors: list[Tensor]) -> list[Tensor]:
    """The sum of the floats, and the text."""
    x, t = tensors
    return [Tensor("said", "BYTES", t.array[:, None]), named("total", x.array.sum(axis=1))]


@pytest.fixture
def there() -> Iterator[Peer]:
    with peer.serving(Peer(predict=answers)) as running:
        yield running


@contextmanager
def loaded(url: str, reach: Reach = HERE, *, binary: bool = True) -> Iterator[RemoteGraph]:
    descriptor = GraphDescriptor(place=Place(url=url, model="m"), binary=binary)
    runtime = loader.load_graph(oip.written(descriptor), GRAPH, reach)
    assert isinstance(runtime, RemoteGraph)
    with closing(runtime):
        yield runtime


@pytest.mark.parametrize("binary", [True, False])
def test_tensors_go_there_by_name_and_come_back_in_order(there: Peer, *, binary: bool) -> None:
    with loaded(there.url, binary=binary) as runtime:
        total, said = runtime.predict((X, T))

    (asked,) = there.asked
    assert [(each.name, each.datatype) for each in asked.inputs] == [("x", "FP32"), ("t", "BYTES")]
    assert [want.name for want in asked.wants or ()] == ["total", "said"]
    np.testing.assert_array_equal(asked.inputs[0].array, X)
    np.testing.assert_array_equal(total, np.array([3, np.nan], np.float32))
    assert (str(total.dtype), said.tolist()) == ("float32", [[T[0]], [T[1]]])
    assert (runtime.kind, runtime.inline_ok) == (Kind.OIP, False)


WRONG: dict[str, Any] = {
    "another datatype": named("total", np.ones(2)),
    "another number of rows": named("total", np.ones(3, np.float32)),
    "another shape": named("total", np.ones((2, 1), np.float32)),
    "another name": named("sum", np.ones(2, np.float32)),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_its_signature_is_no_answer(there: Peer, what: str) -> None:
    there.predict = lambda tensors: [answers(tensors)[0], WRONG[what]]

    with loaded(there.url) as runtime, pytest.raises(ModelOutputInvalid, match="The remote put"):
        runtime.predict((X, T))


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, ModelRejectedRow), (422, ModelRejectedRow), (404, ModelUnavailable)],
)
def test_a_refusal_is_of_the_rows_or_of_the_server(
    there: Peer, status: int, error: type[Exception]
) -> None:
    with loaded(there.url) as runtime:
        there.refuses = lambda _: (status, {}, b'{"error": "no"}')
        with pytest.raises(error, match="no"):
            runtime.predict((X, T))


def test_that_it_went_and_that_it_is_back_is_said_once(
    there: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    with loaded(there.url) as runtime, caplog.at_level(logging.WARNING):
        there.refuses = lambda _: (503, {}, b"")
        for _ in range(3):
            with pytest.raises(ModelUnavailable) as raised:
                runtime.predict((X, T))
            assert raised.value.retry_after
        there.refuses = lambda _: None
        runtime.predict((X, T))

    assert [record.message.split(" is ")[-1][:4] for record in caplog.records] == ["away", "back"]


def test_nobody_is_asked_whom_the_operator_has_not_named(there: Peer) -> None:
    with (
        pytest.raises(BundleInvalid, match="WEIR_REMOTE_HOSTS"),
        loaded(there.url, Reach(("localhost",))),
    ):
        pass

    assert there.paths == []


def test_who_is_not_ready_is_not_loaded(there: Peer) -> None:
    there.ready = 503

    with pytest.raises(ModelUnavailable, match="loading"), loaded(there.url):
        pass


def test_what_does_not_say_where_it_lives_is_refused() -> None:
    with pytest.raises(BundleInvalid, match="where a model lives"):
        loader.load_graph(b'{"place":{"url":"http://127.0.0.1"}}', GRAPH, HERE)
