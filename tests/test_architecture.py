"""The rules of the house that a type checker cannot see."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("asgi_project", "consumers", "inference")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
BESIDE = [path for name in ("tests", "weir_client") for path in (ROOT / name).rglob("*.py")]
SOURCES = [*MODULES, *sorted(BESIDE)]
CONFIG: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# Below these, strangers can stop, mislead or take over the server; requirements.in says how.
FLOORS = {
    "Django": "5.2.19",
    "djangorestframework": "3.18.3",
    "daphne": "4.2.3",
    "asgiref": "3.13.0",
    "Twisted": "26.10.0",
    "redis": "8.1.0",
    "skops": "0.16.0",
    "joblib": "1.5.0",
}
PINS = (
    "requirements.txt",
    "requirements-dev.txt",
    "tests/clients/kserve.txt",
    "tests/clients/mlserver.txt",
)
FETCHERS = {"aiohttp", "ftplib", "http.client", "httpx", "requests", "urllib.request", "urllib3"}
# Training and commands run at an operator's word, on what he names.
FETCH_FREELY = (ROOT / "inference" / "training", ROOT / "inference" / "management")

# A model may live in another server: one that the operator has listed, see `core/reach.py`.
FETCHES_WHAT_IS_LISTED = {"inference/runtimes/oip.py"}

ML_LIBRARIES = {"joblib", "onnx", "onnxruntime", "skl2onnx", "sklearn", "skops"}
MAKES_MODELS = ROOT / "inference" / "training"
RUNS_MODELS = ROOT / "inference" / "runtimes"


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_the_directions_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_core_module_has_its_test_file() -> None:
    modules = {path.name for path in (ROOT / "inference" / "core").glob("[!_]*.py")}
    tests = {
        path.name.removeprefix("test_") for path in (ROOT / "tests" / "core").glob("test_*.py")
    }

    assert modules - tests == set()


def test_only_env_reads_the_environment() -> None:
    readers = {
        name(module)
        for module in MODULES
        if {"os.environ", "os.getenv"} & {*attributes(parse(module)), *imports(parse(module))}
    }

    # Whoever starts a process names the settings module, as Django wants; that is a write.
    assert {each for each in readers if not names_settings_only(ROOT / each)} == {
        "asgi_project/env.py"
    }


def names_settings_only(module: Path) -> bool:
    wanted = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "asgi_project.settings")'
    text = module.read_text(encoding="utf-8")
    return wanted in text and text.count("os.environ") == 1 and "getenv" not in text


def test_only_live_and_its_relay_speak_to_groups() -> None:
    speakers = {
        name(m) for m in MODULES if any(a.endswith(".group_send") for a in attributes(parse(m)))
    }

    assert speakers == {"inference/live.py", "inference/relay.py"}


def test_the_server_fetches_no_address() -> None:
    """A server that fetches what a caller names opens the network behind it to that caller."""
    serving = [m for m in MODULES if not any(folder in m.parents for folder in FETCH_FREELY)]

    fetching = {name(m) for m in serving if FETCHERS & set(imports(parse(m)))}
    assert fetching == FETCHES_WHAT_IS_LISTED


def test_only_one_room_of_what_serves_knows_the_ml_library() -> None:
    """Glue code: the next version of a library is met in one place."""
    serving = [m for m in MODULES if MAKES_MODELS not in m.parents]
    tops = {m: {each.partition(".")[0] for each in imports(parse(m))} for m in serving}
    knowing = {m for m, found in tops.items() if found & ML_LIBRARIES}

    assert {name(m) for m in knowing if RUNS_MODELS not in m.parents} == set()
    assert {name(m) for m in knowing if "sklearn" in tops[m]} == {"inference/runtimes/sklearn.py"}


def test_each_silenced_rule_carries_its_reason() -> None:
    silenced = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(?P<rest>.*)$", re.MULTILINE)
    reasoned = re.compile(r"^(?::\s*|\[)[\w\d, -]+\]?\s+#\s+\S")

    bare = {
        f"{name(source)}: {found['rest']}"
        for source in SOURCES
        if source != Path(__file__)
        for found in silenced.finditer(source.read_text(encoding="utf-8"))
        if not reasoned.match(found["rest"])
    }

    assert bare == set()


def test_each_rule_left_out_carries_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lint = CONFIG["tool"]["ruff"]["lint"]
    left_out = {
        *lint["ignore"],
        *(rule for each in lint["per-file-ignores"].values() for rule in each),
    }

    reasoned = set(re.findall(r'^  "([A-Z]+\d*)",\s+# \S', text, re.MULTILINE))

    assert left_out - reasoned == set()


@pytest.mark.parametrize(("package", "floor"), FLOORS.items())
def test_nothing_older_than_its_floor_is_installed(package: str, floor: str) -> None:
    found = tuple(int(part) for part in re.findall(r"\d+", version(package))[:3])

    assert found >= tuple(int(part) for part in floor.split("."))


@pytest.mark.parametrize("pins", PINS)
def test_each_pin_is_exact_and_hashed(pins: str) -> None:
    text = (ROOT / pins).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]

    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_no_lock_file_says_where_packages_come_from() -> None:
    """An index is the business of the machine that installs."""
    locks = [*PINS, "package-lock.json"]

    assert [lock for lock in locks if "://" in (ROOT / lock).read_text(encoding="utf-8")] == []
