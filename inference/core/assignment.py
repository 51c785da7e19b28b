"""Which arm of an experiment a unit belongs to: a salted hash, no storage and no dice."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b


def choose_arm(salt: str, weights: Sequence[int], unit: str) -> int:
    """The index of the unit's arm: the same in every process, for as long as the salt is.

    Weights are whole numbers from 1; a test is not started with others. They leave no rounding at
    the edges, and 64 bits of hash make the bias of the remainder smaller than 1e-13 for any that a
    person would type. The salt keeps experiments independent of each other.
    """
    # JSON may carry half of a surrogate pair as a subject; that is a unit like any other.
    name = f"{salt}\x1f{unit}".encode("utf-8", "surrogatepass")
    slot = int.from_bytes(blake2b(name, digest_size=8).digest(), "big") % sum(weights)
    for index, weight in enumerate(weights):
        if slot < weight:
            return index
        slot -= weight
    raise AssertionError("unreachable: slot is below the sum of the weights")
