"""A failure that goes on is news once; after that it is said to whoever looks closely."""

from __future__ import annotations

import logging


class News:
    """`sentence` has a place for the error."""

    def __init__(self, logger: logging.Logger, sentence: str) -> None:
        self._logger = logger
        self._sentence = sentence
        self._known = False

    def failed(self, error: Exception) -> None:
        level = logging.DEBUG if self._known else logging.WARNING
        self._logger.log(level, self._sentence, error)
        self._known = True

    def worked(self) -> None:
        """The next failure is news again."""
        self._known = False
