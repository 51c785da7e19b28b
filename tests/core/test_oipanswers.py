"""An answer holds what was asked for, in the order and the form in which it was."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from inference.core import datatypes, oipanswers
from inference.core.answers import TableRenderer
from inference.core.errors import ModelRejectedRow, RequestInvalid, RowInvalid
from inference.core.oip import Request, Want
from inference.core.oipanswers import Written
from inference.core.reader import RowReader
from inference.core.routing import Algorithm
from inference.core.schema import Feature, Schema, Target
from inference.core.tickets import Served, Table

FOREST = Algorithm(3, "forest", "1.0 \N{SNOWMAN}", "production")
BINARY = Target("y", "binary", ('n"o', "yés"))
REGRESSION = Target("y", "regression")
SCORES = (np.array([[0.25, 0.75], [0.9, 0.1]]),)


def table(target: Target = BINARY, outputs: Any = SCORES, **other: Any) -> Table:
    schema = Schema((Feature("a", "number"),), target)
    served = Served(FOREST, RowReader(schema), TableRenderer(target, FOREST), model=None)
    return Table(served, [7, 8], outputs, other.get("errors", {}))


def asked(*wants: Want, **other: Any) -> Request:
    return Request((), wants, **other)


def parsed(found: Written) -> tuple[dict[str, Any], bytes]:
    length = len(found.body) if found.head_length is None else found.head_length
    return json.loads(found.body[:length]), found.body[length:]


def test_everything_as_json() -> None:
    head, tail = parsed(oipanswers.written("e", asked(id="r 1"), table()))
    assert tail == b""
    assert head == {
        "model_name": "e",
        "model_version": "1.0 \N{SNOWMAN}",
        "id": "r 1",
        "parameters": {"algorithm": 3},
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["yés", 'n"o']},
            {
                "name": "probabilities",
                "datatype": "FP64",
                "shape": [2, 2],
                "data": [0.25, 0.75, 0.9, 0.1],
            },
            {"name": "request_id", "datatype": "INT64", "shape": [2], "data": [7, 8]},
        ],
    }


def test_everything_as_bytes() -> None:
    head, tail = parsed(oipanswers.written("e", asked(binary=True), table()))
    assert "id" not in head
    found = {}
    for output in head["outputs"]:
        assert "data" not in output
        size = output["parameters"]["binary_data_size"]
        data, tail = tail[:size], tail[size:]
        name, datatype, shape = output["name"], output["datatype"], output["shape"]
        found[name] = datatypes.decoded(name, datatype, shape, data).array.tolist()
    assert tail == b""
    assert found == {
        "label": ["yés".encode(), b'n"o'],
        "probabilities": SCORES[0].tolist(),
        "request_id": [7, 8],
    }


def test_what_an_output_says_wins_over_what_the_request_says() -> None:
    wants = Want("request_id"), Want("probabilities", binary=True), Want("label", binary=False)
    head, tail = parsed(oipanswers.written("e", asked(*wants), table()))
    assert [each["name"] for each in head["outputs"]] == ["request_id", "probabilities", "label"]
    assert ["data" in each for each in head["outputs"]] == [True, False, True]
    assert tail == SCORES[0].tobytes()
    head, tail = parsed(oipanswers.written("e", asked(*wants, binary=True), table()))
    assert ["data" in each for each in head["outputs"]] == [False, False, True]


def test_a_regression_has_values() -> None:
    values = np.array([[1.5], [2.5]])
    head, _ = parsed(oipanswers.written("e", asked(), table(REGRESSION, (values,))))
    assert [each["name"] for each in head["outputs"]] == ["value", "request_id"]
    assert head["outputs"][0]["shape"] == [2]
    assert head["outputs"][0]["data"] == [1.5, 2.5]


def test_an_unknown_output_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="no output 'value'"):
        oipanswers.written("e", asked(Want("value")), table())


def test_one_row_that_failed_is_the_failure_of_the_whole() -> None:
    errors = {1: RowInvalid("late"), 0: ModelRejectedRow("not this one")}
    with pytest.raises(ModelRejectedRow) as failed:
        oipanswers.written("e", asked(), table(errors=errors))
    assert failed.value.row == 0
