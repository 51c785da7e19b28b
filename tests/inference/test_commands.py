"""One command from rows or a file to an algorithm that is served; a second time changes nothing."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from pytest_django import Settings
from sklearn.base import clone

from inference import bundles, signing, store
from inference.core.schema import Schema
from inference.models import MLAlgorithm
from inference.runtimes.base import Kind
from tests.inference import artefacts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.WEIR = dataclasses.replace(settings.WEIR, data_dir=tmp_path)
    return tmp_path


def run(*words: str | Path) -> str:
    out = io.StringIO()
    call_command(*(str(word) for word in words), stdout=out)
    return out.getvalue()


def registered() -> list[tuple[str, str, str]]:
    rows = MLAlgorithm.objects.order_by("id")
    return [(row.parent_endpoint.name, row.name, row.current_status) for row in rows]


# -- register --------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A joblib file with its schema beside it."""
    (tmp_path / "model.joblib").write_bytes(artefacts.artefact().data)
    (tmp_path / "model.schema.json").write_text(json.dumps(artefacts.SCHEMA.to_json()))
    return tmp_path / "model.joblib"


def register(path: Path, *more: str | Path) -> str:
    names = ("--endpoint", "income", "--name", "forest", "--version", "1.0")
    return run("register", path, *names, *more)


@pytest.mark.django_db
def test_a_file_is_registered_compiled_and_can_be_loaded(model: Path) -> None:
    told = register(model, "--owner", "me", "--description", "A forest.", "--status", "production")

    algorithm = MLAlgorithm.objects.get()
    assert (
        told.splitlines()[0]
        == f"income: forest 1.0 registered: algorithm {algorithm.pk} (production)."
    )
    assert "Served by onnx" in told
    assert (algorithm.owner, algorithm.description, algorithm.runtime) == (
        "me",
        "A forest.",
        "onnx",
    )
    assert algorithm.report["decision"] == "onnx"
    assert Schema.from_json(algorithm.schema) == artefacts.SCHEMA
    key = configured.WEIR.signing_key.encode()
    bundle = bundles.read(store.get(algorithm.bundle), key)
    assert bundle.artefact_hash == algorithm.artefact_hash
    assert bundles.load(bundle).kind is Kind.ONNX


@pytest.mark.django_db
def test_registering_it_again_changes_nothing(model: Path, folder: Path) -> None:
    register(model)
    before = MLAlgorithm.objects.values().get()

    told = register(model, "--status", "production")

    assert "is there already" in told
    assert MLAlgorithm.objects.values().get() == before
    assert len(list((folder / "bundles").iterdir())) == 1


@pytest.mark.django_db
def test_another_model_under_the_same_name_is_another_algorithm(model: Path) -> None:
    register(model)
    rows = artefacts.rows()
    other: Any = clone(artefacts.forest()).set_params(model__max_depth=1)
    other.fit(artefacts.SCHEMA.encode_many(rows.records), rows.labels)
    model.write_bytes(artefacts.dump(other))

    register(model)

    assert registered() == [("income", "forest", "testing")] * 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path: path.with_name("model.schema.json").unlink(), "No such file"),
        (lambda path: path.with_name("model.schema.json").write_text("{}"), "not a schema"),
        (lambda path: path.write_bytes(b"\x80"), "neither an ONNX"),
        (lambda path: path.write_bytes(artefacts.bundle().files[Kind.ONNX]), "named otherwise"),
        (lambda path: path.unlink(), "No such file"),
    ],
)
def test_what_cannot_be_registered_is_one_sentence_and_leaves_nothing(
    model: Path, folder: Path, change: Any, sentence: str
) -> None:
    change(model)

    with pytest.raises(CommandError, match=sentence):
        register(model)

    assert not MLAlgorithm.objects.exists()
    assert not (folder / "bundles").exists()


@pytest.mark.django_db
def test_a_row_of_the_trial_that_does_not_fit_is_named(model: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    rows.write_text('[{"age": 40}, {"age": "old"}]')

    with pytest.raises(CommandError, match="age must be a number"):
        register(model, "--rows", rows)


@pytest.mark.django_db
def test_an_endpoint_s_name_that_no_url_takes_is_refused(model: Path) -> None:
    with pytest.raises(CommandError, match="endpoint's name"):
        run("register", model, "--endpoint", "../etc", "--name", "n", "--version", "1")


# -- a bundle as a file


def handed_over(path: Path, keys: str) -> Path:
    path.write_bytes(bundles.write(artefacts.bundle(), signing.ring(keys)))
    return path


@pytest.mark.django_db
def test_a_bundle_of_a_trusted_key_is_registered_as_it_is(
    tmp_path: Path, settings: Settings
) -> None:
    theirs = signing.make()
    settings.WEIR = dataclasses.replace(
        settings.WEIR, signing_key=signing.make().public.text, trusted_keys=(theirs.public.text,)
    )
    path = handed_over(tmp_path / "forest.weir", theirs.text)

    told = run("register", path, "--isolated")

    algorithm = MLAlgorithm.objects.get()
    assert "registered" in told
    assert (algorithm.name, algorithm.isolated) == (artefacts.bundle().card.name, True)
    assert store.get(algorithm.bundle) == path.read_bytes()


@pytest.mark.django_db
def test_a_bundle_of_a_stranger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not signed with a key that is trusted here"):
        run("register", handed_over(tmp_path / "forest.weir", "a stranger's secret"))

    assert not MLAlgorithm.objects.exists()


@pytest.mark.django_db
def test_a_bundle_is_called_what_it_says(tmp_path: Path) -> None:
    path = handed_over(tmp_path / "forest.weir", configured.WEIR.signing_key)

    with pytest.raises(CommandError, match="leave out --endpoint"):
        run("register", path, "--endpoint", "another")


def test_a_model_that_is_no_bundle_needs_its_names(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="needs --endpoint, --name, --version"):
        run("register", tmp_path / "model.onnx")


# -- demo ------------------------------------------------------------------------------------------


@pytest.fixture
def adult(tmp_path: Path) -> Path:
    """Two hundred people in the shape of Adult."""
    dice = np.random.default_rng(1)
    lines = ["age, workclass, fnlwgt, income"]
    for _ in range(200):
        age = int(dice.integers(18, 90))
        work = dice.choice(["Private", "?", "", "State-gov"])
        lines.append(
            f"{age}, {work}, {dice.integers(10**4, 10**6)}, {'>50K' if age > 45 else '<=50K'}"
        )
    path = tmp_path / "adult.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.slow
@pytest.mark.django_db(reset_sequences=True)
def test_the_demo_trains_two_algorithms_and_a_second_one_changes_nothing(adult: Path) -> None:
    run("demo", "income", "--csv", adult)
    before = list(MLAlgorithm.objects.values().order_by("id"))

    assert registered() == [
        ("income_classifier", "random forest", "production"),
        ("income_classifier", "extra trees", "testing"),
    ]
    assert [row["id"] for row in before] == [1, 2]
    assert {row["runtime"] for row in before} == {"onnx"}

    told = run("demo", "income", "--csv", adult)

    assert told.count("is there already") == 2
    assert list(MLAlgorithm.objects.values().order_by("id")) == before


@pytest.mark.slow
@pytest.mark.django_db
def test_a_demo_does_not_push_anybody_out_of_production(adult: Path, model: Path) -> None:
    names = ("--endpoint", "income_classifier", "--name", "mine", "--version", "1")
    run("register", model, *names, "--status", "production")

    run("demo", "income", "--csv", adult)

    assert [status for _, _, status in registered()] == ["production", "testing", "testing"]


@pytest.mark.django_db
def test_data_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(CommandError, match="data of income cannot be had"):
        run("demo", "income", "--csv", "/no/such/file.csv")


@pytest.mark.django_db
def test_an_unknown_demo_is_one_sentence() -> None:
    with pytest.raises(CommandError, match="invalid choice: 'titanic'"):
        run("demo", "titanic")


# -- what a command loads --------------------------------------------------------------------------

LOADED = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "asgi_project.settings")
from django.core.management import execute_from_command_line
try:
    execute_from_command_line(["manage.py", *sys.argv[1:]])
except SystemExit as end:
    assert not end.code, end.code
heavy = {"sklearn", "scipy", "pandas", "joblib", "onnx", "onnxruntime", "skl2onnx", "skops"}
print("loaded:", *sorted(heavy & set(sys.modules)))
"""


STEPS = ("build_dataset", "profile", "validate", "train", "evaluate", "score", "export")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An installation of its own, with the smallest demo in it."""
    folder = tmp_path_factory.mktemp("installation")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SECRET_KEY") if name in os.environ}
    return {**kept, "WEIR_PROFILE": "open", "WEIR_DATA_DIR": str(folder)}


def manage(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_only_training_loads_what_training_needs(environment: dict[str, str]) -> None:
    assert manage(environment, "--help").endswith("loaded:\n")
    assert manage(environment, "demo", "--help").endswith("loaded:\n")
    for step in ("register", *STEPS):
        assert manage(environment, step, "--help").endswith("loaded:\n"), step
    assert manage(environment, "migrate").endswith("loaded:\n")
    assert "sklearn" in manage(environment, "demo", "diabetes").splitlines()[-1]

    again = manage(environment, "demo", "diabetes")

    assert again.count("is there already") == 2
    assert again.endswith("loaded:\n")


@pytest.mark.slow
@pytest.mark.parametrize("words", [("--help",), ("train", "--help"), ("migrate",)])
def test_what_loads_no_model_takes_less_than_two_seconds(
    environment: dict[str, str], words: tuple[str, ...]
) -> None:
    """Of a processor, which neighbours do not stretch."""
    manage(environment, "migrate", "--verbosity", "0")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)

    manage(environment, *words)

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2.0
