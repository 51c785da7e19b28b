"""Which layer of the server a stack belongs to: the deepest frame that we know decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

IDLE: Final = "idle: nothing to do"
GIL: Final = "waiting for the GIL"

# Read in this order for each frame, from the deepest frame upwards.
_RULES: Final[tuple[tuple[str, str], ...]] = (
    ("epoll_", IDLE),
    ("PyThread_acquire_lock", IDLE),
    ("pthread_cond_", GIL),
    ("write (libc", "kernel: write to a socket"),
    ("writev (libc", "kernel: write to a socket"),
    ("send (libc", "kernel: write to a socket"),
    ("read (libc", "kernel: read from a socket"),
    ("pwrite64 (libc", "log: SQLite"),
    ("sqlite", "log: SQLite"),
    ("onnxruntime", "model: ONNX Runtime"),
    ("inference/runtimes/", "model: our call of it"),
    ("RequestResponseCycle.send (", "uvicorn: answer"),
    ("uvicorn/protocols/http/", "uvicorn: request"),
    ("uvicorn/protocols/websockets/", "uvicorn: WebSocket"),
    ("websockets/", "uvicorn: WebSocket"),
    ("asgi_project/asgi.py", "ASGI application"),
    ("channels/", "ASGI application"),
    ("inference/dataplane/", "data plane"),
    ("inference/access.py", "data plane"),
    ("consumers/", "consumer"),
    ("inference/core/wire.py", "frames: read and write"),
    ("inference/core/rows.py", "read rows"),
    ("inference/core/reader.py", "read rows"),
    ("inference/core/jsonstrict.py", "read rows"),
    ("inference/core/schema.py", "read rows"),
    ("inference/core/answers.py", "render answers"),
    ("inference/core/tickets.py", "render answers"),
    ("inference/core/routing.py", "gateway"),
    ("inference/core/assignment.py", "gateway"),
    ("inference/core/asking.py", "gateway"),
    ("inference/gateway.py", "gateway"),
    ("inference/ids.py", "gateway"),
    ("inference/engine/commit.py", "log: hand-over"),
    ("inference/engine/", "engine"),
    ("inference/core/", "engine"),
    ("inference/live", "live"),
    ("inference/operations.py", "live"),
    ("inference/snapshots.py", "live"),
    ("inference/services/", "log: Python"),
    ("django/db/", "log: Python"),
    ("asgi_project/serving.py", "log: Python"),
    ("uvicorn/", "event loop"),
    ("asyncio/", "event loop"),
    ("loop.c", "event loop"),
)


def layer(frames: Sequence[str]) -> str:
    """Of a stack, root first."""
    for frame in reversed(frames):
        for needle, name in _RULES:
            if needle in frame:
                return name
    return "other"
