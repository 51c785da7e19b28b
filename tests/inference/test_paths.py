"""The path of a test is in the database, thinly, whoever notices that it moved and how often."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext

from inference import readouts
from inference.core import trace
from inference.models import ABTest, ArmTally, Point
from inference.services import experiments, paths
from tests.inference import registered
from tests.inference.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def test() -> ABTest:
    return registered.started(registered.pair())


def counted(test: ABTest, each: int, right: int = 0) -> dict[str, Any]:
    """The snapshot when each arm has so many labels."""
    for arm in ABTest.objects.get(pk=test.pk).current:
        tally = {"exposures": each, "subjects": each, "labelled": each}
        right_too = each // 2 + (right if arm.position == 2 else 0)
        ArmTally.objects.update_or_create(
            arm=arm, shard="tests", defaults=tally | {"correct": right_too}
        )
    return readouts.experiment_snapshot(test.pk)


def counts(test: ABTest) -> list[int]:
    return list(test.points.order_by("labelled").values_list("labelled", flat=True))


def test_without_evidence_nothing_is_kept(test: ABTest) -> None:
    paths.keep(counted(test, 10))

    assert counts(test) == []
    assert set(map(len, readouts.history(test.pk).values())) == {0}


def test_a_point_is_what_the_snapshot_said(test: ABTest) -> None:
    body = counted(test, 200, right=20)
    paths.keep(body)

    point = test.points.get()
    assert (point.phase, point.labelled) == (1, 400)
    assert point.values["difference"] == pytest.approx(0.1)
    assert [point.values["low"], point.values["high"]] == pytest.approx(
        list(body["evidence"]["interval"]), rel=1e-5
    )
    assert [arm[1:] for arm in point.values["arms"]] == [[200, 0.5], [200, 0.6]]


def test_the_history_is_there_for_whoever_comes_later_and_ends_now(test: ABTest) -> None:
    for each in (100, 150, 200):
        paths.keep(counted(test, each))
    counted(test, 250)

    found = readouts.history(test.pk)

    assert found["labelled"] == [200, 300, 400, 500]
    assert {len(column) for name, column in found.items() if name != "arms"} == {4}
    assert [arm["labelled"] for arm in found["arms"]] == [[100, 150, 200, 250]] * 2
    assert found["at"] == sorted(found["at"])


def test_the_same_again_writes_nothing(test: ABTest) -> None:
    body = counted(test, 100)
    paths.keep(body)

    with CaptureQueriesContext(connection) as queries:
        paths.keep(body)

    assert len(queries) == 1
    assert counts(test) == [200]


def test_a_label_that_was_corrected_corrects_the_newest_point(test: ABTest) -> None:
    paths.keep(counted(test, 100))
    paths.keep(counted(test, 100, right=10))

    assert counts(test) == [200]
    assert test.points.get().values["difference"] == pytest.approx(0.1)


def test_labels_that_are_taken_back_take_their_points_along(test: ABTest) -> None:
    for each in (100, 200, 300, 160):
        paths.keep(counted(test, each))

    assert counts(test) == [200, 320]


def test_a_long_path_is_thinned_as_it_grows(test: ABTest) -> None:
    body = counted(test, 100)
    seen = []
    for each in range(100, 850):
        body["arms"][0]["labelled"] = each
        paths.keep(body)
        seen.append(each + 100)

    assert counts(test) == sorted(trace.kept(seen))
    assert len(counts(test)) <= trace.POINTS
    assert (counts(test)[0], counts(test)[-1]) == (200, seen[-1])


def test_each_phase_has_a_path_of_its_own_and_old_ones_go_in_the_end(
    test: ABTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PHASES", 2)
    for weight in (1, 2, 3):
        paths.keep(counted(test, 100 + weight))
        experiments.reweight(test.pk, [1, weight + 1], "me")

    assert [point.phase for point in Point.objects.all()] == [2, 3]
    assert readouts.history(test.pk)["labelled"] == []


def test_the_path_of_a_phase_that_is_over_can_be_asked_for(test: ABTest) -> None:
    for each in (100, 150):
        paths.keep(counted(test, each))
    experiments.reweight(test.pk, [1, 2], "me")
    paths.keep(counted(test, 120))

    def history(query: str) -> Any:
        return Client().get(f"/api/v1/abtests/{test.pk}/history{query}")

    assert history("?phase=1").json()["n"] == [200, 300]
    assert history("?phase=2").json() == history("").json()
    assert history("").json()["n"] == [240]
    assert history("?phase=3").json()["n"] == []
    for wrong in ("0", "-1", "x", "9" * 30):
        assert history(f"?phase={wrong}").status_code == 400


def test_who_gets_into_anothers_way_leaves_it_for_later(
    test: ABTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = counted(test, 100)

    def beaten(*_: object, **__: object) -> None:
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patched:
        patched.setattr(QuerySet, "bulk_create", beaten)
        paths.keep(body)
    assert counts(test) == []

    paths.keep(body)
    assert counts(test) == [200]


@pytest.mark.django_db(transaction=True)
def test_several_processes_may_notice_at_the_same_moment() -> None:
    test = registered.started(registered.pair())
    body = counted(test, 100)
    totals = range(200, 3200, 15)

    def follow(offset: int) -> None:
        for total in list(totals)[offset:]:
            arms = [body["arms"][0] | {"labelled": total - 100}, body["arms"][1]]
            paths.keep(body | {"arms": arms})

    assert at_once(*(partial(follow, at) for at in range(4))) == []
    follow(len(totals) - 1)

    assert len(counts(test)) <= trace.POINTS
    assert counts(test)[-1] == totals[-1]
    assert set(counts(test)) <= set(totals)


def test_rest_says_what_the_snapshot_says(test: ABTest) -> None:
    for each in (100, 150):
        paths.keep(counted(test, each))

    found = Client().get(f"/api/v1/abtests/{test.pk}/history")
    shown = Client().get(f"/api/v1/abtests/{test.pk}/live")

    assert found.json()["n"] == [200, 300]
    assert found.json() == shown.json()["history"]
    assert Client().get("/api/v1/abtests/999999999/history").status_code == 404


def test_a_history_takes_the_same_few_queries_however_long_it_is(test: ABTest) -> None:
    for each in range(100, 160):
        paths.keep(counted(test, each))

    with CaptureQueriesContext(connection) as queries:
        readouts.experiment_snapshot(test.pk, with_history=True)

    assert len(queries) <= 7
