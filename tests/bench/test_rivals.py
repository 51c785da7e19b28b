from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench import environments, jobs, rivals, wire
from bench.dialect import DIALECTS
from bench.frames import Reader
from bench.jobs import Job
from bench.match import reason
from bench.peers.kernels import ONNX, SKLEARN
from bench.problem import BenchFailed
from bench.wire import Wire
from bench.workload import Workload

WORK = Workload(("a", "b"), ("no", "yes"), [[1.5, "x"], [2.5, "y"]], [0.25, 0.75])
JOB = Job("tiny", Path(), WORK, [[1.5, 0.0], [2.5, 1.0]])
PINS = sorted(environments.REQUIREMENTS.glob("*.txt"))


def test_each_peer_comes_as_it_is_and_with_the_compiled_model() -> None:
    by_name = {each.name: each for each in rivals.everybody()}

    assert len(by_name) == len(rivals.everybody())
    for each in by_name.values():
        if each.kernel == SKLEARN and each.family != rivals.TUTORIAL:
            assert each.name.replace(SKLEARN, ONNX) in by_name


def test_peers_are_chosen_by_name() -> None:
    assert {each.family for each in rivals.chosen("rayserve, MLServer")} == {
        "Ray Serve",
        "MLServer",
    }
    assert rivals.chosen("") == rivals.chosen(",") or len(rivals.chosen("")) == len(
        rivals.everybody()
    )

    with pytest.raises(ValueError, match="No peer is called triton"):
        rivals.chosen("triton,mlserver")


def test_each_environment_has_pins_and_the_version_of_its_peer() -> None:
    for each in rivals.everybody():
        if each.environment:
            assert environments.version(each.environment, each.package) != "?"


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.stem)
def test_pins_are_names_and_versions_and_no_addresses(path: Path) -> None:
    pin = re.compile(r"[a-z0-9._-]+(\[[a-z0-9,]+\])?==[0-9][0-9a-z.+]*( ; .*)?", re.IGNORECASE)

    lines = path.read_text(encoding="utf-8").splitlines()

    assert lines
    assert [line for line in lines if not pin.fullmatch(line)] == []


def test_the_model_is_read_by_the_same_libraries_everywhere() -> None:
    for package in ("scikit-learn", "numpy", "joblib", "onnxruntime"):
        assert len({environments.version(path.stem, package) for path in PINS}) == 1


WIRES = {
    "records": (wire.RECORDS, {"probability": 0.25, "label": "no"}, [{"probability": 0.25}] * 2),
    "v2": (
        wire.V2,
        {"outputs": [{"data": [0.75, 0.25]}]},
        {"outputs": [{"data": [0.75, 0.25] * 2}]},
    ),
    "matrix": (wire.MATRIX, [[0.75, 0.25]], [[0.75, 0.25]] * 2),
    "row": (wire.ROW, {"probability": 0.25}, {"probabilities": [0.25, 0.25]}),
    "inputs": (
        wire.INPUTS,
        {"predictions": [[0.75, 0.25]]},
        {"predictions": {"probabilities": [[0.75, 0.25]] * 2}},
    ),
}


@pytest.mark.parametrize("name", WIRES)
def test_an_answer_is_read_and_compared(name: str) -> None:
    spoken, one, many = WIRES[name]
    singles, batches = spoken.singles(JOB), spoken.batches(JOB)
    assert batches is not None

    singles.check(0, json.dumps(one).encode(), 1e-5)
    assert spoken.read(many) == [0.25, 0.25]

    with pytest.raises(BenchFailed, match="wrongly to body 1"):
        singles.check(1, json.dumps(one).encode(), 1e-5)
    with pytest.raises(BenchFailed, match="wrongly"):
        batches.check(0, json.dumps(many).encode(), 1e-5)


@pytest.mark.parametrize("text", [b"", b"{}", b"null", b'{"error": "busy"}', b"[[1]]"])
@pytest.mark.parametrize("name", WIRES)
def test_what_is_no_answer_is_not_taken_for_one(name: str, text: bytes) -> None:
    with pytest.raises(BenchFailed):
        WIRES[name][0].singles(JOB).check(0, text, 1e-5)


def test_ours_is_asked_by_name_with_its_key() -> None:
    ours = wire.RECORDS.at("/api/v1/tiny_off/predict", {"Authorization": "Api-Key a.b"})

    ask = ours.singles(JOB)

    assert json.loads(ask.bodies[1]) == {"a": 2.5, "b": "y"}
    assert (ask.path, ask.headers["Authorization"]) == ("/api/v1/tiny_off/predict", "Api-Key a.b")
    batches = ours.batches(JOB)
    assert batches is not None
    assert batches.path == ask.path


def test_a_wire_for_one_row_has_no_batches() -> None:
    one: Wire = wire.ONE_RECORD

    assert one.batches(JOB) is None


def test_a_job_without_its_data_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ADULT_CSV", raising=False)

    with pytest.raises(BenchFailed, match="ADULT_CSV"):
        jobs.prepare(jobs.BOOSTING, tmp_path)


def test_a_category_is_its_place_in_the_list_and_an_unknown_one_is_missing() -> None:
    data = jobs.Data(("n", "c"), {"c": ["x", "y"]}, "t", [], [])

    coded = data.coded([[1, "y"], [2, "?"]])

    assert coded[0].tolist() == [1.0, 1.0]
    assert coded[1, 1] != coded[1, 1]


def test_the_reason_of_a_failure_fits_into_a_table() -> None:
    assert (
        reason(BenchFailed("It did not start:\nTraceback\nValueError: no\n\n")) == "ValueError: no"
    )
    assert reason(ValueError()) == "ValueError"
    assert len(reason(BenchFailed("x" * 1000))) == 160


def test_blocks_are_packed_by_rows_and_answers_unpacked() -> None:
    blocks = DIALECTS["blocks"]
    sent = blocks.frame(3, [[1.0, 2.0], [3.0, 4.0]], many=True)
    assert b"weir" not in sent
    packed = {
        "outputs": [
            {"name": "label", "datatype": "INT32", "shape": [1], "data": b"\0\0\0\0"},
            {
                "name": "probabilities",
                "datatype": "FP64",
                "shape": [1, 2],
                "data": b"\0" * 8 + b"\0\0\0\0\0\0\xf0\x3f",
            },
        ]
    }

    answer = blocks.encode({"type": "result", "id": 3, "block": packed})

    assert blocks.slot(answer) == 3
    assert blocks.probabilities(answer) == [1.0]
    assert Reader().feed(b"") == []
    with pytest.raises(BenchFailed, match="row_invalid"):
        blocks.probabilities(
            blocks.encode(
                {"type": "result", "id": 3, "block": {**packed, "errors": {"0": "row_invalid"}}}
            )
        )
