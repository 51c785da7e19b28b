"""Subjects that keep the arm of an earlier phase: listed when it ended, found by their hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

PIECE: Final = 100_000  # subjects; a database may refuse a statement as long as a list can be
_LINE: Final = np.dtype([("subject", "<i8"), ("position", "u1")])


@dataclass(frozen=True, eq=False)
class Kept:
    """Who was first seen in the phases up to `through`, in two arrays side by side.

    `subjects` are hashes in rising order, `places` say which of the arms of all these phases each
    has: an index into them, in the order of phase and position.
    """

    through: int = 0
    subjects: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    places: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))

    def __len__(self) -> int:
        return len(self.subjects)

    def place(self, subject: int) -> int | None:
        """The index of this subject's arm; None if it was not there."""
        at = int(self.subjects.searchsorted(subject))
        if at == len(self.subjects) or self.subjects[at] != subject:
            return None
        return int(self.places[at])

    def followed_by(self, arms: int, phases: Sequence[Sequence[bytes]]) -> Kept:
        """With the lists of the next phases, each in pieces; each phase has so many arms.

        Nobody is in two of them.
        """
        lists = [np.frombuffer(b"".join(each), _LINE) for each in phases]
        subjects = np.concatenate([self.subjects, *(lines["subject"] for lines in lists)])
        places = [
            lines["position"].astype(np.int32) + np.int32(phase * arms - 1)
            for phase, lines in enumerate(lists, self.through)
        ]
        order = subjects.argsort(kind="stable")  # quick for lists that are in order already
        return Kept(
            self.through + len(lists),
            subjects[order],
            np.concatenate([self.places, *places])[order],
        )


def pieces(seen: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """A phase's list as it is stored: for each subject its hash and its arm's position, from 1."""
    found = np.fromiter(chain.from_iterable(seen), np.int64).reshape(-1, 2)
    found = found[found[:, 0].argsort()]
    lines = np.empty(len(found), _LINE)
    lines["subject"], lines["position"] = found.T
    for start in range(0, len(lines), PIECE):
        yield lines[start : start + PIECE].tobytes()
