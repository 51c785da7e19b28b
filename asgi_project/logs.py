"""One event, one line: the message, then the ids that came with it."""

from __future__ import annotations

import logging
from typing import Final

# What every record carries by itself; anything beyond it was given as `extra`. uvicorn adds its
# message once more, with colours.
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}


class LineFormatter(logging.Formatter):
    """Writes `extra` as `name=value` behind the message, and a traceback on the same line.

    A line break inside a message would let a caller forge the next line of the log.
    """

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        extra = {name: value for name, value in vars(record).items() if name not in _OWN}
        pairs = "".join(f" {name}={value}" for name, value in extra.items())
        return (super().format(record) + pairs).replace("\r", "\\r").replace("\n", "\\n")
