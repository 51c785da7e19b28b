"""Who is asked, on whose behalf and how patiently: the part of a request that is not rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from inference.core.errors import RowInvalid
from inference.core.routing import PRODUCTION, Wanted

DEFAULT: Final = Wanted()
MAX_SUBJECT: Final = 128
MAX_ID_DIGITS: Final = 18
TRUE: Final = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Ask:
    """One caller's wishes.

    `lenient` answers a row that does not fit the schema with an error of its own, and logs it,
    instead of refusing the request. `deadline` is in seconds from now, None for the default.
    """

    endpoint: str
    wanted: Wanted = DEFAULT
    subject: str = ""
    lenient: bool = False
    deadline: float | None = None

    def on_behalf_of(self, subject: str) -> Ask:
        return replace(self, subject=checked_subject(subject)) if subject else self


def from_query(endpoint: str, query: Mapping[str, str]) -> Ask:
    """The tutorial's query (`status`, `version`) and ours (`algorithm`, `subject`, `strict`).

    Raises RowInvalid naming the parameter.
    """
    wanted = Wanted(
        status=query.get("status") or PRODUCTION,
        version=query.get("version") or None,
        algorithm=_algorithm(query.get("algorithm")),
    )
    lenient = query.get("strict", "").lower() not in TRUE
    return Ask(endpoint, wanted, checked_subject(query.get("subject", "")), lenient)


def checked_subject(subject: str) -> str:
    """A subject is stored and hashed, so it is short and printable in any database."""
    if len(subject) > MAX_SUBJECT or "\x00" in subject:
        sentence = f"A subject has at most {MAX_SUBJECT} characters, none of them NUL."
        raise RowInvalid(sentence, field="subject")
    return subject


def _algorithm(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS):
        raise RowInvalid("algorithm must be the id of an algorithm.", field="algorithm")
    return int(text)
