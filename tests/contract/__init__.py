"""The tutorial's contract, asked of every door that speaks it."""

from __future__ import annotations
