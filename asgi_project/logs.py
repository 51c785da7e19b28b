"""One event, one line: the message, then the ids that came with it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
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


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for a machine that collects them."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with its `extra` under their own names."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        body: dict[str, object] = {
            "at": moment,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        body |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            body["trace"] = self.formatException(record.exc_info)
        return json.dumps(body, default=str)
