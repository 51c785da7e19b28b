"""A ticket answers and logs each row of its part once, from the same values."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from inference.core import datatypes
from inference.core.answers import TableRenderer
from inference.core.errors import ModelRejectedRow
from inference.core.reader import RowReader
from inference.core.routing import Algorithm, Arm
from inference.core.rows import JsonRows, Rows, TensorRows
from inference.core.schema import Feature, Schema, Target
from inference.core.tickets import Context, Part, Served
from inference.core.types import LogMode, Outcome

AT = datetime(2026, 1, 2, tzinfo=UTC)
FOREST = Algorithm(3, "forest", "1", "production")
SCHEMA = Schema((Feature("a", "number"),), Target("y", "binary", ("n", "y")))
SERVED = Served(FOREST, RowReader(SCHEMA), TableRenderer(SCHEMA.target, FOREST), model=None)


def part(*texts: bytes, mode: LogMode = LogMode.STRICT, arm: Arm | None = None) -> Part:
    positions, ids = range(len(texts)), range(100, 100 + len(texts))
    return Part(SERVED, arm, positions, ids, Context(JsonRows(texts), "ann", mode, AT))


def scores(*yes: float) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    return (np.array([[1 - p, p] for p in yes]),)


def test_every_row_is_answered_and_logged() -> None:
    ticket = part(b'{"a": 1}', b'{"a": 2}', arm=Arm(9, FOREST, 1))
    ticket.settle(Outcome(scores(0.25, 0.75), queue_seconds=0.001, compute_seconds=0.0005))
    assert [json.loads(answer.text)["label"] for answer in ticket.answers] == ["n", "y"]
    assert [answer.request_id for answer in ticket.answers] == [100, 101]
    first = ticket.log[0]
    assert first == (
        100,
        3,
        9,
        '{"a": 1}',
        '{"probability":0.25,"label":"n","status":"OK"}',
        "n",
        "",
        "ann",
        AT,
        1500,
    )


def test_rows_that_the_schema_or_the_model_refused_stand_among_the_good_ones() -> None:
    ticket = part(b'{"a": 1}', b'{"a": "no"}', b'{"a": 3}', b'{"a": 4}')
    outcome = Outcome(scores(0.25, np.nan, 0.75), {1: ModelRejectedRow("not this one")})
    ticket.settle(outcome)
    assert [row.response for row in ticket.log] == ["n", "error", "error", "y"]
    assert [row.error_code for row in ticket.log] == ["", "row_invalid", "model_rejected_row", ""]
    assert [answer.error is None for answer in ticket.answers] == [True, False, False, True]
    assert json.loads(ticket.answers[2].text)["message"] == "not this one"
    assert json.loads(ticket.answers[1].text)["field"] == "a"


@pytest.mark.parametrize("outcome", [Outcome(None), Outcome(None, {})])
def test_a_request_of_nothing_but_bad_rows_needs_no_model(outcome: Outcome) -> None:
    ticket = part(b'{"a": "no"}')
    assert ticket.tensors is None
    assert ticket.refused is not None
    ticket.settle(outcome)
    assert ticket.log[0].response == "error"


def test_what_another_process_settled_is_answered_here_and_logged_there() -> None:
    ticket = part(b'{"a": 1}', b'{"a": 2}')
    error = ModelRejectedRow("not this one")
    ticket.told(["one", "two"], {1: error})
    assert ticket.answers == [(100, "one", None), (101, "two", error)]
    assert not ticket.log


def test_without_a_log_nothing_is_prepared_for_it() -> None:
    ticket = part(b'{"a": 1}', mode=LogMode.OFF)
    ticket.settle(Outcome(scores(0.5)))
    assert ticket.answers
    assert not ticket.log
    assert ticket.refused is None


def table(*values: float, mode: LogMode = LogMode.STRICT) -> Part:
    rows: Rows = TensorRows([datatypes.named("a", np.array(values))])
    context = Context(rows, "ann", mode, AT, table=True)
    return Part(SERVED, None, range(len(values)), range(100, 100 + len(values)), context)


def test_who_reads_arrays_gets_arrays_and_no_texts() -> None:
    ticket = table(1.0, 2.0)
    ticket.settle(Outcome(scores(0.25, 0.75)))
    label, probabilities = ticket.table.tensors
    assert (label.name, label.array.tolist()) == ("label", [0, 1])
    assert probabilities.array.tolist() == [[0.75, 0.25], [0.25, 0.75]]
    assert list(ticket.table.ids) == [100, 101]
    assert not ticket.texts
    assert [row.input_data for row in ticket.log] == ['{"a":1.0}', '{"a":2.0}']
    assert [row.response for row in ticket.log] == ["n", "y"]


def test_a_row_of_a_table_that_failed_holds_nothing_and_has_no_class() -> None:
    ticket = table(1.0, float("inf"), 3.0)
    ticket.settle(Outcome(scores(0.75, np.nan), {1: ModelRejectedRow("not this one")}))
    label, probabilities = ticket.table.tensors
    assert label.array.tolist() == [1, -1, -1]
    assert np.isnan(probabilities.array).all(axis=1).tolist() == [False, True, True]
    assert {row: error.code for row, error in ticket.table.errors.items()} == {
        1: "row_invalid",
        2: "model_rejected_row",
    }
    assert [row.error_code for row in ticket.log] == ["", "row_invalid", "model_rejected_row"]


def test_a_table_that_is_not_logged_is_not_rendered() -> None:
    ticket = table(1.0, mode=LogMode.OFF)
    ticket.settle(Outcome(scores(0.75)))
    assert (list(ticket.texts), list(ticket.log)) == ([], [])
    assert len(ticket.table.tensors) == 2


def test_a_table_without_an_answer_has_no_tensors() -> None:
    ticket = table(float("inf"))
    ticket.settle(Outcome(None))
    assert not ticket.table.tensors
    assert list(ticket.table.errors) == [0]
    assert ticket.log[0].response == "error"
