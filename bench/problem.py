"""What ends a run: a sentence for whoever started it."""

from __future__ import annotations


class BenchFailed(Exception):
    """The run cannot go on, or what it measured would mean nothing."""
