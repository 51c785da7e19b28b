"""All faults, by the ids that they have in the matrix of promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.faults import of_bytes, of_processes, of_redis, of_storage, of_time, of_use
from tests.faults.nemesis import Fault

_MODULES: Final = (of_bytes, of_processes, of_redis, of_storage, of_time, of_use)


def _number(fault: Fault) -> int:
    """F9 before F10."""
    return int(fault.id.removeprefix("F"))


_FOUND: Final = [
    each for module in _MODULES for each in vars(module).values() if isinstance(each, Fault)
]
CATALOGUE: Final[Mapping[str, Fault]] = {each.id: each for each in sorted(_FOUND, key=_number)}
