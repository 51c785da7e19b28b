"""Speaks to a Weir server: predictions, streams, feedback and what can be watched."""

from __future__ import annotations

from weir_client.aio import AsyncClient
from weir_client.errors import WeirError
from weir_client.rest import Client
from weir_client.retries import Retries

__all__ = ["AsyncClient", "Client", "Retries", "WeirError"]
