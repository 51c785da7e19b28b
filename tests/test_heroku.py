"""What the platform reads before any of our code runs says the same as our code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands

from asgi_project import env
from asgi_project.env import Environment
from asgi_project.readers import ConfigError
from tests import servers

ROOT = env.BASE_DIR
PROCESSES = dict(
    re.findall(r"^(\w+): (.+)$", (ROOT / "Procfile").read_text(encoding="utf-8"), re.MULTILINE)
)
APP: dict[str, Any] = json.loads((ROOT / "app.json").read_text(encoding="utf-8"))
# By which variable an add-on tells where it is, as its own documentation says.
TOLD_BY = {"heroku-redis": "REDIS_URL", "heroku-postgresql": "DATABASE_URL"}
NAMES = {variable.name for variable in env.variables().values()}
SECRET = "0123456789abcdef" * 4  # as the platform makes one: 64 hexadecimal digits
THREE = {
    "SECRET_KEY": SECRET,
    "DATABASE_URL": "postgres://user:word@db.example:5432/name",
    "REDIS_URL": "rediss://:word@redis.example:6380",
}


def on_heroku(**more: str) -> Environment:
    return env.read({"DYNO": "web.1", **THREE, **more})


# -- Procfile and app.json


def test_web_worker_and_release_are_started() -> None:
    assert set(PROCESSES) == {"web", "worker", "release"}


@pytest.mark.parametrize("command", PROCESSES.values(), ids=PROCESSES)
def test_each_process_is_a_command_that_is_there(command: str) -> None:
    python, script, name = command.split()

    assert (python, script) == ("python", "manage.py")
    assert name in get_commands()


def test_each_command_in_the_guide_is_there() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    named = set(re.findall(r"manage\.py (\w+)", guide))

    assert named >= {"migrate", "register", "bundles"}
    assert named - {command.split()[-1] for command in PROCESSES.values()} <= set(get_commands())


def test_what_is_asked_for_is_a_setting_that_has_no_default() -> None:
    assert set(APP["env"]) <= NAMES
    with pytest.raises(ConfigError, match="SECRET_KEY is missing"):
        env.read({"DYNO": "web.1"})
    assert set(APP["env"]) == {"SECRET_KEY"}


def test_each_add_on_tells_us_where_it_is() -> None:
    told = {TOLD_BY[addon.partition(":")[0]] for addon in APP["addons"]}

    assert told == {"REDIS_URL", "DATABASE_URL"} <= NAMES


def test_the_formation_is_of_processes_that_exist() -> None:
    assert set(APP["formation"]) == set(PROCESSES) - {"release"}


def test_the_dashboards_libraries_are_there_before_static_files_are_collected() -> None:
    assert [each["url"] for each in APP["buildpacks"]] == ["heroku/nodejs", "heroku/python"]


def test_the_python_is_one_that_weir_runs_on() -> None:
    asked = (ROOT / ".python-version").read_text(encoding="utf-8")
    served = (ROOT / "README.md").read_text(encoding="utf-8")

    assert re.fullmatch(r"3\.\d+\n", asked)
    assert asked.strip() in re.findall(r"3\.\d+", served.partition("and `make`")[0])


def test_the_lock_of_the_libraries_is_of_this_package() -> None:
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    locked = lock["packages"][""]

    assert re.fullmatch(r"\d+\.x", package["engines"]["node"])
    for part in ("name", "license", "engines", "dependencies"):
        assert locked[part] == package[part]


# -- three variables are enough


def test_where_there_is_one_router_in_front_it_is_believed() -> None:
    found = on_heroku()

    assert (found.profile, found.secure_ssl, found.trusted_proxies) == ("production", True, 1)
    assert found.allowed_hosts == (".herokuapp.com",)


def test_no_disk_is_needed_and_no_certificate() -> None:
    found = on_heroku()

    assert (found.bundles, found.redis_verify_tls) == ("database", False)


def test_whoever_says_otherwise_is_obeyed() -> None:
    found = on_heroku(
        ALLOWED_HOSTS="weir.example",
        WEIR_TRUSTED_PROXIES="2",
        WEIR_BUNDLES="s3://ours",
        WEIR_REDIS_VERIFY_TLS="true",
    )

    assert (found.allowed_hosts, found.trusted_proxies) == (("weir.example",), 2)
    assert (found.bundles, found.redis_verify_tls) == ("s3://ours", True)


def test_elsewhere_nobody_is_believed_unasked() -> None:
    found = env.read(THREE)

    assert (found.trusted_proxies, found.allowed_hosts) == (0, ())
    assert found.redis_verify_tls


def test_with_sqlite_bundles_are_files_as_ever() -> None:
    assert env.read({"SECRET_KEY": SECRET}).bundles == "files"


# -- the build

NOWHERE = {
    "DATABASE_URL": "postgres://user@127.0.0.1:1/none",
    "REDIS_URL": "rediss://127.0.0.1:1",
}


@pytest.mark.parametrize("more", [{}, NOWHERE], ids=["before the add-ons", "with them"])
def test_static_files_are_collected_without_asking_anybody(
    more: dict[str, str], tmp_path: Path
) -> None:
    ours = {**more, "SECRET_KEY": SECRET, "WEIR_PROFILE": ""}

    done = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--dry-run"],
        cwd=ROOT,
        env=servers.environment(tmp_path, ours),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "dashboard/main.js" in done.stdout
