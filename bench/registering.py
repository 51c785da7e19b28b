"""`python -m bench.registering JOB ENDPOINT COUNT`: one model asked for, and COUNT others.

The commands in one process, because a process for each would take minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import django
from django.core.management import call_command

BESIDE = "beside"


def main(folder: Path, endpoint: str, further: int) -> None:
    django.setup()
    for at in range(further + 1):
        name = f"{BESIDE}_{at}" if at else endpoint
        call_command(
            "register",
            str(folder / "model.joblib"),
            endpoint=name,
            name="linear",
            model_version=str(at + 1),
            status="production",
            verbosity=0,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
