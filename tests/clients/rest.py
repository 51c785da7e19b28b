"""Complete rows for breast_cancer and what our own REST says of them, by the standard library."""

from __future__ import annotations

import json
import random
import urllib.request
from functools import cached_property
from typing import Any

MODEL = "breast_cancer"


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # http, ours
        found: bytes = answer.read()
    return found


def post(url: str, body: bytes) -> bytes:
    """As JSON."""
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(url, body, headers)  # noqa: S310  # http, ours
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310  # http, ours
        found: bytes = answer.read()
    return found


class Rows:
    """The same ones each time."""

    def __init__(self, url: str, count: int) -> None:
        self._url = url
        self._features = json.loads(get(f"{url}/api/v1/endpoints/1/schema"))["features"]
        dice = random.Random(7)
        self.records = [
            {feature["name"]: _drawn(feature, dice) for feature in self._features}
            for _ in range(count)
        ]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def columns(self) -> dict[str, list[Any]]:
        return {name: [row[name] for row in self.records] for name in self.records[0]}

    @property
    def matrix(self) -> list[list[float]]:
        """A category is its index."""
        columns = [_numbers(f, self.columns[f["name"]]) for f in self._features]
        return [list(row) for row in zip(*columns, strict=True)]

    @cached_property
    def answers(self) -> list[dict[str, Any]]:
        said = json.dumps(self.records).encode()
        found: list[dict[str, Any]] = json.loads(post(f"{self._url}/api/v1/{MODEL}/predict", said))
        return found

    @property
    def labels(self) -> list[str]:
        return [each["label"] for each in self.answers]

    @property
    def probabilities(self) -> list[float]:
        """Of the second class."""
        return [each["probability"] for each in self.answers]


def _drawn(feature: dict[str, Any], dice: random.Random) -> Any:
    if feature["kind"] == "category":
        return dice.choice(feature["categories"])
    return round(dice.uniform(feature["minimum"], feature["maximum"]), 3)


def _numbers(feature: dict[str, Any], values: list[Any]) -> list[float]:
    if feature["kind"] != "category":
        return values
    return [float(feature["categories"].index(value)) for value in values]
