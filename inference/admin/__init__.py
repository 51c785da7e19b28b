"""The admin: everything that is kept, to be looked at; what can be done goes through services."""

from __future__ import annotations

from inference.admin import durable, experiments, keys, lifecycle, log, registry, watching

__all__ = ["durable", "experiments", "keys", "lifecycle", "log", "registry", "watching"]
