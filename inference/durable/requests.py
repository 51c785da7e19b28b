"""A request whose answer shall outlive its connection, as both doors of REST make it."""

from __future__ import annotations

from dataclasses import dataclass

from inference.core import receipts
from inference.core import rows as payload
from inference.core.asking import Ask
from inference.core.rows import Rows


@dataclass(frozen=True, slots=True)
class Lasting:
    """With a `key` it has a receipt; `fingerprint` says what else it would have to be."""

    ask: Ask
    rows: Rows
    batch: bool
    key: str = ""
    fingerprint: str = ""

    @property
    def later(self) -> bool:
        """Whether it is to be accepted first and answered then."""
        return self.ask.wait is not None

    @property
    def body(self) -> str:
        """The rows as they are kept until they are answered."""
        return payload.to_json(self.rows, batch=self.batch)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who says that a request is the same one, and by which name; no `name`, no claim."""

    caller: str
    name: str | None
    query: str


def from_json(claim: Claim, ask: Ask, body: bytes) -> Lasting:
    """Raises RowInvalid for a name that is none, JsonInvalid."""
    rows, batch = payload.from_json(body)
    return _claimed(claim, ask, rows, batch, body)


def from_record(claim: Claim, ask: Ask, rows: Rows) -> Lasting:
    """One record that did not come as JSON."""
    return _claimed(claim, ask, rows, False, payload.to_json(rows, batch=False).encode())


def _claimed(claim: Claim, ask: Ask, rows: Rows, batch: bool, body: bytes) -> Lasting:
    if claim.name is None:
        return Lasting(ask, rows, batch)
    key = receipts.digest("rest", claim.caller, receipts.checked_key(claim.name))
    fingerprint = receipts.digest(ask.endpoint, claim.query, ask.subject, body)
    return Lasting(ask, rows, batch, key, fingerprint)
