"""What the live topics say, for those who ask by REST instead of listening."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from inference import gateway, live, readouts
from inference.api import loop
from inference.core.errors import Draining


class OperationsView(APIView):
    """Traffic, batches and latencies of this process, with the last minutes."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """The topic `operations`, as a newcomer gets it."""
        return Response(_snapshot("operations"))


def experiment(abtest_id: int) -> dict[str, Any]:
    """As a newcomer gets it; a process that publishes nothing has no sequence number for it.

    Raises ABTest.DoesNotExist.
    """
    try:
        return _snapshot(f"experiment:{abtest_id}")
    except Draining:
        return readouts.experiment_snapshot(abtest_id, with_history=True)


def _snapshot(topic: str) -> dict[str, Any]:
    publisher = live.current()
    return loop.wait(gateway.current(), publisher.snapshot(topic))
