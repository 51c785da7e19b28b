"""What is old goes, what somebody may still need stays, and no figure changes."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inference import readouts
from inference.models import ABTest, Exposure, MLAlgorithm, MLRequest, Roster
from inference.services import experiments, feedback, predictions, receipts, retention
from inference.services.receipts import Opening
from inference.services.retention import Terms
from tests.inference import registered
from tests.inference.registered import row
from tests.inference.threads import at_once

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD, NEW = NOW - timedelta(days=100), NOW - timedelta(days=10)
TERMS = Terms(NOW - timedelta(days=90))
DEPLOY = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"


@pytest.fixture
def forest() -> MLAlgorithm:
    return registered.algorithm()


def log(algorithm: MLAlgorithm, *ids: int, at: datetime = OLD, **other: Any) -> None:
    predictions.record([row(id_, algorithm, created_at=at, **other) for id_ in ids], "a")


def ids() -> list[int]:
    return list(MLRequest.objects.order_by("pk").values_list("pk", flat=True))


def pruned(terms: Terms = TERMS, batch: int = 1000, **other: bool) -> tuple[int, int]:
    """How many went, and how many old ones stayed."""
    steps = list(retention.prune(terms, batch, **other))
    return sum(step.deleted for step in steps), sum(step.kept for step in steps)


@pytest.mark.parametrize("batch", [1, 3, 10, 1000])
def test_what_is_old_goes_in_steps_of_any_size(forest: MLAlgorithm, batch: int) -> None:
    log(forest, *range(1, 11))
    log(forest, *range(11, 15), at=NEW)

    assert pruned(batch=batch) == (10, 0)
    assert ids() == [11, 12, 13, 14]
    assert pruned(batch=batch) == (0, 0)


def test_an_empty_log_stays_empty() -> None:
    assert pruned() == (0, 0)
    assert retention.end(TERMS.before) == 0


def test_a_young_row_among_old_ids_stays(forest: MLAlgorithm) -> None:
    """Ids are reserved in blocks, and one process may be long at its own."""
    log(forest, 1, 2, 4, 5, 6, 7, 8)
    log(forest, 3, 20, 21, at=NEW)

    assert pruned() == (7, 0)
    assert ids() == [3, 20, 21]


def test_a_dry_run_says_the_same_and_deletes_nothing(forest: MLAlgorithm) -> None:
    log(forest, 1, 2, 3)
    feedback.record(2, "<=50K")
    terms = Terms(TERMS.before, keep_labelled=True)

    assert pruned(terms, dry_run=True) == (2, 1)
    assert ids() == [1, 2, 3]
    assert pruned(terms) == (2, 1)
    assert ids() == [2]


def test_one_endpoint_leaves_the_others_alone(forest: MLAlgorithm) -> None:
    other = registered.algorithm(endpoint="churn")
    log(forest, 1, 3)
    log(other, 2, 4)

    assert pruned(Terms(TERMS.before, ["churn"])) == (2, 0)
    assert ids() == [1, 3]


@pytest.mark.parametrize(
    ("ended", "stay"), [(None, [1, 2, 3]), (NEW, [1, 2, 3]), (OLD, [])], ids=str
)
def test_the_rows_of_a_test_stay_while_it_runs_and_as_long_again(
    ended: datetime | None, stay: list[int]
) -> None:
    test = registered.started(registered.pair())
    arm = test.arms.get(position=1)
    predictions.record([row(id_, arm.algorithm, arm, created_at=OLD) for id_ in (1, 2, 3)], "a")
    log(arm.algorithm, 4)
    if ended is not None:
        experiments.stop(test.pk, "tests")
        ABTest.objects.update(ended_at=ended)

    pruned()

    assert ids() == stay


@pytest.mark.parametrize(("ids_that_stay", "known"), [([], 0), ([2], 3)])
def test_who_was_seen_is_forgotten_with_the_last_row_of_the_test(
    ids_that_stay: list[int], known: int
) -> None:
    test = registered.started(registered.pair())
    arm = test.arms.get(position=1)
    rows = [row(at, arm.algorithm, arm, created_at=OLD, subject=f"s{at}") for at in (1, 2, 3)]
    predictions.record(rows, "a")
    experiments.reweight(test.pk, [1, 2], by="tests")
    experiments.stop(test.pk, "tests")
    ABTest.objects.update(ended_at=OLD)
    for at in ids_that_stay:
        feedback.record(at, "<=50K")

    pruned(Terms(TERMS.before, keep_labelled=True))

    assert ids() == ids_that_stay
    assert Exposure.objects.count() == known
    assert Roster.objects.exists() == bool(known)
    assert ABTest.objects.get().pruned


def test_rows_that_somebody_may_still_ask_for_stay(forest: MLAlgorithm) -> None:
    receipts.open_all([Opening("income", (3, 4, 7), True, "key", "b")])
    log(forest, *range(1, 10))

    assert pruned(batch=4) == (6, 3)
    assert ids() == [3, 4, 7]

    receipts.drop(["key"])
    assert pruned() == (3, 0)


def test_no_figure_of_a_test_changes() -> None:
    test = registered.started(registered.pair())
    for arm in test.arms.all():
        rows = [row(arm.pk * 100 + at, arm.algorithm, arm, created_at=OLD) for at in range(20)]
        predictions.record(rows, "a")
        for each in rows[:9]:
            feedback.record(each.id, "<=50K" if each.id % 3 else ">50K")
    experiments.stop(test.pk, "tests")
    ABTest.objects.update(ended_at=OLD)
    before = readouts.experiment_snapshot(test.pk)
    assert before["arms"][0]["exposures"] == 20

    assert pruned() == (40, 0)

    assert readouts.experiment_snapshot(test.pk) == before


def test_what_was_begun_can_be_gone_on_with(forest: MLAlgorithm) -> None:
    log(forest, *range(1, 31))
    steps = retention.prune(TERMS, 10)
    next(steps)
    steps.close()  # type: ignore[attr-defined]  # a generator, whatever it is said to be
    assert ids() == list(range(11, 31))

    assert pruned(batch=10) == (20, 0)


def test_ids_of_rows_that_are_gone_are_not_given_again(forest: MLAlgorithm) -> None:
    used = predictions.reserve_ids(5)
    log(forest, *used)
    pruned()

    assert predictions.reserve_ids(1).start == used.stop


def test_a_step_is_a_few_short_statements(forest: MLAlgorithm) -> None:
    """Rows are deleted where they lie, by key, and do not travel."""
    log(forest, *range(1, 31))

    with CaptureQueriesContext(connection) as queries:
        pruned(batch=10)

    statements = [query["sql"] for query in queries if "driftcount" not in query["sql"]]
    deletes = [sql for sql in statements if sql.startswith("DELETE")]
    of_log, of_shadows = ("mlrequest" in sql.partition("WHERE")[0] for sql in deletes[:2])
    assert (len(deletes), of_log, of_shadows) == (6, True, False)
    assert all("BETWEEN" in sql for sql in deletes)


@pytest.mark.django_db(transaction=True)
def test_beside_writers_nothing_that_is_new_is_lost() -> None:
    forest = registered.algorithm()
    log(forest, *range(1, 2001))

    def write(at: int) -> None:
        for start in range(3000 + at * 1000, 3500 + at * 1000, 50):
            log(forest, *range(start, start + 50), at=NEW)

    def prune() -> None:
        assert pruned(batch=100)[0] == 2000

    assert at_once(partial(write, 0), prune, partial(write, 1)) == []
    assert MLRequest.objects.count() == 1000


# -- the command -----------------------------------------------------------------------------------


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("prune", *words, stdout=out)
    return out.getvalue()


def test_the_command_says_what_it_did(forest: MLAlgorithm) -> None:
    log(forest, 1, 2, 3, at=timezone.now() - timedelta(days=8))
    log(forest, 9, at=timezone.now())
    feedback.record(2, "<=50K")

    words = ("--older-than", "1w", "--keep-labelled", "--endpoint", "income")
    assert run(*words, "--dry-run").startswith("2 rows from before ")
    told = run(*words)

    assert re.search(r"UTC deleted, 1 kept\. Ids from 3 on are younger\.$", told.strip())
    assert ids() == [2, 9]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--older-than", "90"), "is no age"),
        (("--older-than", "999999w"), "date value out of range"),
        (("--older-than", "1d", "--batch", "0"), "--batch is"),
        (("--older-than", "1d", "--endpoint", "nobody"), "no endpoint 'nobody'"),
        ((), "required"),
    ],
)
def test_what_is_not_meant_deletes_nothing(
    forest: MLAlgorithm, words: tuple[str, ...], why: str
) -> None:
    log(forest, 1)

    with pytest.raises(CommandError, match=why):
        run(*words)

    assert ids() == [1]


# -- in pieces -------------------------------------------------------------------------------------


def _cut() -> str:
    """As docs/deploy.md says, with bounds for a small log."""
    found = re.search(r"```sql\n(.*?)```", DEPLOY.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1].replace("200000000", "300").replace("100000000", "200")


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL is cut like this")
def test_a_log_that_was_cut_by_ids_is_written_pruned_and_dropped_in_pieces(
    forest: MLAlgorithm,
) -> None:
    log(forest, *range(100, 150))
    with connection.cursor() as cursor:
        cursor.execute(_cut())

    log(forest, *range(140, 190))
    log(forest, *range(190, 290), at=NEW)
    log(forest, *range(280, 310), at=NEW)
    assert ids() == list(range(100, 310))
    feedback.record(150, "<=50K")

    assert pruned(batch=40) == (90, 0)
    assert retention.end(TERMS.before) == 190
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE inference_mlrequest_0")
    assert ids() == list(range(200, 310))
