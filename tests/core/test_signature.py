"""A schema says which tensors a model takes and gives."""

from __future__ import annotations

import pytest

from inference.core import signature
from inference.core.schema import Feature, Schema, Target
from inference.core.signature import ANY

NUMBERS = (Feature("a", "number"), Feature("b", "integer"))
MIXED = (*NUMBERS, Feature("c", "category", ("x", "y")))
BINARY = Target("y", "binary", ("no", "yes"))


def test_numbers_are_one_matrix() -> None:
    assert signature.of(Schema(NUMBERS, BINARY)).inputs == (("input", "FP64", (ANY, 2)),)


def test_with_a_category_each_feature_is_a_tensor() -> None:
    assert signature.of(Schema(MIXED, BINARY)).inputs == (
        ("a", "FP64", (ANY,)),
        ("b", "FP64", (ANY,)),
        ("c", "BYTES", (ANY,)),
    )


@pytest.mark.parametrize(
    ("target", "outputs"),
    [
        (BINARY, [("label", "BYTES", (ANY,)), ("probabilities", "FP64", (ANY, 2))]),
        (
            Target("y", "multiclass", ("0", "1", "2")),
            [("label", "BYTES", (ANY,)), ("probabilities", "FP64", (ANY, 3))],
        ),
        (Target("y", "regression"), [("value", "FP64", (ANY,))]),
    ],
)
def test_what_comes_out_and_the_id_that_feedback_needs(
    target: Target, outputs: list[object]
) -> None:
    found = signature.of(Schema(NUMBERS, target)).outputs
    assert list(found) == [*outputs, ("request_id", "INT64", (ANY,))]
