"""What an isolated model does to itself costs its own batch, and nobody else."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from inference import bundles
from inference.core.batching import BatchPolicy
from inference.core.errors import (
    BundleInvalid,
    ModelCrashed,
    ModelError,
    ModelRejectedRow,
    ModelUnavailable,
)
from inference.core.graphs import Graph
from inference.core.signature import Spec
from inference.core.tensors import Tensors
from inference.core.types import Outcome
from inference.engine.local import LocalEngine
from inference.runtimes import isolated
from inference.runtimes.base import Kind
from inference.runtimes.cell import Given
from inference.runtimes.confinement import Bounds
from inference.runtimes.isolated import IsolatedRuntime
from inference.training import graphs
from inference.training.pack import Identity
from tests.engine.crowd import Does, Sevenfold, job
from tests.inference import artefacts, cells, onnxgraphs
from tests.processes import until

BOUNDS = Bounds(memory=1 << 30, seconds=20.0)


@pytest.fixture(scope="module")
def shared() -> Iterator[IsolatedRuntime]:
    """One child for what it survives."""
    runtime = cells.fickle()
    yield runtime
    runtime.close()


@pytest.fixture
def runtime() -> Iterator[IsolatedRuntime]:
    made = cells.fickle(seconds=2.0)
    yield made
    made.close()


def rows(*numbers: float) -> Tensors:
    return (np.array(numbers)[:, None],)


def said(runtime: IsolatedRuntime, *numbers: float) -> list[float]:
    (out,) = runtime.predict(rows(*numbers))
    return [float(each) for each in np.asarray(out, np.float64).ravel()]


def test_arrays_go_in_and_come_out(shared: IsolatedRuntime) -> None:
    assert said(shared, 1, 2.5) == [2, 5]


def test_what_comes_out_can_be_written(shared: IsolatedRuntime) -> None:
    (out,) = shared.predict(rows(1))

    out[0] = 3
    assert out.tolist() == [[3]]


def test_a_row_that_is_refused_costs_no_process(shared: IsolatedRuntime) -> None:
    before = shared.pid

    with pytest.raises(ModelRejectedRow, match="nobody likes"):
        said(shared, cells.REJECT)

    assert (said(shared, 1), shared.pid) == ([2], before)


def test_memory_has_a_limit(shared: IsolatedRuntime) -> None:
    with pytest.raises(ModelCrashed, match="more memory"):
        said(shared, cells.EAT)

    assert said(shared, 1) == [2]


@pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine != "x86_64", reason="the filter is of Linux"
)
@pytest.mark.parametrize("act", [cells.WRITE, cells.START, cells.READ, cells.LOOK])
def test_it_can_neither_write_nor_start_nor_look_at_anything(
    shared: IsolatedRuntime, act: float
) -> None:
    before = shared.pid

    with pytest.raises(ModelError, match="PermissionError"):
        said(shared, act)

    assert (said(shared, 1), shared.pid) == ([2], before)
    assert not cells.CANARY.exists()


@pytest.mark.parametrize(
    ("act", "how"),
    [
        (cells.CRASH, "signal 11"),
        (cells.QUIT, "code 3"),
        (cells.HANG, "too long"),
        (cells.BABBLE, "cannot be read"),
    ],
)
def test_what_ends_the_child_is_told_and_another_one_goes_on(
    runtime: IsolatedRuntime, act: float, how: str
) -> None:
    assert said(runtime, 1) == [2]
    before = runtime.pid

    with pytest.raises(ModelCrashed, match=how):
        said(runtime, act)

    assert said(runtime, 1) == [2]
    assert runtime.pid != before
    assert before is not None
    assert not Path(f"/proc/{before}").exists()


def test_a_child_that_is_ended_from_outside_costs_nobody_an_answer(
    runtime: IsolatedRuntime,
) -> None:
    assert runtime.pid is not None
    os.kill(runtime.pid, signal.SIGKILL)
    until(lambda: _over(runtime.pid or 0), "it does not end")

    assert said(runtime, 1) == [2]


def test_a_model_that_only_crashes_is_given_pauses(runtime: IsolatedRuntime) -> None:
    for _ in range(3):
        with pytest.raises(ModelCrashed):
            said(runtime, cells.QUIT)

    with pytest.raises(ModelUnavailable, match="restarted") as refused:
        said(runtime, 1)

    assert refused.value.retry_after is not None
    until(lambda: _answers(runtime), "it was never restarted")


def _answers(runtime: IsolatedRuntime) -> bool:
    try:
        return said(runtime, 1) == [2]
    except ModelUnavailable:
        return False


def test_a_closed_one_leaves_no_process() -> None:
    runtime = cells.fickle()
    pid = runtime.pid

    runtime.close()

    assert not Path(f"/proc/{pid}").exists()


# -- real models


@pytest.mark.parametrize("kind", [Kind.ONNX, pytest.param(Kind.JOBLIB, marks=pytest.mark.slow)])
def test_a_model_says_apart_what_it_says_here(kind: Kind) -> None:
    bundle = artefacts.bundle()
    matrix = artefacts.SCHEMA.encode_many(artefacts.rows().records)
    apart = bundles.load(bundle, kind, apart=BOUNDS)

    (found,) = apart.predict((matrix,))
    (here,) = bundles.load(bundle, kind).predict((matrix,))
    apart.close()

    assert isinstance(apart, IsolatedRuntime)
    assert found.tobytes() == here.tobytes()


def test_a_graph_of_texts_goes_apart_too() -> None:
    words = onnxgraphs.parsed(onnxgraphs.WORDS)
    bundle = graphs.pack_graph(Identity("e", "graph", "1.0", "tests"), words, None, "rows")
    apart = bundles.load(bundle, apart=BOUNDS)

    text, quiet = apart.predict((np.array([[b"a", b""]], dtype=object), np.array([True])))
    apart.close()

    assert (text.tolist(), quiet.tolist()) == ([[b"a!", b"!"]], [False])


def test_bytes_that_are_no_model_are_refused() -> None:
    schema = artefacts.SCHEMA.to_json()

    with pytest.raises(BundleInvalid, match="ONNX Runtime refuses"):
        IsolatedRuntime(
            Kind.ONNX,
            Given(b"\x08\x09no", schema, is_graph=False, reads="matrix", libraries={}),
            BOUNDS,
        )


def test_a_graph_that_asks_for_much_memory_is_refused_or_crashes() -> None:
    """A tensor of 8 GiB, by a graph of a hundred bytes."""
    data = onnxgraphs.parsed("""eats (float[N, 1] x) => (float[N, 1] y) {
        shape = Constant<value = int64[1] {2147483648}>()
        many = ConstantOfShape<value = float[1] {1.0}>(shape)
        total = ReduceSum<keepdims = 0>(many)
        y = Add(x, total)
    }""")
    graph = Graph((Spec("x", "FP32", (-1, 1)),), (Spec("y", "FP32", (-1, 1)),))

    with pytest.raises((BundleInvalid, ModelCrashed)):
        isolated.load_graph(data, graph, BOUNDS).predict((np.ones((1, 1), np.float32),))


# -- in the engine


@pytest.fixture
async def live() -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(BatchPolicy(max_rows=8, max_queue_rows=64))
    yield engine
    await engine.close()


def codes(outcome: Outcome) -> list[str]:
    return [error.code for _, error in sorted(outcome.errors.items())]


async def test_a_crash_costs_the_half_of_a_batch_that_crashes_again(
    live: LocalEngine, runtime: IsolatedRuntime
) -> None:
    model = Does(runtime.predict, "apart")

    whole = await live.submit(job(model, 1, 2, 3, cells.CRASH))

    assert sorted(whole.errors) == [2, 3]
    assert codes(whole) == ["model_crashed"] * 2
    assert whole.outputs is not None
    assert whole.outputs[0][:2, 0].tolist() == [2, 4]


async def test_other_models_answer_while_one_hangs(
    live: LocalEngine, runtime: IsolatedRuntime
) -> None:
    hangs = live.submit(job(Does(runtime.predict, "apart"), cells.HANG))
    await asyncio.sleep(0)

    answered = await live.submit(job(Sevenfold(), 1, 2))

    assert not hangs.done()
    assert answered.errors == {}
    assert codes(await hangs) == ["model_crashed"]


# -- nobody is left behind

PARENT = """
import sys, threading, numpy as np
from tests.inference import cells
runtime = cells.fickle(seconds=600.0)
print(runtime.pid, flush=True)
if sys.argv[1] != "idle":
    runtime.predict((np.array([[float(sys.argv[1])]]),))
sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.parametrize("act", ["idle", str(cells.HANG)])
def test_the_child_of_a_killed_process_ends_whatever_it_does(act: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, act], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        if act != "idle":
            until(lambda: _state(child) == "S", "it does not hang")
        parent.send_signal(signal.SIGKILL)
        parent.wait()

    until(lambda: _state(child) in ("", "Z"), "the child lives on")


def _over(pid: int) -> bool:
    """Of all its threads: the first one may have ended while others still do."""
    try:
        return _state(pid) in ("", "Z") and len(list(Path(f"/proc/{pid}/task").iterdir())) <= 1
    except FileNotFoundError:
        return True


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
