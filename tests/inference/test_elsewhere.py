"""A model of another server is registered by one command, and trusted as others are."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from pytest_django import Settings

from inference import bundles, store
from inference.core import datatypes
from inference.core.batching import BatchPolicy
from inference.core.datatypes import Tensor
from inference.core.errors import BundleInvalid, ModelRejectedRow, ModelUnavailable
from inference.core.graphs import Graph
from inference.core.oip import Request
from inference.core.types import Job, LogMode
from inference.engine.local import LocalEngine
from inference.models import MLAlgorithm
from inference.opening import Opened, open_algorithm
from inference.runtimes import oip
from inference.runtimes.base import Kind
from inference.runtimes.oip import Descriptor
from tests.engine.crowd import Slip
from tests.inference import artefacts, peer
from tests.inference.peer import Answer, Peer

pytestmark = pytest.mark.django_db
X = {"name": "x", "datatype": "FP32", "shape": [-1, 3]}


@pytest.fixture(autouse=True)
def _settings(settings: Settings, tmp_path: Path) -> None:
    settings.WEIR = dataclasses.replace(
        settings.WEIR, data_dir=tmp_path, remote_hosts=("127.0.0.1",), remote_timeout_ms=2000
    )


@pytest.fixture
def there() -> Iterator[Peer]:
    with peer.serving(Peer(inputs=[X])) as running:
        yield running


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(artefacts.SCHEMA.to_json()))
    return path


def register(url: str, schema: Path, *more: str) -> str:
    out = io.StringIO()
    names = ("--endpoint", "income", "--name", "large", "--version", "1.0")
    remote = ("--remote", url, "--remote-model", "m", "--schema", str(schema))
    call_command("register", *names, *remote, *more, stdout=out)
    return out.getvalue()


def described() -> Descriptor:
    """What was stored of the only algorithm."""
    key = configured.WEIR.signing_key.encode()
    bundle = bundles.read(store.get(MLAlgorithm.objects.get().bundle), key)
    assert bundle.card.serving is Kind.OIP
    return oip._descriptor(bundle.files[Kind.OIP])


def opened() -> Opened:
    return open_algorithm(MLAlgorithm.objects.get())


# -- register --------------------------------------------------------------------------------------


def test_it_is_registered_and_predicts(there: Peer, schema: Path) -> None:
    told = register(there.url, schema, "--status", "production", "--remote-version", "7")

    assert "income: large 1.0 registered" in told
    assert "Served by remote" in told
    row = MLAlgorithm.objects.get()
    assert (row.runtime, row.current_status) == ("oip", "production")
    found = described()
    assert (found.place.url, found.place.model, found.place.version) == (there.url, "m", "7")
    assert (found.input, found.datatype, found.output) == ("x", "FP32", "p")
    assert (found.gives, found.binary) == ("probabilities", True)
    with closing(opened().runtime) as runtime:
        rows = np.array([[40.0, 1.0, 8.0], [18.0, 0.0, np.nan]])
        (out,) = runtime.predict((rows,))
    assert np.allclose(out.astype(float), peer.likely(rows.astype(np.float32)))


def test_registering_it_again_changes_nothing(there: Peer, schema: Path) -> None:
    register(there.url, schema)

    assert "is there already" in register(f"{there.url}/", schema)
    assert MLAlgorithm.objects.count() == 1


def test_who_says_nothing_of_himself_gets_doubles_as_json(there: Peer, schema: Path) -> None:
    there.inputs, there.extensions = None, []

    register(there.url, schema)

    found = described()
    assert (found.input, found.datatype, found.binary) == ("input", "FP64", False)


def test_an_output_may_be_named(there: Peer, schema: Path) -> None:
    def two(tensors: list[Tensor]) -> list[Tensor]:
        (found,) = peer.share(tensors)
        return [found, found._replace(name="q")]

    there.predict = two

    with pytest.raises(CommandError, match="more than one output"):
        register(there.url, schema)
    register(there.url, schema, "--remote-output", "q")

    assert described().output == "q"
    assert there.asked[-1].wants[0].name == "q"


def test_an_input_may_be_named(there: Peer, schema: Path) -> None:
    there.inputs = [X | {"name": name, "shape": [-1]} for name in ("age", "work", "hours")]

    register(there.url, schema, "--remote-input", "a:b:FP64")

    assert (described().input, described().datatype) == ("a:b", "FP64")


def _one(name: str, *shape: int, value: float = 0.5) -> Any:
    return lambda tensors: [
        datatypes.named(name, np.full((len(tensors[0].array), *shape), value, np.float32))
    ]


@pytest.mark.parametrize(
    ("change", "more", "sentence"),
    [
        ({"predict": _one("p", 4)}, (), "no output of floats"),
        ({"predict": _one("p", 2, value=7.0)}, (), "scores, not probabilities"),
        ({"predict": _one("p", 2, value=np.nan)}, (), "finite"),
        ({"predict": _one("p", 2)}, ("--remote-output", "q"), "'q' is no prediction"),
        ({"inputs": [X, X]}, (), "one matrix of FP32 or FP64.*--remote-input"),
        ({}, ("--remote-input", "x"), "NAME:FP32 or NAME:FP64, not 'x'"),
        ({}, ("--remote-input", ":FP32"), "NAME:FP32 or NAME:FP64"),
        ({}, ("--remote-input", "x:INT8"), "NAME:FP32 or NAME:FP64"),
        ({"inputs": [X | {"datatype": "INT64"}]}, (), "one matrix of FP32 or FP64"),
        ({"inputs": [X | {"shape": [-1, 4]}]}, (), "4 features, the schema has 3"),
        ({"inputs": "x"}, (), "does not answer in the protocol"),
        ({"ready": 503}, (), "503: it is loading"),
        ({"refuses": lambda _: (400, {}, b'{"error": "no"}')}, (), "refuses it: no"),
        ({"refuses": lambda _: (404, {}, b'{"error": "no m"}')}, (), "answers 404: no m"),
    ],
)
def test_what_cannot_be_registered_is_one_sentence_and_leaves_nothing(
    there: Peer, schema: Path, change: dict[str, Any], more: tuple[str, ...], sentence: str
) -> None:
    for name, value in change.items():
        setattr(there, name, value)

    with pytest.raises(CommandError, match=sentence):
        register(there.url, schema, *more)

    assert not MLAlgorithm.objects.exists()


def test_a_host_that_is_not_allowed_is_not_asked(
    there: Peer, schema: Path, settings: Settings
) -> None:
    settings.WEIR = dataclasses.replace(settings.WEIR, remote_hosts=())

    with pytest.raises(CommandError, match="WEIR_REMOTE_HOSTS"):
        register(there.url, schema)

    assert there.paths == []


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--remote", "http://127.0.0.1:1"),
        ("--remote-model", "m"),
        ("model.onnx", "--remote-model", "m"),
        ("model.onnx", "--remote", "http://127.0.0.1:1", "--remote-model", "m", "--schema", "s"),
    ],
)
def test_a_model_is_a_file_or_elsewhere(words: tuple[str, ...]) -> None:
    names = ("--endpoint", "income", "--name", "large", "--version", "1.0")

    with pytest.raises(CommandError, match="--remote"):
        call_command("register", *names, *words)


def test_a_file_cannot_say_that_it_is_elsewhere(there: Peer, schema: Path, tmp_path: Path) -> None:
    register(there.url, schema)
    names = ("--endpoint", "income", "--name", "other", "--version", "1.0")
    for name in ("model.oip", "model.json", "model.onnx"):
        (tmp_path / name).write_bytes(oip.written(described()))
        with pytest.raises(CommandError, match="named otherwise"):
            call_command("register", str(tmp_path / name), *names, "--schema", str(schema))


# -- load ------------------------------------------------------------------------------------------


def test_who_is_not_there_may_be_another_time(schema: Path) -> None:
    with peer.serving(Peer(inputs=[X])) as running:
        register(running.url, schema)

    with pytest.raises(ModelUnavailable):
        opened()
    with peer.serving(Peer(inputs=[X]), int(running.url.rpartition(":")[2])):
        opened().runtime.close()


def test_who_falls_silent_at_his_golden_rows_may_be_another_time(there: Peer, schema: Path) -> None:
    register(there.url, schema)
    there.refuses = lambda _: (503, {}, b"")

    with pytest.raises(ModelUnavailable):
        opened()


def test_who_answers_his_golden_rows_otherwise_is_not_served(there: Peer, schema: Path) -> None:
    register(there.url, schema)
    there.predict = lambda tensors: [
        each._replace(array=each.array[:, ::-1]) for each in peer.share(tensors)
    ]

    with pytest.raises(BundleInvalid, match="golden rows"):
        opened()


def test_a_host_that_is_allowed_no_more_is_not_asked(
    there: Peer, schema: Path, settings: Settings
) -> None:
    register(there.url, schema)
    settings.WEIR = dataclasses.replace(settings.WEIR, remote_hosts=("127.0.0.1:1",))
    before = len(there.paths)

    with pytest.raises(BundleInvalid, match="WEIR_REMOTE_HOSTS"):
        opened()

    assert len(there.paths) == before


# -- in the engine ---------------------------------------------------------------------------------


@asynccontextmanager
async def running(model: Opened) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(BatchPolicy(max_rows=64))
    try:
        yield engine
    finally:
        await engine.close()
        model.runtime.close()


def job(model: Opened, *ages: float) -> Job:
    rows = np.array([[age, 1.0, 8.0] for age in ages])
    deadline = asyncio.get_running_loop().time() + 20
    return Job(model, (rows,), deadline, LogMode.OFF, Slip())


def _hot(request: Request) -> Answer | None:
    hot = (request.inputs[0].array[:, 0].astype(float) > 1000).any()
    return (400, {}, b'{"error": "too hot"}') if hot else None


def test_a_row_that_is_refused_costs_no_other(there: Peer, schema: Path) -> None:
    register(there.url, schema)
    model = opened()
    there.refuses = _hot

    async def ask() -> list[Any]:
        async with running(model) as engine:
            answers = [engine.submit(job(model, age)) for age in (20, 30, 2000, 50)]
            return await asyncio.gather(*answers)

    outcomes = asyncio.run(ask())

    assert [list(each.errors) for each in outcomes] == [[], [], [0], []]
    assert isinstance(outcomes[2].errors[0], ModelRejectedRow)
    assert "too hot" in outcomes[2].errors[0].message


def test_whoever_comes_together_goes_there_together(there: Peer, schema: Path) -> None:
    register(there.url, schema)
    model, before = opened(), len(there.asked)

    async def ask() -> list[Any]:
        async with running(model) as engine:
            return await asyncio.gather(*[engine.submit(job(model, age)) for age in range(20, 60)])

    assert len(asyncio.run(ask())) == 40
    assert [len(each.inputs[0].array) for each in there.asked[before:]] == [40]


def test_while_it_is_away_nobody_waits(there: Peer, schema: Path) -> None:
    register(there.url, schema)
    model = opened()
    before = len(there.asked)
    there.refuses = lambda _: (503, {}, b"")

    async def ask() -> list[Any]:
        async with running(model) as engine:
            answers = [engine.submit(job(model, age)) for age in range(20, 24)]
            return await asyncio.gather(*answers, return_exceptions=True)

    errors = asyncio.run(ask())

    assert {(type(each), each.retry_after) for each in errors} == {(ModelUnavailable, 1.0)}
    assert len(there.asked) == before + 1


# -- without a schema ------------------------------------------------------------------------------

SIDES: dict[str, Any] = {
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {"name": "twice", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "request_id", "datatype": "INT64", "shape": [-1]},
    ],
}


def twice(tensors: list[Tensor]) -> list[Tensor]:
    found: Any = tensors[0].array
    words = ["much" if row.sum() > 1 else "little" for row in found]
    return [datatypes.named("twice", found * 2), datatypes.texts("label", words)]


@pytest.fixture
def graph() -> Iterator[Peer]:
    with peer.serving(Peer(predict=twice, **SIDES)) as running:
        yield running


def register_graph(url: str, *more: str) -> str:
    out = io.StringIO()
    names = ("--endpoint", "income", "--name", "large", "--version", "1.0")
    call_command("register", *names, "--remote", url, "--remote-model", "m", *more, stdout=out)
    return out.getvalue()


def test_without_a_schema_it_is_the_graph_that_it_says_it_is(graph: Peer) -> None:
    told = register_graph(graph.url)

    assert (
        "Served by remote: a graph, in batches: x FP32 [-1, 2] -> label BYTES [-1], twice" in told
    )
    row = MLAlgorithm.objects.get()
    assert (row.runtime, row.task) == ("oip", "multiclass")
    assert [spec.name for spec in Graph.from_json(row.schema).outputs] == ["label", "twice"]
    one = opened()
    with closing(one.runtime):
        label, double = one.predict((np.array([[1, 2]], np.float32),))
    assert (label.tolist(), double.tolist()) == ([b"much"], [[2.0, 4.0]])
    assert (one.free_form, one.inline_ok) == (True, False)
    assert "is there already" in register_graph(graph.url)


def test_a_graph_that_has_changed_over_there_is_not_served(graph: Peer) -> None:
    register_graph(graph.url)
    graph.predict = lambda tensors: [
        each._replace(array=each.array[::-1]) for each in twice(tensors)
    ]

    with pytest.raises(BundleInvalid, match="golden rows"):
        opened()


def test_a_graph_whose_server_is_away_is_asked_again_and_not_given_up(graph: Peer) -> None:
    register_graph(graph.url)
    graph.refuses = lambda _: (503, {}, b"")

    with pytest.raises(ModelUnavailable):
        opened()


@pytest.mark.parametrize(
    ("side", "given"),
    [
        ("inputs", None),
        ("inputs", [{"name": "x", "datatype": "FP32", "shape": [1, 2]}]),
        ("inputs", [{"name": "x", "datatype": "BF16", "shape": [-1, 2]}]),
        ("outputs", []),
        ("outputs", "what"),
    ],
)
def test_what_it_says_of_itself_has_to_make_sense(graph: Peer, side: str, given: Any) -> None:
    setattr(graph, side, given)

    with pytest.raises(CommandError, match=r"cannot be taken.*A schema and --remote-input"):
        register_graph(graph.url)

    assert not MLAlgorithm.objects.exists()


def test_rows_of_a_graph_are_tried_there(graph: Peer, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('[{"x": [0, 1]}, {"x": [2, null]}]')

    assert "(2 rows of rows.json)" in register_graph(
        graph.url, "--rows", str(tmp_path / "rows.json")
    )


def test_a_graph_has_no_output_to_choose(graph: Peer) -> None:
    with pytest.raises(CommandError, match="go with --schema"):
        register_graph(graph.url, "--remote-output", "twice")
