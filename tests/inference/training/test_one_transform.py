"""A notebook and the server read rows by one transform: of all held-out rows, no number differs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from inference.core import rows
from inference.core.reader import RowReader
from inference.core.tensors import Matrix
from inference.training import adopt, build, lesson
from inference.training.lesson import Lesson

ADULT = pytest.param(
    "income",
    marks=[
        pytest.mark.slow,
        pytest.mark.skipif("ADULT_CSV" not in os.environ, reason="ADULT_CSV names no file"),
    ],
)
ROWS = {"breast_cancer": 171, "diabetes": 133, "income": 9769}


@pytest.fixture(params=["breast_cancer", "diabetes", ADULT])
def course(request: pytest.FixtureRequest) -> Lesson:
    csv = os.environ.get("ADULT_CSV") if request.param == "income" else None
    return lesson.of(request.param, None if csv is None else Path(csv))


def served(body: bytes, course: Lesson) -> Matrix:
    """The matrix that a model is given for a request with this body."""
    found, _ = rows.from_json(body)
    read = found.read(RowReader(course.schema), range(len(found)))
    assert read.errors == {}
    assert read.tensors is not None
    return read.tensors[0].astype(np.float64, copy=False)


def test_no_number_of_any_held_out_row_differs(course: Lesson, tmp_path: Path) -> None:
    records = course.dataset.held_out.records
    in_notebook = course.schema.encode_many(records)
    csv = os.environ.get("ADULT_CSV") if course.demo.target == "income" else None
    parts = build.from_demo(course.demo.endpoint, None if csv is None else Path(csv))
    build.write(tmp_path, parts, ".csv")
    from_file = adopt.records(tmp_path / "held_out.csv", raw=True)
    texts = [{name: row[name] for name in course.schema.names} for row in from_file]

    in_server = served(json.dumps(records).encode(), course)
    of_a_form = served(json.dumps(texts).encode(), course)

    assert len(in_notebook) == ROWS[course.demo.endpoint.removesuffix("_classifier")]
    for matrix in (in_server, of_a_form):
        same = (matrix == in_notebook) | (np.isnan(matrix) & np.isnan(in_notebook))
        assert int(np.count_nonzero(~same)) == 0
