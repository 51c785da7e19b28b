"""Rows become a data set, a schema and a list of what is wrong, each by one command."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError

from inference.core.lifecycle import Status
from inference.models import MLRequest
from inference.services import predictions
from inference.training import profile
from tests.inference import registered, steps
from tests.inference.registered import AT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two parts of three hundred people."""
    steps.run(
        "build_dataset",
        tmp_path / "set",
        "--csv",
        steps.people(tmp_path / "people.csv"),
        "--target",
        "income",
    )
    return tmp_path / "set"


# -- build_dataset ---------------------------------------------------------------------------------


def test_a_csv_is_cut_once_and_for_all(folder: Path, tmp_path: Path) -> None:
    words = ("build_dataset", folder, "--csv", tmp_path / "people.csv", "--target", "income")
    again = steps.told(*words)

    assert {part: each["new"] for part, each in again.items()} == {
        "train": False,
        "held_out": False,
    }
    assert again["train"]["rows"] + again["held_out"]["rows"] == 300
    assert again["train"]["source"]["csv"] == "people.csv"
    assert again["held_out"]["split"] == {
        "part": "held_out",
        "by": "row",
        "share": 0.3,
        "salt": "dataset:20",
    }

    steps.people(tmp_path / "people.csv", seed=2)
    code, said = steps.refused(*words)

    assert (code, said["error"]["code"]) == (2, "dataset_invalid")


def test_a_demo_keeps_the_parts_it_always_had(tmp_path: Path) -> None:
    told = steps.told("build_dataset", tmp_path, "--demo", "diabetes")

    assert {part: (each["rows"], each["task"]) for part, each in told.items()} == {
        "train": (309, "regression"),
        "held_out": (133, "regression"),
    }


@pytest.mark.parametrize(
    "words", [(), ("--csv", "no.csv", "--target", "y"), ("--demo", "titanic"), ("--share", "1.5")]
)
def test_rows_that_cannot_be_had_are_one_sentence_and_a_code(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    code, said = steps.refused("build_dataset", tmp_path, *words)

    assert (code, said["error"]["code"]) == (2, "dataset_invalid")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def log() -> None:
    """Twenty visitors asked four times each, half of them told the truth; one request failed."""
    algorithm = registered.algorithm(status=Status.PRODUCTION)
    rows = [
        registered.row(
            at,
            algorithm,
            input_data=json.dumps({"age": at if at % 2 else str(at), "shoe": 43}),
            subject=f"visitor-{at % 20}",
            created_at=AT + timedelta(minutes=at),
            error_code="model_error" if at == 41 else "",
        )
        for at in range(1, 81)
    ]
    predictions.record(rows, "tests")
    labels = {at: "<=50K" if at % 3 else ">50K" for at in range(1, 81) if at % 20 < 10}
    for at, label in labels.items():
        MLRequest.objects.filter(pk=at).update(feedback=label)


@pytest.mark.django_db
def test_the_labelled_requests_of_a_time_are_rows_of_their_schema(
    log: None, tmp_path: Path
) -> None:
    until = (AT + timedelta(minutes=61)).isoformat()
    words = ("build_dataset", tmp_path / "log", "--endpoint", "income", "--until", until)
    told = steps.told(*words, "--since", AT.date().isoformat())

    # of 60 requests 30 are labelled, and one of those failed
    assert told["train"]["rows"] + told["held_out"]["rows"] == 29
    assert told["train"]["columns"] == {"age": "number"}
    assert told["train"]["window"]["until"] == until
    assert told["train"]["source"]["endpoint"] == "income"
    assert told["held_out"]["split"]["by"] == "subject"
    assert not any(
        each["new"] for each in steps.told(*words, "--since", AT.date().isoformat()).values()
    )


@pytest.mark.django_db
def test_no_subject_is_in_both_parts_of_the_log(log: None, tmp_path: Path) -> None:
    steps.run("build_dataset", tmp_path, "--endpoint", "income")

    ages = {
        part: {int(float(line.split(",")[0])) % 20 for line in _lines(tmp_path / f"{part}.csv")}
        for part in ("train", "held_out")
    }
    assert ages["train"] | ages["held_out"] == set(range(10))
    assert ages["train"].isdisjoint(ages["held_out"])


@pytest.mark.django_db
@pytest.mark.parametrize("endpoint", ["nobody", "income"])
def test_an_endpoint_without_labels_has_no_data_set(tmp_path: Path, endpoint: str) -> None:
    registered.algorithm(status=Status.PRODUCTION)

    code, said = steps.refused("build_dataset", tmp_path, "--endpoint", endpoint)

    assert (code, said["error"]["code"]) == (2, "dataset_invalid")


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()[1:]


# -- profile and validate --------------------------------------------------------------------------


def test_the_schema_of_the_training_part_fits_the_held_out_one(folder: Path) -> None:
    told = steps.told("profile", folder / "train.csv")
    schema = folder / "train.schema.json"

    assert steps.told("profile", folder / "train.csv") == told
    assert json.loads(schema.read_text()) == told["schema"]
    assert {each["name"]: each.get("required", False) for each in told["schema"]["features"]} == {
        "age": True,
        "work": False,
        "hours": True,
    }
    assert told["statistics"]["hours"]["maximum"] <= 80
    assert steps.told("validate", folder / "train.csv", "--against", schema)["anomalies"] == []


def test_who_stops_a_step_is_told_so_in_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(profile, "statistics", stopped)

    with pytest.raises(CommandError, match="Stopped") as caught:
        steps.run("profile", folder / "train.csv")
    assert caught.value.returncode == 130


def test_an_edited_schema_is_kept(folder: Path) -> None:
    steps.run("profile", folder / "train.csv")
    schema = folder / "train.schema.json"
    schema.write_text(schema.read_text().replace('"age"', '"years"'))

    code, said = steps.refused("profile", folder / "train.csv")

    assert (code, said["error"]["code"]) == (2, "dataset_invalid")
    assert "years" in schema.read_text()
    steps.run("profile", folder / "train.csv", "--replace")
    assert "years" not in schema.read_text()


def test_anomalies_end_with_one_and_are_listed(folder: Path, tmp_path: Path) -> None:
    steps.run("profile", folder / "train.csv")
    rows = tmp_path / "rows.csv"
    rows.write_text("age,work,hours,income\n30,sea,10,high\n31,office,12,huge\n")

    code, said = steps.refused("validate", rows, "--against", folder / "train.schema.json")

    assert code == 1
    assert [(each["field"], each["what"], each["first"]) for each in said["anomalies"]] == [
        ("work", "is an unseen category", 0),
        ("income", "is no label of the schema", 1),
    ]


@pytest.mark.django_db
def test_rows_are_compared_with_a_registered_version(folder: Path) -> None:
    algorithm = registered.algorithm()

    code, said = steps.refused("validate", folder / "train.csv", "--against", algorithm.pk)

    assert code == 1
    assert {each["field"] for each in said["anomalies"]} == {"work", "hours", "income"}
    assert steps.refused("validate", folder / "train.csv", "--against", 10**6)[0] == 2
