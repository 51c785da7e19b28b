"""A query says who is asked; a bad one says which parameter."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from inference.core import asking
from inference.core.asking import Ask
from inference.core.errors import RowInvalid
from inference.core.routing import Wanted


@pytest.mark.parametrize(
    ("query", "ask"),
    [
        ({}, Ask("e", lenient=True)),
        ({"status": "", "version": ""}, Ask("e", lenient=True)),
        ({"status": "testing", "version": "2"}, Ask("e", Wanted("testing", "2"), lenient=True)),
        ({"algorithm": "7"}, Ask("e", Wanted(algorithm=7), lenient=True)),
        ({"subject": "ann"}, Ask("e", subject="ann", lenient=True)),
        ({"strict": "1"}, Ask("e")),
        ({"strict": "True"}, Ask("e")),
        ({"strict": "0"}, Ask("e", lenient=True)),
        ({"unknown": "x"}, Ask("e", lenient=True)),
        ({"wait": "0"}, Ask("e", lenient=True, wait=0.0)),
    ],
)
def test_a_query_is_read(query: dict[str, str], ask: Ask) -> None:
    assert asking.from_query("e", query) == replace(ask, hurried=True)


@pytest.mark.parametrize("text", ["x", "-1", "1.0", "\N{FULLWIDTH DIGIT NINE}", "1" * 19, " 1"])
def test_an_algorithm_is_an_id(text: str) -> None:
    with pytest.raises(RowInvalid) as caught:
        asking.from_query("e", {"algorithm": text})
    assert caught.value.field == "algorithm"


@pytest.mark.parametrize("subject", ["x" * 129, "a\x00b"])
def test_a_subject_must_fit_the_log(subject: str) -> None:
    with pytest.raises(RowInvalid) as caught:
        asking.from_query("e", {"subject": subject})
    assert caught.value.field == "subject"


def test_a_header_speaks_for_the_subject_and_an_empty_one_does_not() -> None:
    ask = Ask("e", subject="query")
    assert ask.on_behalf_of("header").subject == "header"
    assert ask.on_behalf_of("") is ask


def test_a_preference_is_heard_unless_the_query_has_one() -> None:
    ask = Ask("e")

    assert ask.preferring("respond-async, wait=3").wait == 3.0
    assert ask.preferring("return=minimal") is ask
    assert Ask("e", wait=1.0).preferring("respond-async") == Ask("e", wait=1.0)


@pytest.mark.parametrize(
    "ask",
    [
        Ask("e"),
        Ask("e", Wanted("testing", "1.0"), "ann", lenient=True),
        Ask("e", Wanted(algorithm=7)),
    ],
)
def test_what_is_kept_of_an_ask_is_who_shall_answer_whom(ask: Ask) -> None:
    patient = replace(ask, wait=0.0, deadline=1.0)

    assert asking.from_dict("e", json.loads(json.dumps(patient.as_dict()))) == ask
