"""What failed of many checks, for scripts that another Python runs."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Report:
    """Goes on after a failure, and prints all of them as JSON in the end."""

    def __init__(self) -> None:
        self.done = 0
        self.failed: dict[str, str] = {}

    def check(self, name: str, well: object) -> None:
        self.done += 1
        if not well:
            self.failed[name] = f"{well!r}"

    @contextmanager
    def trying(self, name: str) -> Iterator[None]:
        self.done += 1
        try:
            yield
        except Exception:  # noqa: BLE001  # told with the others
            self.failed[name] = traceback.format_exc()[-800:]

    def print(self) -> None:
        sys.stdout.write(json.dumps({"done": self.done, "failed": self.failed}))


def refused(call: Callable[[], object], kind: type[Exception]) -> str:
    """What was said to a call that must fail."""
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError("it was not refused")
