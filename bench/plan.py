"""How much is measured: how many rounds, how long each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Times in seconds. The median of the rounds is reported; within a round, all take turns."""

    rounds: int
    http: float
    sockets: float
    warm: float
    lone_calls: int
    starts: int
    connections: tuple[int, ...] = (32, 128)


FULL = Plan(rounds=3, http=5.0, sockets=4.0, warm=1.0, lone_calls=1000, starts=3)
QUICK = Plan(rounds=1, http=1.0, sockets=1.0, warm=0.5, lone_calls=300, starts=1)
