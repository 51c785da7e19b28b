"""The environment is read strictly, its secrets stay secret, and the docs say the same."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command

from asgi_project import env
from asgi_project import settings as project
from asgi_project.readers import ConfigError
from inference import checks, signing

SECRET = "s" * 48


def production(**more: str) -> dict[str, str]:
    return {"SECRET_KEY": SECRET, **more}


def opened(folder: Path, **more: str) -> dict[str, str]:
    return {"WEIR_PROFILE": "open", "WEIR_DATA_DIR": str(folder), **more}


def manage(environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(env.BASE_DIR / "manage.py"), *words]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


# -- defaults


def test_production_is_the_profile_nobody_has_to_ask_for() -> None:
    found = env.read(production())

    assert (found.profile, found.host, found.secure_ssl) == ("production", "0.0.0.0", True)  # noqa: S104  # the default under test
    assert found.allowed_hosts == ()


def test_the_open_profile_stays_on_this_machine(tmp_path: Path) -> None:
    found = env.read(opened(tmp_path))

    assert (found.host, found.secure_ssl) == ("127.0.0.1", False)
    assert found.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")


def test_without_addresses_one_process_and_one_file_do_everything(tmp_path: Path) -> None:
    found = env.read(opened(tmp_path))

    assert found.redis_url is None
    assert found.database_url == f"sqlite:///{tmp_path}/weir.sqlite3"


def test_an_empty_value_counts_as_not_given() -> None:
    found = env.read(production(REDIS_URL="", PORT=""))

    assert (found.redis_url, found.port) == (None, 8000)
    assert found.given == {"SECRET_KEY"}


# -- refusals

REFUSED = [
    ({"WEIR_PROFIL": "open"}, "WEIR_PROFIL is no setting of Weir; did you mean WEIR_PROFILE?"),
    ({"WEIR_QQQQQQ": "1"}, "WEIR_QQQQQQ is no setting of Weir"),
    ({"WEIR_PROFILE": "Open"}, "WEIR_PROFILE must be one of open, production"),
    ({"PORT": "eighty"}, "PORT must be a whole number"),
    ({"PORT": "65536"}, "PORT must lie between 0 and 65535"),
    ({"WEIR_MAX_BATCH_ROWS": "0"}, "WEIR_MAX_BATCH_ROWS must lie between 1 and 65536"),
    ({"WEIR_MAX_BATCH_ROWS": "-1"}, "WEIR_MAX_BATCH_ROWS must lie between 1 and 65536"),
    ({"WEIR_DRAIN_SECONDS": "nan"}, "WEIR_DRAIN_SECONDS must lie between 0 and 600 seconds"),
    ({"WEIR_DRAIN_SECONDS": "soon"}, "WEIR_DRAIN_SECONDS must be a number of seconds"),
    ({"WEIR_SECURE_SSL": "of"}, "WEIR_SECURE_SSL must be true or false"),
    ({"WEIR_LOG_MODE": "loud"}, "WEIR_LOG_MODE must be one of strict, fast, off"),
    ({"DATABASE_URL": "oracle://h/d"}, "DATABASE_URL must start with sqlite:// or postgres://"),
    ({"DATABASE_URL": "sqlite"}, "DATABASE_URL must start with sqlite:// or postgres://"),
    ({"REDIS_URL": "http://h"}, "REDIS_URL must start with redis:// or rediss:// or unix://"),
    ({"WEIR_ALLOWED_ORIGINS": "https://a.b/c"}, "WEIR_ALLOWED_ORIGINS holds 'https://a.b/c'"),
    ({"WEIR_ALLOWED_ORIGINS": "null"}, "WEIR_ALLOWED_ORIGINS holds 'null'"),
    ({"WEIR_REMOTE_HOSTS": "http://triton"}, "WEIR_REMOTE_HOSTS holds 'http://triton'"),
    ({"WEIR_REMOTE_HOSTS": "triton,*"}, "WEIR_REMOTE_HOSTS holds '*'"),
    ({"WEIR_REMOTE_HOSTS": "triton:"}, "WEIR_REMOTE_HOSTS holds 'triton:'"),
    ({"WEIR_REMOTE_TOKENS": "triton"}, "WEIR_REMOTE_TOKENS holds something that is no pair"),
    ({"WEIR_REMOTE_TOKENS": "a=b c"}, "WEIR_REMOTE_TOKENS holds something that is no pair"),
    ({"WEIR_REMOTE_TOKENS": "http://a=b"}, "WEIR_REMOTE_TOKENS holds something that is no pair"),
    ({"WEIR_REMOTE_TIMEOUT_MS": "0"}, "WEIR_REMOTE_TIMEOUT_MS must lie between 10 and 600000"),
    ({"SECRET_KEY": ""}, "SECRET_KEY is missing"),
    ({"SECRET_KEY": "short"}, "SECRET_KEY must have at least 32 characters"),
    ({"WEIR_MAX_QUEUE_ROWS": "10"}, "WEIR_MAX_REQUEST_ROWS must not exceed WEIR_MAX_QUEUE_ROWS"),
]


@pytest.mark.parametrize(("change", "sentence"), REFUSED)
def test_what_cannot_be_served_is_refused_by_name(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        env.read(production() | change)

    assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize("change", [{"WEIR_PROFIL": "open"}, {"PORT": "x"}, {"SECRET_KEY": ""}])
def test_a_bad_environment_ends_the_process_with_one_line_and_code_2(
    change: dict[str, str],
) -> None:
    ended = manage(production() | change, "check")

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("weir: ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_data_directory_that_cannot_be_made_is_one_line_too(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    ended = manage(production(WEIR_DATA_DIR=str(tmp_path / "file" / "var")), "check")

    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)


# -- values


def test_lists_are_read_between_commas() -> None:
    found = env.read(
        production(
            ALLOWED_HOSTS=" a.example, b.example ,", WEIR_ALLOWED_ORIGINS="https://c.example:8443"
        )
    )

    assert found.allowed_hosts == ("a.example", "b.example")
    assert found.allowed_origins == ("https://c.example:8443",)


def test_tokens_are_read_by_host_and_may_hold_what_separates_them() -> None:
    found = env.read(production(WEIR_REMOTE_TOKENS="a:80=x=y==, b=z"))

    assert found.remote_tokens == (("a:80", "x=y=="), ("b", "z"))


def test_the_signing_key_follows_from_the_secret_and_is_not_it() -> None:
    one, same = env.read(production()), env.read(production())
    other = env.read({"SECRET_KEY": "t" * 48})

    assert one.signing_key == same.signing_key
    assert one.signing_key not in {SECRET, other.signing_key}


def test_processes_with_either_half_of_a_pair_are_one_deployment() -> None:
    pair = signing.make()
    one, other = (
        env.read(production(WEIR_SIGNING_KEY=text)) for text in (pair.text, pair.public.text)
    )

    assert one.namespace == other.namespace
    assert one.namespace != env.read(production()).namespace


@pytest.mark.parametrize("name", ["WEIR_SIGNING_KEY", "WEIR_TRUSTED_KEYS"])
def test_a_damaged_key_is_not_taken_for_a_secret(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is no key"):
        env.read(production(**{name: "ed25519:short"}))


# -- the secret that the open profile keeps


def test_the_open_profile_keeps_its_secret_for_the_next_start(tmp_path: Path) -> None:
    first, second = env.read(opened(tmp_path / "new")), env.read(opened(tmp_path / "new"))

    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= env.SHORTEST_SECRET


def test_nobody_else_may_read_the_kept_secret(tmp_path: Path) -> None:
    env.read(opened(tmp_path))

    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_production_never_takes_a_kept_secret(tmp_path: Path) -> None:
    env.read(opened(tmp_path))

    with pytest.raises(ConfigError, match="SECRET_KEY is missing"):
        env.read({"WEIR_DATA_DIR": str(tmp_path)})


# -- the report


def test_the_report_names_every_variable_with_value_and_source() -> None:
    lines = list(env.read(production(PORT="9000")).report())

    assert len(lines) == len(env.variables())
    assert "PORT=9000  # source: environment" in lines
    assert "WEIR_MAX_BATCH_ROWS=256  # source: default" in lines
    assert "WEIR_SECURE_SSL=true  # source: default" in lines
    assert "REDIS_URL=  # source: default" in lines


def test_no_secret_is_shown() -> None:
    found = env.read(
        production(
            WEIR_SIGNING_KEY="hush-signing",
            DATABASE_URL="postgres://weir:hush@one@db.example/weir",
            REDIS_URL="rediss://:hush-redis@redis.example:6380/0",
        )
    )

    shown = "\n".join([*found.report(), repr(found)])

    assert SECRET not in shown
    assert "hush" not in shown
    assert "DATABASE_URL=postgres://weir:***@db.example/weir  # source: environment" in shown
    assert "REDIS_URL=rediss://:***@redis.example:6380/0  # source: environment" in shown


def test_the_command_prints_what_is_in_force() -> None:
    printed = StringIO()

    call_command("settings", stdout=printed)

    assert printed.getvalue().splitlines() == list(settings.WEIR.report())


def test_the_docs_hold_the_table_that_the_command_prints() -> None:
    printed = StringIO()
    call_command("settings", "--table", stdout=printed)
    page = (env.BASE_DIR / "docs" / "settings.md").read_text(encoding="utf-8")

    rows = [line for line in page.splitlines() if line.startswith("| `")]

    assert rows == printed.getvalue().splitlines()


# -- what Django makes of it


def test_a_request_never_keeps_a_connection() -> None:
    assert settings.DATABASES["default"]["CONN_MAX_AGE"] == 0


@pytest.mark.parametrize(
    ("address", "engine", "expected"),
    [
        ("sqlite:///x", "asgi_project.sqlite", {"transaction_mode": "IMMEDIATE"}),
        ("postgres://ann@h/d", "asgi_project.postgresql", {"connect_timeout": 3}),
        ("postgresql://ann@h/d", "asgi_project.postgresql", {"tcp_user_timeout": 5000}),
        ("postgres://h/d?connect_timeout=9", "asgi_project.postgresql", {"connect_timeout": 9}),
        ("mysql://h/d", "django.db.backends.mysql", {"connect_timeout": 3, "read_timeout": 30}),
        ("mysql://h/d?read_timeout=3600", "django.db.backends.mysql", {"read_timeout": 3600}),
    ],
)
def test_a_database_gets_options_of_its_kind_and_what_its_address_says(
    monkeypatch: pytest.MonkeyPatch, address: str, engine: str, expected: dict[str, object]
) -> None:
    monkeypatch.setattr(project, "WEIR", env.read(production(DATABASE_URL=address)))

    found = project._database()

    assert found["ENGINE"] == engine
    assert found["OPTIONS"].items() >= expected.items()


def test_no_page_of_local_variables_is_ever_shown() -> None:
    assert settings.DEBUG is False


def test_code_that_lies_where_nothing_can_be_written_is_served(tmp_path: Path) -> None:
    folder = tmp_path / "a file, not a folder" / "staticfiles"
    folder.parent.touch()

    assert project._made(folder) == folder
    assert not folder.exists()


def test_many_web_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "WEIR", env.read(production(WEB_CONCURRENCY="2")))

    assert [error.id for error in checks.one_web_process(None)] == ["weir.E001"]


def test_one_web_process_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "WEIR", env.read(production(WEB_CONCURRENCY="1")))

    assert checks.one_web_process(None) == []


def test_an_open_door_is_named_before_deployment() -> None:
    found = run_checks(include_deployment_checks=True, tags=["security"])

    assert "weir.W001" in {warning.id for warning in found}


def test_a_file_as_database_beside_redis_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "WEIR", env.read(production(REDIS_URL="redis://h")))

    assert [warning.id for warning in checks.one_machine_with_sqlite(None)] == ["weir.W002"]


def test_two_deployments_that_share_a_redis_do_not_meet() -> None:
    """Their algorithms have the same ids, and each would answer the other's requests."""
    one = env.read({"SECRET_KEY": "a" * 40}).namespace
    other = env.read({"SECRET_KEY": "b" * 40}).namespace

    assert one != other
    assert one == env.read({"SECRET_KEY": "a" * 40}).namespace
    assert "a" * 8 not in one
    assert env.read({"SECRET_KEY": "a" * 40, "WEIR_NAMESPACE": "mine"}).namespace == "mine"
