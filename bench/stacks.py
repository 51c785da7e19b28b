"""Samples of stacks as py-spy writes them, counted by thread, layer and function."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.layers import layer

_THREAD = re.compile(r"thread \([^)]*\): (.*)")
_PYTHON = re.compile(r"^(?P<name>.*) \((?P<file>[^()]*\.py):\d+\)$")


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames from the root to the leaf, seen `count` times in `thread`."""

    thread: str
    frames: Sequence[str]
    count: int


def parsed(text: str) -> list[Stack]:
    """Of py-spy's format `raw`."""
    return [_stack(line) for line in text.splitlines() if line.strip()]


def by_thread(stacks: Iterable[Stack]) -> dict[str, list[Stack]]:
    found: dict[str, list[Stack]] = {}
    for stack in stacks:
        found.setdefault(stack.thread, []).append(stack)
    return found


def shares(stacks: Sequence[Stack], key: Callable[[Stack], str]) -> dict[str, float]:
    """What part of the samples each key has, the largest first."""
    counts: Counter[str] = Counter()
    for stack in stacks:
        counts[key(stack)] += stack.count
    total = counts.total()
    return {name: count / total for name, count in counts.most_common()}


def layer_of(stack: Stack) -> str:
    return layer(stack.frames)


def function_of(stack: Stack) -> str:
    """The Python function that was running; what C does on its behalf counts as its own."""
    for frame in reversed(stack.frames):
        found = _PYTHON.match(frame)
        if found:
            return f"{found['name']} ({found['file']})"
    return "?"


def _stack(line: str) -> Stack:
    text, _, count = line.rpartition(" ")
    first, *frames = text.split(";")
    named = _THREAD.match(first)
    return Stack(named[1] if named else first, frames, int(count))
