"""The list of subjects that a phase leaves behind, so that they keep their arms."""

from __future__ import annotations

from collections.abc import Iterator

from inference.core import kept
from inference.models import ABTest, Exposure, Roster


def keep(test: ABTest) -> None:
    """Write down who was seen in the phase that ends, as of this transaction."""
    for piece, data in enumerate(kept.pieces(_seen(test))):
        Roster.objects.create(abtest=test, phase=test.phase, piece=piece, data=data)


def _seen(test: ABTest) -> Iterator[tuple[int, int]]:
    """Each subject's hash and the position of its arm."""
    positions = {arm.pk: arm.position for arm in test.current}
    rows = Exposure.objects.filter(abtest=test, phase=test.phase).order_by()
    for subject, arm_id in rows.values_list("subject", "arm_id").iterator(10_000):
        yield subject, positions[arm_id]
