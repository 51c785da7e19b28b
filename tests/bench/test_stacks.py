from __future__ import annotations

import pytest

from bench import layers, stacks
from bench.stacks import Stack

RAW = """\
thread (12): MainThread;Runner.run (asyncio/runners.py:118);Gateway.begin (inference/gateway.py:1) 3
thread (12): MainThread;Runner.run (asyncio/runners.py:118);epoll_pwait (libc.so.6) 1

thread (13): weir-log;Thread._run (inference/engine/thread.py:53);pthread_cond_wait (libc.so.6) 2
"""


def test_samples_are_read_by_thread() -> None:
    found = stacks.by_thread(stacks.parsed(RAW))

    assert {name: sum(s.count for s in seen) for name, seen in found.items()} == {
        "MainThread": 4,
        "weir-log": 2,
    }


def test_shares_are_of_all_samples_the_largest_first() -> None:
    seen = stacks.by_thread(stacks.parsed(RAW))["MainThread"]

    assert list(stacks.shares(seen, stacks.layer_of).items()) == [
        ("gateway", 0.75),
        (layers.IDLE, 0.25),
    ]
    assert list(stacks.shares(seen, stacks.function_of)) == [
        "Gateway.begin (inference/gateway.py)",
        "Runner.run (asyncio/runners.py)",
    ]


@pytest.mark.parametrize(
    ("frames", "layer"),
    [
        (["run (asyncio/runners.py:1)", "read (inference/core/rows.py:2)"], "read rows"),
        (["read (inference/core/rows.py:2)", "pthread_cond_timedwait (libc.so.6)"], layers.GIL),
        (
            ["get (queue.c:1)", "PyThread_acquire_lock_timed (lib)", "0x7efd (libc.so.6)"],
            layers.IDLE,
        ),
        (["send (x.py:1)", "write (libc.so.6)"], "kernel: write to a socket"),
        (["strange (lib.so)"], "other"),
    ],
)
def test_the_deepest_frame_that_is_known_names_the_layer(frames: list[str], layer: str) -> None:
    assert stacks.layer_of(Stack("t", frames, 1)) == layer
