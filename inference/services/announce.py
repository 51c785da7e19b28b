"""How the rest of the process hears of a change, once it is committed and never before.

`registry_changed` comes first in a transaction that changes the registry: its UPDATE makes such
transactions queue up behind each other in every database, so that what one of them reads stays true
until it commits.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from inference import live, registry
from inference.models import RegistryState


def registry_changed() -> None:
    """One version on; this process looks at once, the others within their next tick."""
    if not RegistryState.objects.update(version=F("version") + 1):
        RegistryState.objects.create(version=1)
    transaction.on_commit(registry.changed, robust=True)


def experiment_changed(abtest_id: int) -> None:
    """The tally of this test moved."""
    topic = f"experiment:{abtest_id}"
    transaction.on_commit(lambda: live.touch(topic), robust=True)
