"""Which algorithm, and which arm of a running experiment, a request gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from inference.core.assignment import bucket, bucket_of_subject, deal
from inference.core.errors import Ambiguous, NotServed
from inference.core.types import LogMode

PRODUCTION = "production"
AB_TESTING = "ab_testing"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A registered algorithm as routing sees it."""

    id: int
    name: str
    version: str
    status: str


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of an experiment; `id` is what exposures are counted under."""

    id: int
    algorithm: Algorithm
    weight: int


class Unit(NamedTuple):
    """What is assigned as a whole: a subject, who may come back, or a request without one."""

    name: str
    lasting: bool = True


@dataclass(frozen=True)
class Experiment:
    """A running experiment: its salt and arms never change while it runs."""

    id: int
    salt: str
    arms: tuple[Arm, ...]

    @cached_property
    def weights(self) -> tuple[int, ...]:
        return tuple(arm.weight for arm in self.arms)

    @cached_property
    def _dealt(self) -> bytes:
        return deal(self.weights)

    def assign(self, unit: Unit) -> Arm:
        at = (bucket_of_subject if unit.lasting else bucket)(self.salt, unit.name)
        return self.arms[self._dealt[at]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller asked for. `algorithm` (an id) wins over status and version."""

    status: str = PRODUCTION
    version: str | None = None
    algorithm: int | None = None


@dataclass(frozen=True)
class Endpoint:
    """A name that clients call, with everything that may answer for it."""

    id: int
    name: str
    log_mode: LogMode
    algorithms: tuple[Algorithm, ...]
    experiment: Experiment | None = None
    _by_status: Mapping[str, tuple[Algorithm, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        statuses = {algorithm.status for algorithm in self.algorithms}
        object.__setattr__(self, "_by_status", {s: self._having(s) for s in statuses})

    def _having(self, status: str) -> tuple[Algorithm, ...]:
        return tuple(a for a in self.algorithms if a.status == status)

    def route(self, wanted: Wanted, unit: Unit) -> tuple[Algorithm, Arm | None]:
        """The algorithm that answers, and the arm if this is an exposure.

        While an experiment runs, its arms stand in for production. Only a request that could have
        got any of the arms is an exposure; one that names a version or an algorithm is not, unless
        all arms match. Raises NotServed or Ambiguous, worded as the tutorial's clients know them.
        """
        if wanted.algorithm is not None:
            return _only([a for a in self.algorithms if a.id == wanted.algorithm]), None
        if self.experiment is not None and wanted.status in (PRODUCTION, AB_TESTING):
            found = _in_experiment(self.experiment, wanted.version, unit)
            if found is not None:
                return found
        return _only(_matching(self._by_status.get(wanted.status, ()), wanted.version)), None


def _in_experiment(
    experiment: Experiment, version: str | None, unit: Unit
) -> tuple[Algorithm, Arm | None] | None:
    arms = experiment.arms
    matching = arms if version is None else [a for a in arms if a.algorithm.version == version]
    if len(matching) == len(arms):
        arm = experiment.assign(unit)
        return arm.algorithm, arm
    if not matching:
        return None
    return _only([arm.algorithm for arm in matching]), None


def _matching(algorithms: Sequence[Algorithm], version: str | None) -> Sequence[Algorithm]:
    return algorithms if version is None else [a for a in algorithms if a.version == version]


def _only(algorithms: Sequence[Algorithm]) -> Algorithm:
    if not algorithms:
        raise NotServed
    if len(algorithms) > 1:
        raise Ambiguous
    return algorithms[0]
