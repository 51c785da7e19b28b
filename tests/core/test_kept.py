"""Lists of subjects are stored in pieces, joined phase by phase, and asked one by one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.core import kept
from inference.core.kept import Kept, pieces

hashes = st.integers(-(2**63), 2**63 - 1)


def test_nobody_is_on_an_empty_list() -> None:
    assert (len(Kept()), Kept().place(1), Kept().through) == (0, None, 0)
    assert list(pieces([])) == []


@given(st.lists(st.dictionaries(hashes, st.integers(1, 3), max_size=20), max_size=4))
def test_everybody_is_found_with_the_arm_of_the_phase_that_dealt_it(
    phases: list[dict[int, int]],
) -> None:
    lists: list[dict[int, int]] = []
    for each in phases:
        known = {subject for other in lists for subject in other}
        lists.append({subject: at for subject, at in each.items() if subject not in known})

    at_once = Kept().followed_by(3, [list(pieces(each.items())) for each in lists])
    in_turn = Kept()
    for each in lists:
        in_turn = in_turn.followed_by(3, [list(pieces(each.items()))])

    for found in (at_once, in_turn):
        assert (found.through, len(found)) == (len(lists), sum(map(len, lists)))
        for phase, each in enumerate(lists):
            for subject, position in each.items():
                assert found.place(subject) == phase * 3 + position - 1


@pytest.mark.parametrize("stranger", [-(2**63), -1, 0, 6, 2**63 - 1])
def test_a_stranger_is_not_found(stranger: int) -> None:
    listed = Kept().followed_by(2, [list(pieces([(5, 1), (-7, 2), (2**62, 1)]))])

    assert listed.place(stranger) is None


def test_a_long_list_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PIECE", 10)
    dice = random.Random(1)
    everybody = {dice.getrandbits(64) - 2**63: dice.randint(1, 2) for _ in range(95)}

    stored = list(pieces(everybody.items()))
    found = Kept().followed_by(2, [stored])

    assert [len(piece) for piece in stored] == [90] * 9 + [45]
    assert {subject: found.place(subject) for subject in everybody} == {
        subject: position - 1 for subject, position in everybody.items()
    }
