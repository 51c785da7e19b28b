"""A version is judged beside the one in production, and what was found is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from inference.core.lifecycle import Status
from inference.models import Evaluation, MLAlgorithm
from inference.runtimes import loader
from inference.services import models
from inference.training import scratch
from inference.training.scratch import Tried
from tests.inference import registered, steps

TRIED = Tried((), 20.0, 30.0, 40.0, 12.0, 0.0)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.WEIR = dataclasses.replace(settings.WEIR, data_dir=tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """How a process of its own fares is shown by its own tests and by the chain."""
    monkeypatch.setattr(scratch, "tried", lambda *_: TRIED)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    people = steps.people(tmp_path / "people.csv", 600)
    steps.run("build_dataset", tmp_path, "--csv", people, "--target", "income")
    return tmp_path


def train(data: Path, *words: str) -> int:
    told = steps.told("train", "income", "--data", data / "train.csv", *words)
    return int(told["algorithm"])


def evaluate(data: Path, which: str | int, *words: str) -> Any:
    return steps.told("evaluate", which, "--data", data / "held_out.csv", *words)


def refused(data: Path, which: str | int, *words: str) -> tuple[int, Any]:
    return steps.refused("evaluate", which, "--data", data / "held_out.csv", *words)


GOOD = ("--param", "n_estimators=20")
POOR = ("--param", "n_estimators=1", "--param", "max_leaf_nodes=2", "--param", "max_features=1")


@pytest.mark.django_db
def test_the_first_version_is_judged_by_itself_and_recorded(data: Path) -> None:
    number = train(data, *GOOD)

    told = evaluate(data, "income", "--floor", "accuracy=0.7", "--floor", "log_loss=2.0")

    row = Evaluation.objects.get()
    assert (told["algorithm"], told["baseline"], told["blessed"]) == (number, None, True)
    assert (row.pk, row.blessed, row.reasons) == (told["evaluation"], True, [])
    assert row.report == told["report"]
    assert len(row.data_sha256) == 64
    assert told["report"]["trial"]["row_us"] == 20.0
    assert {each["feature"] for each in told["report"]["slices"]} == {"age", "work", "hours"}
    assert told["report"]["calibration"]


@pytest.mark.django_db
def test_a_worse_version_is_not_blessed_beside_the_champion(data: Path) -> None:
    champion, poor = train(data, *GOOD), train(data, *POOR)
    models.algorithm_set_status(champion, Status.PRODUCTION, by="tests")

    code, told = refused(data, "income", "--slice-rows", "30")

    assert code == 1
    assert (told["algorithm"], told["baseline"]) == (poor, champion)
    compared = told["report"]["compared"]
    assert compared["behind"] > compared["ahead"]
    assert compared["interval"][1] < 0
    assert any("behind the baseline" in reason for reason in told["reasons"])
    assert not Evaluation.objects.get().blessed


@pytest.mark.django_db
def test_a_better_version_is_blessed_beside_a_named_baseline(data: Path) -> None:
    poor, good = train(data, *POOR), train(data, *GOOD)

    told = evaluate(data, good, "--baseline", str(poor))

    assert told["baseline"] == poor
    assert told["report"]["compared"]["difference"] > 0
    assert Evaluation.objects.get().baseline_id == poor


@pytest.mark.django_db
def test_below_its_floor_or_above_its_budget_it_is_not_blessed(data: Path) -> None:
    train(data, *GOOD)

    code, told = refused(
        data, "income", "--floor", "accuracy=0.999", "--latency-ms", "0.01", "--memory-mib", "1"
    )

    assert code == 1
    assert len(told["reasons"]) == 3


@pytest.mark.django_db
def test_a_version_that_its_own_process_does_not_survive_is_asked_nothing_more(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(data, *GOOD)
    monkeypatch.setattr(scratch, "tried", lambda *_: Tried(("It died.",)))

    code, told = refused(data, "income")

    assert (code, told["reasons"]) == (1, ["It died."])
    assert Evaluation.objects.get().reasons == ["It died."]


@pytest.mark.django_db
def test_what_cannot_be_judged_has_a_code_and_leaves_no_record(data: Path) -> None:
    number = train(data, *GOOD)
    elsewhere = registered.algorithm(endpoint="elsewhere").pk

    trained_on = steps.refused("evaluate", number, "--data", data / "train.csv")
    assert (trained_on[0], trained_on[1]["error"]["code"]) == (2, "dataset_invalid")
    copy = data / "copy.csv"
    copy.write_bytes((data / "train.csv").read_bytes())
    code, said = steps.refused("evaluate", number, "--data", copy, "--target", "income")
    assert (code, said["error"]["code"]) == (2, "dataset_invalid")
    assert refused(data, "nobody")[1]["error"]["code"] == "bundle_invalid"
    assert refused(data, number, "--baseline", str(elsewhere))[0] == 2
    assert not Evaluation.objects.exists()
    assert MLAlgorithm.objects.count() == 2


@pytest.mark.django_db
def test_one_that_is_served_apart_is_judged_apart(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = data / "model.weir"
    steps.told("train", "income", "--data", data / "train.csv", *GOOD, "--out", out)
    steps.run("register", out, "--isolated")

    def load(_: object) -> None:
        raise AssertionError("a stranger's model was opened in this process")

    monkeypatch.setattr(loader, "load", load)

    assert evaluate(data, "income")["blessed"]


@pytest.mark.django_db
def test_a_quantity_is_judged_by_its_errors(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    lines = [f"{at % 40},{(at % 40) * 3 + at % 2}" for at in range(400)]
    path.write_text("\n".join(["x,y", *lines]))
    words = ("--target", "y", "--estimator", "sklearn.tree:DecisionTreeRegressor")
    good = steps.told("train", "line", "--data", path, *words)["algorithm"]
    models.algorithm_set_status(good, Status.PRODUCTION, by="tests")
    steps.told("train", "line", "--data", path, *words, "--param", "max_depth=1")

    others = tmp_path / "others.csv"
    others.write_text("\n".join(["x,y", *lines[:300]]))

    code, told = steps.refused("evaluate", "line", "--data", others, "--target", "y")

    assert code == 1
    assert told["report"]["metrics"]["mean_absolute_error"] > 10
    assert told["report"]["compared"]["interval"][1] < 0
    assert "ahead" not in told["report"]["compared"]
    assert told["report"]["calibration"] == []
