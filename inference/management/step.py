"""What the steps from data to a model have in common as commands: words or JSON, and a code."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from django.core.management.base import BaseCommand, CommandError

from inference.core.errors import StorageUnavailable, WeirError

FAILED: Final = 1  # the step was taken, and what it looked at does not pass
REFUSED: Final = 2  # the step could not be taken
STOPPED: Final = 130  # by Ctrl-C, as a shell says it
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step found, for people and for programs; `failed` says why it does not pass."""

    words: str
    facts: Mapping[str, Any]
    failed: str = ""


class Step(BaseCommand):
    """A command that takes one step, and says so in words, or as JSON to whoever asks for that."""

    requires_system_checks = ()  # a step between files needs neither addresses nor a database

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.options(parser)
        parser.add_argument("--json", action="store_true", help="say it as JSON")

    def options(self, parser: ArgumentParser) -> None:
        """The arguments of this step."""
        raise NotImplementedError

    def take(self, given: Mapping[str, Any]) -> Outcome:
        """Take it; raises WeirError."""
        raise NotImplementedError

    def handle(self, **given: Any) -> None:
        try:
            outcome = self.take(given)
        except WeirError as error:
            raise refusal(self, error, REFUSED, as_json=given["json"]) from error
        except OSError as error:
            found = StorageUnavailable(_where(error))
            raise refusal(self, found, REFUSED, as_json=given["json"]) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped.", returncode=STOPPED) from None
        self.stdout.write(json.dumps(outcome.facts) if given["json"] else outcome.words)
        if outcome.failed:
            raise CommandError(outcome.failed, returncode=FAILED)


def refusal(command: BaseCommand, error: WeirError, code: int, *, as_json: bool) -> CommandError:
    """To be raised: one sentence and its code, which whoever asked for JSON gets as that, too."""
    if as_json:
        command.stdout.write(json.dumps({"error": error.as_dict()}))
    sentence = " ".join(str(error).split())
    return CommandError(f"{sentence} ({error.code})", returncode=code)


def _where(error: OSError) -> str:
    """Of a file the name, and what the system says to it."""
    if error.filename is None:
        return str(error)
    return f"{error.filename} cannot be read or written: {error.strerror}."


def watched(what: str) -> Callable[[Iterable[Item], int], Iterable[Item]]:
    """Shows on a terminal how far it is; says nothing to a file or a scheduler."""

    def watch(items: Iterable[Item], total: int) -> Iterable[Item]:
        from tqdm import tqdm

        return tqdm(items, what, total, disable=not sys.stderr.isatty(), leave=False)

    return watch


@contextmanager
def stages(what: str, count: int) -> Iterator[Callable[[str], None]]:
    """What is to be told of each stage as it begins; shown on a terminal."""
    from tqdm import tqdm

    with tqdm(total=count, desc=what, disable=not sys.stderr.isatty(), leave=False) as bar:

        def told(stage: str) -> None:
            bar.set_postfix_str(stage)
            bar.update()

        yield told


def computing(parser: ArgumentParser) -> None:
    """On which processes or machines: see `inference.training.backends`."""
    parser.add_argument("--backend", choices=["loky", "dask", "ray"], help="or here, on one thread")
    parser.add_argument("--jobs", type=int, default=2, help="workers of the backend (2)")
    parser.add_argument("--scheduler", help="address of a dask or ray that runs already")


def moment(text: str) -> datetime:
    """A day or a moment as ISO 8601 writes it; in UTC unless it says otherwise."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
