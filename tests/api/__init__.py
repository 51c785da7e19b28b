"""REST framework's part by itself: refusals, permissions, parsers, pages."""

from __future__ import annotations
