"""k bad rows are k errors; everybody else is answered, and soon."""

from __future__ import annotations

import random

import numpy as np
import pytest

from inference.core.errors import ModelCrashed, WeirError
from inference.core.tensors import Tensors
from inference.engine.local import LocalEngine
from tests.engine.crowd import POISON, Does, Hands, Sevenfold, Slip, Torn, job, turns, values


async def test_a_poisonous_row_fails_alone(engine: LocalEngine, hands: Hands) -> None:
    model = Sevenfold()
    answers = [engine.submit(job(model, *row)) for row in ([1], [2, POISON, 3], [4, 5])]
    await hands.go(times=7)

    one, two, three = [await answer for answer in answers]

    assert (values(one), values(three)) == ([7], [28, 35])
    assert (one.errors, three.errors) == ({}, {})
    assert [values(two)[0], values(two)[2]] == [14, 21]
    assert np.isnan(values(two)[1])
    assert [(row, error.code, error.row, error.message) for row, error in two.errors.items()] == [
        (1, "model_rejected_row", 1, "a poisonous row")
    ]
    assert len(model.batches) == 7
    assert hands.waiting() == 0


async def test_healthy_neighbours_are_answered_before_the_last_culprit_is_found(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    healthy = engine.submit(job(model, 1, 2, 3, 4))
    poisoned = engine.submit(job(model, 5, 6, 7, POISON))

    await hands.go(times=2)

    assert values(healthy.result()) == [7, 14, 21, 28]
    assert not poisoned.done()


async def test_rows_nobody_waits_for_are_not_searched(engine: LocalEngine, hands: Hands) -> None:
    model, ticket = Sevenfold(), Slip()
    leaves = engine.submit(job(model, POISON, POISON, POISON, POISON, ticket=ticket))
    stays = engine.submit(job(model, 1, 2, 3, 4))
    await turns()
    leaves.cancel()

    await hands.go(times=2)

    assert len(values(stays.result())) == 4
    assert hands.waiting() == 0
    assert ticket.outcomes == []
    assert await engine.drain(0.0)


async def test_a_crash_is_looked_for_in_halves_and_no_further(live: LocalEngine) -> None:
    """Each further step would cost another process."""
    deadly = 50.0

    def crashes(tensors: Tensors) -> Tensors:
        if (tensors[0] == deadly).any():
            raise ModelCrashed
        return tensors

    model = Does(crashes)

    outcome = await live.submit(job(model, 0, 1, 2, 3, 4, deadly, 8, 9))

    assert {row: error.code for row, error in outcome.errors.items()} == dict.fromkeys(
        range(4, 8), "model_crashed"
    )
    assert values(outcome)[:4] == [0, 1, 2, 3]
    assert len(model.batches) == 3


async def test_a_single_row_that_crashes_is_not_asked_again(live: LocalEngine) -> None:
    def crashes(tensors: Tensors) -> Tensors:
        raise ModelCrashed

    model = Does(crashes)

    outcome = await live.submit(job(model, 1))

    assert (outcome.errors[0].code, len(model.batches)) == ("model_crashed", 1)


@pytest.mark.parametrize("seed", range(4))
async def test_k_culprits_among_n_rows_cost_few_calls(live: LocalEngine, seed: int) -> None:
    dice, model = random.Random(seed), Sevenfold()
    bad = set(dice.sample(range(64), 3))
    rows = [POISON if n in bad else n for n in range(64)]

    outcome = await live.submit(job(model, *rows))

    assert set(outcome.errors) == bad
    assert [v for n, v in enumerate(values(outcome)) if n not in bad] == [
        7.0 * n for n in range(64) if n not in bad
    ]
    assert len(model.batches) <= 1 + 2 * 3 * 6


async def test_a_ticket_that_cannot_be_settled_fails_alone(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Sevenfold()
    answers = [engine.submit(job(model, 1, ticket=Torn())), engine.submit(job(model, 2))]

    await hands.go()

    with pytest.raises(WeirError, match="could not be made"):
        answers[0].result()
    assert values(answers[1].result()) == [14]


async def test_a_row_for_which_the_model_has_no_number_fails_alone_and_at_once(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Does(lambda tensors: (np.where(tensors[0] == 3, np.inf, tensors[0]),))
    answers = [engine.submit(job(model, *row)) for row in ([1, 2], [3, 4], [3])]

    await hands.go()

    one, two, three = [answer.result() for answer in answers]
    assert (values(one), one.errors) == ([1, 2], {})
    assert values(two)[1] == 4
    assert [(row, error.code) for row, error in two.errors.items()] == [(0, "model_output_invalid")]
    assert (three.outputs, list(three.errors)) == (None, [0])
    assert len(model.batches) == 1


async def test_a_model_that_loses_a_row_gives_nobody_the_rows_of_his_neighbour(
    engine: LocalEngine, hands: Hands
) -> None:
    model = Does(lambda tensors: (tensors[0][tensors[0][:, 0] != 3],))
    answers = [engine.submit(job(model, n)) for n in (1, 2, 3, 4)]

    await hands.go(times=5)

    outcomes = [answer.result() for answer in answers]
    assert [values(each) if each.outputs else each.errors[0].message for each in outcomes] == [
        [1],
        [2],
        "the model returned 0 rows for 1",
        [4],
    ]


async def test_a_model_that_changes_its_mind_about_the_form_is_not_believed(
    engine: LocalEngine, hands: Hands
) -> None:
    def moody(tensors: Tensors) -> Tensors:
        matrix = tensors[0]
        if len(matrix) > 1:
            raise ValueError("one at a time")
        return (np.ones((1, 1 if matrix[0, 0] < 2 else 3)),)

    answers = [engine.submit(job(Does(moody), n)) for n in (1, 2)]
    await hands.go(times=3)

    assert values(answers[0].result()) == [1]
    (error,) = answers[1].result().errors.values()
    assert error.message == "the model returned another shape than before"


async def test_how_many_boxes_are_in_the_picture_of_a_stranger_fails_nobody(
    engine: LocalEngine, hands: Hands
) -> None:
    def boxes(tensors: Tensors) -> Tensors:
        return (np.stack([np.ones(int(row[0])) for row in tensors[0]]),)

    model = Does(boxes)
    model.free_form = True
    jobs = [(1,), (2, 2), (3,), (1, 2)]
    answers = [engine.submit(job(model, *rows)) for rows in jobs]
    await hands.go(times=9)

    outcomes = [answer.result() for answer in answers]
    shapes = [each.outputs[0].shape if each.outputs else None for each in outcomes]
    assert shapes[:3] == [(1, 1), (2, 2), (1, 3)]
    assert [len(each.errors) for each in outcomes] == [0, 0, 0, 1]
