"""Which arm of an experiment a unit belongs to: a hash, and no dice.

The hash is GrowthBook's, version 2, so that others can recompute who got what: FNV-1a of 32 bits
over seed and value, once more over the decimal digits of that, and of the result the remainder by
10,000. The units fall into as many buckets, and each arm has a range of them.

A subject is hashed as UTF-8. (GrowthBook's own libraries do not agree beyond ASCII.)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

BUCKETS: Final = 10_000
NOBODY: Final = 255  # stands in a deal for the buckets that no arm has
REMEMBERED: Final = 65_536  # subjects
_UNSEEN: Final = 20 / 10_000_000
_OFFSET: Final = 0x811C9DC5
_PRIME: Final = 0x01000193
_32_BITS: Final = 0xFFFFFFFF

Range = tuple[float, float]  # of [0, 1): from, up to but without


def fnv1a(data: bytes, state: int = _OFFSET) -> int:
    """FNV-1a of 32 bits; `state` is what it gave for the bytes before (Fowler, Noll, Vo 1991)."""
    prime, bits = _PRIME, _32_BITS  # found faster than what is global
    for byte in data:
        state = ((state ^ byte) * prime) & bits
    return state


def bucket(seed: str, unit: str) -> int:
    """0 to 9,999, the same in every process: GrowthBook's hash version 2 times 10,000."""
    first = fnv1a(_bytes(unit), _seeded(seed))
    return fnv1a(b"%d" % first) % BUCKETS


# Python takes 70 ns for a byte, and a subject comes back: a known one takes 0.1 us whatever its
# length. What is a unit only once must not push them out, and calls `bucket`.
bucket_of_subject = lru_cache(maxsize=REMEMBERED)(bucket)


@lru_cache(maxsize=1024)
def _seeded(seed: str) -> int:
    return fnv1a(_bytes(seed))


def _bytes(text: str) -> bytes:
    # JSON may carry half of a surrogate pair as a subject; that is a unit like any other.
    return text.encode("utf-8", "surrogatepass")


def subject_hash(seed: str, subject: str) -> int:
    """64 bits with a sign, as databases have them: what an exposure is found by.

    FNV would not do: of a hundred thousand subjects, two would share 32 bits. Of a hundred million,
    two share these with a chance of 3 in 10,000.
    """
    digest = blake2b(_bytes(f"{seed}\x1f{subject}"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def bucket_ranges(shares: Sequence[float], coverage: float = 1.0) -> tuple[Range, ...]:
    """The range of each arm, as GrowthBook's getBucketRanges; the shares add up to 1.

    An arm's range begins where the shares before it end and grows to the right with the coverage:
    raising it moves nobody, it only takes in units that had no arm.
    """
    ranges: list[Range] = []
    start = 0.0
    for share in shares:
        ranges.append((start, start + coverage * share))
        start += share
    return tuple(ranges)


def choose(n: float, ranges: Sequence[Range]) -> int | None:
    """The index of the first range that holds n, as GrowthBook's chooseVariation; None if none."""
    return next((arm for arm, (low, high) in enumerate(ranges) if low <= n < high), None)


def shares(weights: Sequence[int]) -> tuple[float, ...]:
    """Weights as GrowthBook has them: adding up to 1."""
    total = sum(weights)
    return tuple(weight / total for weight in weights)


@lru_cache(maxsize=256)
def deal(weights: tuple[int, ...], coverage: float = 1.0) -> bytes:
    """For each bucket the index of its arm, or NOBODY; what `choose` says, looked up beforehand."""
    dealt = bytearray([NOBODY]) * BUCKETS
    for arm, (low, high) in enumerate(bucket_ranges(shares(weights), coverage)):
        first, end = _first_bucket(low), _first_bucket(high)
        dealt[first:end] = bytes([arm]) * (end - first)
    return bytes(dealt)


def propensities(weights: tuple[int, ...], coverage: float = 1.0) -> tuple[float, ...]:
    """Each arm's chance to get a unit that takes part: its share of the buckets that have an arm.

    Exact, where the weights are true to 1 in 10,000 only; a share below that may get nobody.
    """
    dealt = deal(weights, coverage)
    taking_part = BUCKETS - dealt.count(NOBODY)
    return tuple(dealt.count(arm) / max(1, taking_part) for arm in range(len(weights)))


def alike(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether units of both may be counted together: ten million could not tell them apart.

    (A test at 0.001 takes 20 p (1 - p) / d^2 units and more to see that a chance p is off by d.)
    """
    pairs = zip(before, after, strict=True)
    return all((new - old) ** 2 <= _UNSEEN * old * (1.0 - old) for old, new in pairs)


def _first_bucket(n: float) -> int:
    """The first bucket that is n or more as a share of all."""
    return bisect_left(range(BUCKETS), n, key=lambda at: at / BUCKETS)
