"""Rows kept with a graph come out of it as they did, or it is not loaded."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from inference import bundles
from inference.bundles import Bundle
from inference.core.errors import BundleInvalid
from inference.core.graphs import Graph
from inference.golden import Golden, Kept
from inference.runtimes.base import Kind
from tests.inference import graphs

KEY = b"a key for tests"
ALL = [graphs.TWO, graphs.WORDS, graphs.FIXED, graphs.BARE, graphs.LOG, graphs.CROWD]


@pytest.mark.parametrize("text", ALL)
def test_a_bundle_of_a_graph_comes_back_as_it_was_and_answers(text: str) -> None:
    bundle = graphs.bundle(text)

    back = bundles.read(bundles.write(bundle, KEY), KEY)

    assert back == bundle
    assert isinstance(back.schema, Graph)
    assert bundles.load(back).kind is Kind.ONNX


def changed(**golden: Any) -> Bundle:
    bundle = graphs.bundle(graphs.TWO)
    kept = msgspec.structs.replace(bundle.card.golden, **golden)
    card = msgspec.structs.replace(bundle.card, golden=kept)
    return msgspec.structs.replace(bundle, card=card)


def kept(array: Any, datatype: str) -> Kept:
    return Kept(datatype, list(array.shape), array.tobytes())


GOLDEN = graphs.bundle(graphs.TWO).card.golden
SCORES, LABELS = GOLDEN.answers
MOVED = np.frombuffer(SCORES.data, np.float32).reshape(SCORES.shape)


@pytest.mark.parametrize(
    "answers",
    [
        [kept(MOVED + np.float32(0.01), "FP32"), LABELS],
        [SCORES, kept(np.full(LABELS.shape, 7), "INT64")],
        [kept(np.full_like(MOVED, np.nan), "FP32"), LABELS],
    ],
)
def test_other_answers_are_another_model(answers: list[Kept]) -> None:
    with pytest.raises(BundleInvalid, match="no longer answers"):
        bundles.load(changed(answers=answers))


def test_another_processor_may_round_otherwise() -> None:
    assert bundles.load(changed(answers=[kept(MOVED + np.float32(1e-6), "FP32"), LABELS]))


@pytest.mark.parametrize(
    "golden",
    [
        {"inputs": []},
        {"answers": [SCORES]},
        {"answers": [LABELS, SCORES]},
        {"answers": [kept(MOVED[:3], "FP32"), LABELS]},
        {"answers": [kept(MOVED[:, :2], "FP32"), LABELS]},
        {"inputs": [], "answers": []},
    ],
)
def test_golden_rows_that_do_not_fit_the_signature_are_refused(golden: dict[str, Any]) -> None:
    with pytest.raises(BundleInvalid, match="golden rows do not fit"):
        bundles.write(changed(**golden), KEY)


def test_a_golden_row_that_is_damaged_is_refused() -> None:
    damaged = msgspec.structs.replace(SCORES, data=SCORES.data[:-1])

    with pytest.raises(BundleInvalid, match="damaged"):
        bundles.load(changed(answers=[damaged, LABELS]))


def test_a_nan_may_be_the_answer() -> None:
    found = graphs.tried(graphs.LOG, [[-1.0], [2.0]])
    bundle = bundles.read(bundles.write(graphs.packed(graphs.LOG, found), KEY), KEY)

    assert bundles.load(bundle).kind is Kind.ONNX


def test_a_table_s_golden_rows_are_written_as_ever() -> None:
    golden = Golden(records=[{"a": 1}], outputs=[[0.5]])

    assert msgspec.json.encode(golden) == b'{"records":[{"a":1}],"outputs":[[0.5]]}'
