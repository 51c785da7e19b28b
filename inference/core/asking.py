"""Who is asked, on whose behalf and how patiently: the part of a request that is not rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from inference.core import preference
from inference.core.errors import RowInvalid, TooLarge
from inference.core.precedence import Level
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
    `wait` is how many of them the caller spends on waiting before he would rather have an id by
    which to ask again; None: until the answer is there. `table`: he reads arrays, and all his rows
    are one unit of assignment. `hurried`: he would rather be refused at once than wait for many
    others, as one does who asks one thing after the other and knows what 503 means. `level` is his
    place among those who wait for the same model.
    """

    endpoint: str
    wanted: Wanted = DEFAULT
    subject: str = ""
    lenient: bool = False
    deadline: float | None = None
    wait: float | None = None
    table: bool = False
    hurried: bool = False
    level: Level = Level.USUAL

    def on_behalf_of(self, subject: str) -> Ask:
        return replace(self, subject=checked_subject(subject)) if subject else self

    def preferring(self, header: str) -> Ask:
        """As a `Prefer` header has it, unless the query said so already."""
        wait = preference.patience(header) if self.wait is None else self.wait
        return self if wait == self.wait else replace(self, wait=wait)

    def as_dict(self) -> dict[str, Any]:
        """What is kept of it until it is answered, beside the endpoint."""
        wanted = self.wanted
        return {
            "status": wanted.status,
            "version": wanted.version,
            "algorithm": wanted.algorithm,
            "alias": wanted.alias,
            "subject": self.subject,
            "lenient": self.lenient,
        }


def from_dict(endpoint: str, kept: Mapping[str, Any]) -> Ask:
    """What `as_dict` was made of; nobody waits for it any more."""
    # One that was accepted by an older version knows no alias.
    wanted = Wanted(kept["status"], kept["version"], kept["algorithm"], kept.get("alias"))
    return Ask(endpoint, wanted, kept["subject"], kept["lenient"])


def from_query(endpoint: str, query: Mapping[str, str]) -> Ask:
    """The tutorial's query (`status`, `version`), and ours.

    That is `algorithm`, `alias`, `subject`, `strict` and `wait`.

    Raises RowInvalid naming the parameter.
    """
    wanted = Wanted(
        status=query.get("status") or PRODUCTION,
        version=query.get("version") or None,
        algorithm=_algorithm(query.get("algorithm")),
        alias=query.get("alias") or None,
    )
    lenient = query.get("strict", "").lower() not in TRUE
    subject = checked_subject(query.get("subject", ""))
    wait = preference.from_query(query.get("wait", ""))
    return Ask(endpoint, wanted, subject, lenient, wait=wait, hurried=True)


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


def too_many(most: float, rows: int) -> TooLarge:
    """What a request of more rows than are taken at once is told."""
    return TooLarge(f"A request has at most {most} rows, not {rows}.")
