"""The client is installed without the server, from its own folder."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from tests import servers

PACKAGE = servers.ROOT / "weir_client"
NEEDED = {"httpx", "msgspec", "numpy", "websockets"}
OF_SERVER = ("asgi_project", "consumers", "inference", "django", "channels", "sklearn")
SCRIPT = f"""
import sys
import weir_client
from weir_client import AsyncClient, Client
assert weir_client.__file__.startswith(sys.argv[1]), weir_client.__file__
assert not [name for name in {OF_SERVER!r} if name in sys.modules]
Client("http://127.0.0.1:1").close()
"""


def test_it_needs_four_packages_and_names_them() -> None:
    stated = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]["dependencies"]
    imported = {
        name.split(".")[0]
        for path in PACKAGE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _names(node)
    }

    assert {each.partition(">=")[0] for each in stated} == NEEDED
    assert imported - set(sys.stdlib_module_names) - {"weir_client"} == NEEDED


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_what_is_tested_here_is_no_older_than_what_it_asks_for(name: str) -> None:
    stated = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]["dependencies"]
    floors = dict(each.split(">=") for each in stated)

    assert _version(metadata.version(name)) >= _version(floors[name])


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_it_installs_and_imports_where_the_server_is_not(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(
        PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]

    built = subprocess.run(
        [*pip, *alone, str(source)], capture_output=True, text=True, timeout=120, check=False
    )
    assert built.returncode == 0, built.stderr
    imported = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(target)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert imported.returncode == 0, imported.stderr
    modules = {path.name for path in PACKAGE.glob("*.py")}
    assert {path.name for path in (target / "weir_client").glob("*.py")} == modules
    assert (target / "weir_client" / "py.typed").exists()


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])
