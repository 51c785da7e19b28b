"""Which algorithm, and which arm of a running experiment, a request gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

from inference.core.assignment import (
    NOBODY,
    REMEMBERED,
    bucket,
    bucket_of_subject,
    deal,
    subject_hash,
)
from inference.core.errors import Ambiguous, NotServed
from inference.core.kept import Kept
from inference.core.types import LogMode

PRODUCTION = "production"
AB_TESTING = "ab_testing"
CHAMPION = "champion"  # an alias: whoever is in production, or was when the test began


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A registered algorithm as routing sees it."""

    id: int
    name: str
    version: str
    status: str


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of an experiment; `id` is what exposures are counted under.

    `shadows` are arms that are given each input of this one, and answer to nobody.
    """

    id: int
    algorithm: Algorithm
    weight: int
    shadows: tuple[Arm, ...] = ()


class Unit(NamedTuple):
    """What is assigned as a whole: a subject, who may come back, or a request without one."""

    name: str
    lasting: bool = True


@dataclass(frozen=True)
class Experiment:
    """A running experiment in its present phase. Its salt never changes.

    `earlier` are the arms of the phases before, in order, and `kept` says which of them a subject
    has who was assigned then. `rest` answers units that take no part; without one, the control.
    """

    id: int
    salt: str
    arms: tuple[Arm, ...]
    coverage: float = 1.0
    earlier: tuple[Arm, ...] = ()
    kept: Kept = field(default_factory=Kept, compare=False)
    rest: Algorithm | None = None

    @cached_property
    def weights(self) -> tuple[int, ...]:
        """An arm with shadows answers all, and is the first."""
        arms = self.arms[:1] if self.arms[0].shadows else self.arms
        return tuple(arm.weight for arm in arms)

    @cached_property
    def _dealt(self) -> bytes:
        return deal(self.weights, self.coverage)

    def assign(self, unit: Unit) -> Arm | None:
        """The unit's arm, be it of an earlier phase; None if it takes no part.

        A subject of an earlier phase stays with the arm that it got then, and is counted there, all
        of them, not only those who would get another one now: the units of a phase are then those
        that were dealt by its weights, no others, and its arms can be compared.
        """
        if not unit.lasting:
            return self._at(bucket(self.salt, unit.name))
        if len(self.kept):
            return self._of_subject(unit.name)
        return self._at(bucket_of_subject(self.salt, unit.name))

    @cached_property
    def _of_subject(self) -> Callable[[str], Arm | None]:
        """Once there is a list to look at, who was seen lately is remembered with the arm."""
        # Of values, not of `self`: nothing that is replaced shall wait for the garbage collector.
        salt, kept, earlier = self.salt, self.kept, self.earlier
        by_bucket = [None if arm == NOBODY else self.arms[arm] for arm in self._dealt]

        @lru_cache(maxsize=REMEMBERED)
        def found(subject: str) -> Arm | None:
            place = kept.place(subject_hash(salt, subject))
            if place is not None:
                return earlier[place]
            return by_bucket[bucket_of_subject(salt, subject)]

        return found

    def _at(self, slot: int) -> Arm | None:
        arm = self._dealt[slot]
        return None if arm == NOBODY else self.arms[arm]

    def standing_by(self, version: str | None) -> Algorithm:
        """Who answers a unit that takes no part."""
        if self.rest is not None and version in (None, self.rest.version):
            return self.rest
        return self.arms[0].algorithm


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller asked for. `algorithm` (an id) wins over `alias`, and that over the rest."""

    status: str = PRODUCTION
    version: str | None = None
    algorithm: int | None = None
    alias: str | None = None


@dataclass(frozen=True)
class Endpoint:
    """A name that clients call, with everything that may answer for it.

    `aliases` are names of its algorithms, by their ids.
    """

    id: int
    name: str
    log_mode: LogMode
    algorithms: tuple[Algorithm, ...]
    experiment: Experiment | None = None
    aliases: Mapping[str, int] = field(default_factory=dict)
    _by_status: Mapping[str, tuple[Algorithm, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        statuses = {algorithm.status for algorithm in self.algorithms}
        object.__setattr__(self, "_by_status", {s: self._having(s) for s in statuses})

    def _having(self, status: str) -> tuple[Algorithm, ...]:
        return tuple(a for a in self.algorithms if a.status == status)

    def route(self, wanted: Wanted, unit: Unit) -> tuple[Algorithm, Arm | None]:
        """The algorithm that answers, and the arm if this is an exposure.

        While an experiment runs, its arms stand in for production; a unit that takes no part gets
        what was there before it. Only a request that could have got any of the arms is an exposure;
        one that names a version, an alias or an algorithm is not, unless all arms match. Raises
        NotServed or Ambiguous, worded as the tutorial's clients know them.
        """
        if wanted.algorithm is not None:
            return self._named(wanted.algorithm), None
        if wanted.alias is not None:
            return self._named(self.aliases.get(wanted.alias)), None
        if self.experiment is not None and wanted.status in (PRODUCTION, AB_TESTING):
            found = _in_experiment(self.experiment, wanted.version, unit)
            if found is not None:
                return found
        return _only(_matching(self._by_status.get(wanted.status, ()), wanted.version)), None

    def _named(self, algorithm_id: int | None) -> Algorithm:
        return _only([a for a in self.algorithms if a.id == algorithm_id])


def _in_experiment(
    experiment: Experiment, version: str | None, unit: Unit
) -> tuple[Algorithm, Arm | None] | None:
    arms = experiment.arms
    matching = arms if version is None else [a for a in arms if a.algorithm.version == version]
    if len(matching) == len(arms):
        arm = experiment.assign(unit)
        return (experiment.standing_by(version) if arm is None else arm.algorithm), arm
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
