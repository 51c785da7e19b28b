"""What a server and all that it starts took is a number, or nothing at all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.family import Family
from bench.problem import BenchFailed


def family(folder: Path, program: str) -> Family:
    return Family("peer", [sys.executable, "-c", program], 0, {}, folder / "log")


def test_a_family_takes_time(tmp_path: Path) -> None:
    with family(tmp_path, "import signal; signal.pause()") as running:
        assert running.cpu_seconds() >= 0.0


def test_who_has_ended_took_no_time_that_could_be_told(tmp_path: Path) -> None:
    with family(tmp_path, "") as ended:
        assert ended._process is not None
        ended._process.wait(30)

        with pytest.raises(BenchFailed, match="peer"):
            ended.cpu_seconds()
