"""What HTTP says of a request whose answer outlives its connection; both doors read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from inference import calls
from inference.core import census, preference
from inference.durable.door import Answer
from inference.services.standings import Standing

REPLAYED: Final = "Idempotency-Replayed"
ACCEPTED: Final = 202
_WHERE: Final = "/api/v1/mlrequests/"
SOON: Final[Mapping[str, str]] = {"Retry-After": "1"}


def outcome(answer: Answer) -> str:
    """How it ended, as it is counted."""
    found = answer.found
    return calls.ACCEPTED if found.standing is Standing.QUEUED else census.outcome_of(found.texts)


class Reply(NamedTuple):
    """An answer as HTTP carries it."""

    status: int
    text: str
    headers: Mapping[str, str]


def of(answer: Answer) -> Reply:
    """200 with the answers, or 202 with the ids under which they will be."""
    found = answer.found
    headers = {REPLAYED: "true"} if answer.replayed else {}
    if found.standing is Standing.QUEUED:
        return Reply(ACCEPTED, _accepted(found.ids, found.batch), headers | _where(found.ids[0]))
    text = f"[{','.join(found.texts)}]" if found.batch else found.texts[0]
    return Reply(200, text, headers)


def _accepted(ids: Sequence[int], batch: bool) -> str:
    body: dict[str, object] = {"status": "queued", "request_id": ids[0]}
    if batch:
        body["request_ids"] = ids
    return msgspec.json.encode(body).decode()


def _where(request_id: int) -> dict[str, str]:
    where = {"Location": f"{_WHERE}{request_id}", "Preference-Applied": preference.APPLIED}
    return {**where, **SOON}
