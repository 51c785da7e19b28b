"""A journal can be read while it is written, and whole after its writer was killed."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.journal import Event, Journal, Reader


def test_entries_come_back_as_they_were_noted(tmp_path: Path) -> None:
    journal, reader = Journal(tmp_path / "journal"), Reader(tmp_path / "journal")
    before = time.monotonic()
    journal.note("a", Event.SENT, 7)
    journal.note("a", Event.ANSWERED, 7, request_id=1, value=22.0, version="1", connection=2)
    sent, answered = reader.more()
    assert (sent.client, sent.event, sent.nonce, sent.request_id) == ("a", Event.SENT, 7, None)
    assert (answered.value, answered.version, answered.connection) == (22.0, "1", 2)
    assert before <= sent.at <= answered.at <= time.monotonic()
    journal.close()
    reader.close()


def test_each_look_returns_what_is_new_and_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal, reader = Journal(path), Reader(path)
    journal.note("a", Event.SENT, 1)
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(whole[:10])
    assert [entry.nonce for entry in reader.more()] == [1]
    with path.open("ab") as file:
        file.write(whole[10:])
    assert [entry.nonce for entry in reader.more()] == [1]
    assert not reader.more()
    journal.close()
    reader.close()
