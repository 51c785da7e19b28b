"""A model that came over HTTP is tried apart, and gets in only as far as testing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings
from skops import io as skops

from inference import bundles, opening, signing, store
from inference.core import parcels
from inference.core.errors import TrialFailed, WeirError
from inference.core.trials import Told
from inference.models import AuditEntry, MLAlgorithm
from inference.runtimes.base import Kind
from inference.services import uploads
from inference.services.uploads import Upload
from inference.training import trying
from tests.inference import artefacts, malicious, onnxgraphs

pytestmark = pytest.mark.django_db

SCHEMA = json.dumps(artefacts.SCHEMA.to_json())
REST = "/api/v1/mlalgorithms"
ADMIN = "/admin/inference/mlalgorithm/upload/"
NAMES = {"endpoint": "income", "name": "theirs", "version": "1"}


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """Uploads are allowed, and nothing leaves a mark."""
    settings.WEIR = dataclasses.replace(
        settings.WEIR, data_dir=tmp_path, uploads=True, profile="open"
    )
    malicious.canary().unlink(missing_ok=True)
    yield tmp_path
    assert not malicious.canary().exists()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial without its process: what it says is the same, and takes milliseconds."""

    def asked(kind: Kind, message: bytes) -> Told:
        told = msgspec.msgpack.encode(trying._told(bytearray(message)))
        return msgspec.msgpack.decode(told, type=Told)

    monkeypatch.setattr(uploads, "_asked", asked)


def onnx() -> bytes:
    return artefacts.bundle().files[Kind.ONNX]


def post(data: bytes, name: str = "model.bin", path: str = REST, **more: Any) -> Any:
    file = SimpleUploadedFile(name, data, more.pop("content_type", "application/octet-stream"))
    given = {**NAMES, "file": file, **more}
    client = Client()
    if path == ADMIN:
        client.force_login(User.objects.create_superuser("ann"))
        given.setdefault("status", "testing")
    return client.post(path, given)


# -- what gets in


def test_a_model_is_tried_in_a_process_signed_and_registered_for_testing() -> None:
    answer = post(onnx(), schema=SCHEMA, description="Of a friend.", licence="CC0")

    algorithm = MLAlgorithm.objects.get()
    assert (answer.status_code, answer.json()["id"]) == (201, algorithm.pk)
    assert (algorithm.current_status, algorithm.isolated, algorithm.owner) == (
        "testing",
        True,
        "anonymous",
    )
    entries = AuditEntry.objects.filter(algorithm=algorithm.pk)
    assert set(entries.values_list("made_by", flat=True)) == {"anonymous"}
    bundle = bundles.read(store.get(algorithm.bundle), opening.keyring())
    assert bundle.files == {Kind.ONNX: onnx()}
    assert (bundle.card.licence, bundle.card.description) == ("CC0", "Of a friend.")
    assert len(bundle.card.golden.records) == 16
    opened = opening.open_algorithm(algorithm)
    opened.runtime.close()


@pytest.mark.usefixtures("here")
def test_a_second_time_changes_nothing() -> None:
    first, second = post(onnx(), schema=SCHEMA), post(onnx(), schema=SCHEMA)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]


@pytest.mark.usefixtures("here")
def test_a_graph_needs_no_schema_and_takes_rows() -> None:
    rows = json.dumps([{"x": 2.0}, {"x": 3.0}])

    answer = post(onnxgraphs.parsed(onnxgraphs.LOG), rows=rows, status="registered")

    assert answer.status_code == 201
    assert answer.json()["report"]["sample"] == "rows of the upload"
    assert answer.json()["current_status"] == "registered"


@pytest.mark.usefixtures("here")
def test_a_model_of_scikit_learn_is_measured_on_labelled_rows() -> None:
    rows = artefacts.rows()
    lines = ["age,work,hours,income"]
    for record, label in zip(rows.records, rows.labels, strict=True):
        lines.append(",".join(str(record.get(name) or "") for name in ("age", "work", "hours")))
        lines[-1] += f",{label}"

    answer = post(skops.dumps(artefacts.forest()), schema=SCHEMA, rows="\n".join(lines))

    assert answer.status_code == 201
    assert answer.json()["runtime"] == "onnx"
    assert answer.json()["metrics"]["accuracy"] > 0.5


@pytest.mark.usefixtures("here")
def test_the_admin_has_a_form_for_it() -> None:
    answer = post(onnx(), path=ADMIN, schema=SCHEMA)

    algorithm = MLAlgorithm.objects.get()
    assert answer.status_code == 302
    assert answer["Location"].endswith(f"/{algorithm.pk}/change/")
    assert (algorithm.owner, algorithm.isolated) == ("ann", True)


def test_the_list_of_the_admin_leads_to_the_form() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))

    assert ADMIN in client.get("/admin/inference/mlalgorithm/").content.decode()
    assert b"ONNX or skops" in client.get(ADMIN).content


def test_staff_without_the_permission_does_not_get_to_the_form() -> None:
    client, bob = Client(), User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.set(Permission.objects.filter(codename="view_mlalgorithm"))
    client.force_login(bob)

    assert client.get(ADMIN).status_code == 403
    assert ADMIN not in client.get("/admin/inference/mlalgorithm/").content.decode()


# -- what does not


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("path", [REST, ADMIN], ids=["rest", "admin"])
@pytest.mark.parametrize("what", malicious.FILES)
def test_a_malicious_file_is_refused_with_a_code(what: str, path: str) -> None:
    make, name = malicious.FILES[what]

    answer = post(make(), name, path, schema=SCHEMA)

    said = answer.content.decode()
    assert answer.status_code in (415, 422)
    assert "format_refused" in said or "bundle_invalid" in said
    assert not MLAlgorithm.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize("what", malicious.FILES)
def test_a_malicious_file_is_refused_by_a_real_trial(what: str) -> None:
    make, name = malicious.FILES[what]

    answer = post(make(), name, schema=SCHEMA)

    assert answer.status_code in (415, 422)
    assert answer.json()["code"] in ("format_refused", "bundle_invalid", "trial_failed")


@pytest.mark.parametrize("name", ["model.onnx", "model.skops", "model.joblib", "../model"])
@pytest.mark.parametrize(
    "kind", ["application/octet-stream", "application/onnx", "application/x-skops"]
)
def test_no_name_and_no_header_chooses_what_loads_it(name: str, kind: str) -> None:
    answer = post(malicious.pickled(), name, content_type=kind, schema=SCHEMA)

    assert (answer.status_code, answer.json()["code"]) == (415, "format_refused")


EATS = """eats (float[N, 1] x) => (float[N, 1] y) {
    shape = Constant<value = int64[1] {4294967296}>()
    many = ConstantOfShape<value = float[1] {1.0}>(shape)
    total = ReduceSum<keepdims = 0>(many)
    y = Add(x, total)
}"""
HANGS = """hangs (float[N, 1] x) => (float[N, 1] y) {
    trips = Constant<value = int64 {9000000000000000000}>()
    on = Cast<to = 9>(trips)
    y = Loop(trips, on, x) <body = again (int64 i, bool go, float[N, 1] before)
        => (bool goes, float[N, 1] after) { goes = Identity(go) after = Neg(before) }>
}"""


@pytest.mark.slow
def test_a_model_that_eats_memory_does_not_survive_its_trial() -> None:
    answer = post(onnxgraphs.parsed(EATS))

    assert answer.status_code == 422
    assert answer.json()["code"] in ("bundle_invalid", "trial_failed")


@pytest.mark.slow
def test_a_model_that_hangs_does_not_survive_its_trial(settings: Settings) -> None:
    settings.WEIR = dataclasses.replace(settings.WEIR, trial_seconds=2)

    answer = post(onnxgraphs.parsed(HANGS))

    assert (answer.status_code, answer.json()["code"]) == (422, "trial_failed")


def test_where_uploads_are_off_nothing_is_read(settings: Settings) -> None:
    settings.WEIR = dataclasses.replace(settings.WEIR, uploads=False)

    answer = post(onnx(), schema=SCHEMA)

    assert (answer.status_code, answer.json()["code"]) == (403, "uploads_off")


def test_what_is_too_large_is_not_read(settings: Settings) -> None:
    settings.WEIR = dataclasses.replace(settings.WEIR, max_upload_bytes=1024)

    answer = post(b"\x08\x0a" + b"\0" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1))
    small = post(b"\x08\x0a" + b"\0" * 2048)

    assert [each.status_code for each in (answer, small)] == [413, 413]
    assert [each.json()["code"] for each in (answer, small)] == ["too_large", "too_large"]


def test_a_process_that_cannot_sign_takes_none(settings: Settings) -> None:
    public = signing.make().public.text
    settings.WEIR = dataclasses.replace(settings.WEIR, signing_key=public)

    answer = post(onnx(), schema=SCHEMA)

    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_sign")


@pytest.mark.parametrize("status", ["production", "staging", "ab_testing", "nonsense"])
def test_an_uploaded_model_gets_no_further_than_testing(status: str) -> None:
    answer = post(onnx(), schema=SCHEMA, status=status)

    assert (answer.status_code, list(answer.json())) == (400, ["status"])


def test_one_is_tried_at_a_time() -> None:
    with uploads._ONE:
        answer = post(onnx(), schema=SCHEMA)

    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert answer["Retry-After"] == "5"


def test_a_scikit_learn_model_without_a_schema_is_refused_by_its_field(here: None) -> None:
    answer = post(skops.dumps(artefacts.forest()))

    assert (answer.status_code, answer.json()["field"]) == (422, "schema")


# -- what the trial says is not believed


def told(**changed: Any) -> Told:
    bundle = artefacts.bundle()
    card = msgspec.to_builtins(bundle.card) | {**NAMES, "owner": "me", "original": "onnx"}
    honest: dict[str, Any] = {
        "card": card,
        "schema": bundle.schema.to_json(),
        "files": {"onnx": onnx()},
    }
    return Told(**(honest | changed))


def upload() -> Upload:
    return Upload(data=onnx(), endpoint="income", name="theirs", version="1")


def lies() -> dict[str, Told]:
    card = told().card
    return {
        "another name": told(card=card | {"endpoint": "production"}),
        "another model": told(files={"onnx": onnx() + b"\0"}),
        "a pickle beside it": told(files={"onnx": onnx(), "joblib": malicious.pickled()}),
        "a pickle as skops": told(files={"onnx": onnx(), "skops": malicious.pickled()}),
        "no card": told(card={}),
        "a kind that there is not": told(files={"onnx": onnx(), "exe": b""}),
        "another original": told(card=card | {"original": "joblib"}),
        "a schema of nothing": told(schema={"features": "all"}),
        "its trouble": told(trouble=parcels.trouble(TrialFailed())),
    }


@pytest.mark.parametrize("lie", lies())
def test_a_trial_that_lies_registers_nothing(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_asked", lambda *_: lies()[lie])
    with pytest.raises(WeirError):
        uploads.model_upload(upload(), by="me")

    assert not MLAlgorithm.objects.exists()


def test_a_trial_that_is_honest_registers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_asked", lambda *_: told())

    algorithm, created = uploads.model_upload(upload(), by="me")

    assert (created, algorithm.owner) == (True, "me")
