"""One event is one line, whatever stands in it."""

from __future__ import annotations

import logging

from asgi_project.logs import LineFormatter

FORMATTER = LineFormatter("%(levelname)s %(name)s %(message)s")


def line(message: str, **extra: object) -> str:
    record = logging.makeLogRecord({"name": "weir", "levelname": "INFO", "msg": message, **extra})
    return FORMATTER.format(record)


def test_ids_follow_the_message() -> None:
    assert line("batch done", model=7, rows=32) == "INFO weir batch done model=7 rows=32"


def test_a_server_s_coloured_second_message_is_left_out() -> None:
    assert line("ready", color_message="\x1b[1mready\x1b[0m") == "INFO weir ready"


def test_a_caller_cannot_forge_the_next_line() -> None:
    assert (
        line("name is a\nINFO weir b", who="x\r\ny")
        == "INFO weir name is a\\nINFO weir b who=x\\r\\ny"
    )


def test_a_traceback_stays_on_its_line() -> None:
    error = ValueError("bad")

    written = line("failed", exc_info=(ValueError, error, error.__traceback__))

    assert written.count("\n") == 0
    assert written.endswith("ValueError: bad")
