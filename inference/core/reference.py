"""What rows and answers looked like when a model was made: what later ones are compared with.

Features are binned on the rows that the model was trained on, its answers on rows that it was not
trained on, wherever there are such: a forest is surer of rows it knows than of any it will meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np

from inference.core import bins
from inference.core.bins import Binning, Cells, Counter
from inference.core.schema import Feature, Schema, Target
from inference.core.tensors import Matrix

FORMAT: Final = 1
LABEL: Final = "label"
SCORE: Final = "score"
VALUE: Final = "value"
_HALF: Final = 0.5
# Of references that somebody else wrote; ours stay far below.
_MOST_BINS: Final = 100
_MOST_ROWS: Final = 2**53
_SLACK: Final = 1e-3  # of a probability: single precision adds up to nearly 1
_VALUES: Final = 1  # columns of a model of values; one of classes puts out two at least
_PAIR: Final = 2  # classes of which the second one's probability says all


@dataclass(frozen=True, slots=True)
class Reference:
    """Binnings with their counts: of the features in the schema's order, and of what is answered.

    `counts` has the cells of each of them. `confidence` is the mean of the largest probability, of
    a model of classes, or None.
    """

    features: tuple[Binning, ...]
    answers: tuple[Binning, ...]
    counts: tuple[tuple[int, ...], ...]
    confidence: float | None = None

    @property
    def binnings(self) -> tuple[Binning, ...]:
        """All, in the order of a counted matrix's columns."""
        return self.features + self.answers

    @classmethod
    def of(cls, schema: Schema, rows: Matrix, tried: Matrix, outputs: Matrix) -> Self:
        """From the matrix of training rows, and of others with what the model said to them."""
        answered = said(outputs)
        features = tuple(map(_feature, schema.features, rows.T))
        answers = tuple(_answers(schema.target, answered))
        counts = [*_counted(features, rows), *_counted(answers, answered)]
        sure = confidence(outputs)
        return cls(features, answers, tuple(counts), None if sure is None else sure / len(tried))

    def to_json(self) -> dict[str, object]:
        """For a bundle; `from_json` reads it."""
        found: dict[str, object] = {"format": FORMAT, "confidence": self.confidence}
        counts = iter(self.counts)
        for part, its in (("features", self.features), ("answers", self.answers)):
            found[part] = [_binning_json(each, next(counts)) for each in its]
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self | None:
        """None if there is none; raises ValueError for what is no reference."""
        if not data:
            return None
        try:
            if data["format"] != FORMAT:
                raise ValueError(f"This reference has format {data['format']!r}, not {FORMAT}.")
            features = [_binning(each) for each in data["features"]]
            answers = [_binning(each) for each in data["answers"]]
            counts = [_counts(each) for part in ("features", "answers") for each in data[part]]
            sure = None if data["confidence"] is None else float(data["confidence"])
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"This is no reference: {error!r}") from error
        made = cls(tuple(features), tuple(answers), tuple(counts), sure)
        return made._checked()

    def _checked(self) -> Self:
        if self.confidence is not None and not 0.0 <= self.confidence <= 1.0 + _SLACK:
            raise ValueError(f"A model is not sure to {self.confidence:.3g}.")
        for binning, counts in zip(self.binnings, self.counts, strict=True):
            if binning.bins > _MOST_BINS:
                raise ValueError(f"{binning.name} has more than {_MOST_BINS} bins.")
            if len(counts) != binning.cells or not 0 <= min(counts) <= max(counts) <= _MOST_ROWS:
                raise ValueError(f"The counts of {binning.name} are not those of its bins.")
        return self


def said(outputs: Matrix) -> Matrix:
    """Answers as columns to be counted, for each row: score and label, or the value.

    The label is the index of the class. The score is the probability of the second class where
    there are two, else the largest one.
    """
    if outputs.shape[1] == _VALUES:
        return outputs
    found = np.empty((len(outputs), 2))
    if outputs.shape[1] == _PAIR:
        found[:, 0] = outputs[:, 1]
        found[:, 1] = outputs[:, 1] > _HALF
    else:
        found[:, 0] = outputs.max(axis=1)
        found[:, 1] = outputs.argmax(axis=1)
    return found


def confidence(outputs: Matrix) -> float | None:
    """The sum over the rows of the largest probability; None for values, or without a row."""
    if outputs.shape[1] == _VALUES or not len(outputs):
        return None
    if outputs.shape[1] == _PAIR:  # in a quarter of the time
        return float(np.maximum(outputs[:, 0], outputs[:, 1]).sum())
    return float(outputs.max(axis=1).sum())


def _feature(feature: Feature, values: bins.Column) -> Binning:
    if feature.kind == "category":
        return bins.of_categories(feature.name, feature.categories, values)
    return bins.of_numbers(feature.name, values)


def _answers(target: Target, answered: Matrix) -> Iterator[Binning]:
    if target.task == "regression":
        yield bins.of_numbers(VALUE, answered[:, 0])
        return
    yield bins.of_numbers(SCORE, answered[:, 0])
    yield bins.of_categories(LABEL, target.classes, answered[:, 1])


def _counted(binnings: Sequence[Binning], matrix: Matrix) -> Iterator[tuple[int, ...]]:
    counter = Counter(binnings)
    for cells in counter.split(counter.count(matrix)):
        yield _whole(cells)


def _whole(cells: Cells) -> tuple[int, ...]:
    return tuple(cells.tolist())


def _binning_json(binning: Binning, counts: Sequence[int]) -> dict[str, object]:
    found: dict[str, object] = {"name": binning.name, "kind": binning.kind, "counts": [*counts]}
    if binning.kind == "category":
        return found | {"codes": [*binning.codes], "labels": [*binning.labels]}
    limits = [binning.low, binning.high] if np.isfinite(binning.low) else None
    return found | {"edges": [*binning.edges], "limits": limits}


def _binning(data: Mapping[str, Any]) -> Binning:
    name, kind = str(data["name"]), data["kind"]
    if kind == "category":
        codes = tuple(int(code) for code in data["codes"])
        labels = tuple(str(label) for label in data["labels"])
        if codes and not 0 <= min(codes) <= max(codes) < len(labels):
            raise ValueError(f"The codes of {name} are not those of its bins.")
        return Binning(name, "category", codes=codes, labels=labels)
    if kind != "number":
        raise ValueError(f"{name}: unknown kind {kind!r}.")
    edges = tuple(float(edge) for edge in data["edges"])
    if any(low >= high for low, high in pairwise(edges)):
        raise ValueError(f"The edges of {name} do not rise.")
    low, high = (float(each) for each in data["limits"] or (-np.inf, np.inf))
    return Binning(name, "number", edges, low, high)


def _counts(data: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(count) for count in data["counts"])
