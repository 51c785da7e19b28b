"""A checker that cannot fail proves nothing: one journal for each promise that can be broken."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.faults.checker import Counts, Evidence, Report, Row, Terms, check
from tests.faults.journal import Entry, Event

HEALED = 100.0
TERMS = Terms(HEALED, within=5.0)


def sent(nonce: int, at: float = 99.0) -> Entry:
    return Entry(at, "a", Event.SENT, nonce)


def accepted(nonce: int, request_id: int) -> Entry:
    return Entry(99.5, "a", Event.ACCEPTED, nonce, request_id=request_id)


def answered(nonce: int, request_id: int, at: float = 101.0, connection: int = 0) -> Entry:
    return Entry(
        at,
        "a",
        Event.ANSWERED,
        nonce,
        connection=connection,
        request_id=request_id,
        value=3.0 * nonce + 1,
        version="1",
    )


def row(request_id: int, nonce: int) -> Row:
    return Row(request_id, nonce, 3.0 * nonce + 1, "1")


def judge(entries: Sequence[Entry], rows: Sequence[Row], terms: Terms = TERMS) -> Report:
    return check(Evidence(entries, rows), terms)


def broken(entries: Sequence[Entry], rows: Sequence[Row]) -> set[str]:
    return set(judge(entries, rows).broken)


def test_a_run_in_which_every_promise_was_kept_has_nothing_to_say() -> None:
    entries = [sent(7), accepted(7, 1), answered(7, 1), sent(8), answered(8, 2, at=100.5)]
    report = judge(entries, [row(1, 7), row(2, 8)])
    assert report.kept
    assert (report.sent, report.answered, report.refused) == (2, 2, 0)
    assert report.recovery == 0.5
    assert str(report) == "2 sent, 2 answered, 0 refused"


def test_what_was_refused_or_broken_may_have_a_row_or_none() -> None:
    refused = Entry(99.1, "a", Event.REFUSED, 8, code="503 queue_unavailable")
    gone = Entry(99.1, "a", Event.BROKEN, 9)
    entries = [sent(7), answered(7, 1), sent(8), refused, sent(9), gone]
    assert judge(entries, [row(1, 7), row(2, 9)]).kept


def test_accepted_and_never_answered_is_lost() -> None:
    entries = [sent(7), accepted(7, 1), answered(8, 2)]
    assert broken(entries, [row(1, 7), row(2, 8)]) == {"accepted and lost"}


def test_accepted_and_never_logged_is_lost() -> None:
    assert broken([accepted(7, 1), answered(7, 1)], []) == {"accepted and lost"}


def test_answered_and_never_logged_is_lost() -> None:
    assert broken([sent(7), answered(7, 1)], [row(2, 8)]) == {"accepted and lost"}


def test_two_rows_for_one_request_are_one_too_many() -> None:
    assert broken([answered(7, 1)], [row(1, 7), row(2, 7)]) == {"logged twice"}


def test_the_answer_to_another_request_is_crossed() -> None:
    stranger = Entry(101.0, "a", Event.ANSWERED, 7, request_id=1, value=25.0, version="1")
    other = [Row(1, 7, 25.0, "1")]  # the log says the same: only the arithmetic gives it away
    assert broken([stranger], other) == {"crossed"}


def test_an_answer_that_names_another_version_is_crossed() -> None:
    other = Entry(101.0, "a", Event.ANSWERED, 7, request_id=1, value=22.0, version="2")
    assert broken([other], [Row(1, 7, 22.0, "2")]) == {"crossed"}


@pytest.mark.parametrize(
    "logged",
    [Row(1, 8, 22.0, "1"), Row(1, 7, 23.0, "1"), Row(1, 7, 22.0, "2"), Row(1, 7, None, "1")],
    ids=["nonce", "value", "version", "failure"],
)
def test_an_answer_whose_row_says_something_else_is_crossed(logged: Row) -> None:
    assert "crossed" in broken([answered(7, 1)], [logged])


def test_a_failed_row_is_an_answer_and_its_code_must_be_expected() -> None:
    failed = Entry(
        101.0, "a", Event.ANSWERED, 7, request_id=1, version="1", code="model_rejected_row"
    )
    rows = [Row(1, 7, None, "1")]
    assert judge([failed], rows, Terms(HEALED, 5.0, {"model_rejected_row"})).kept
    assert broken([failed], rows) == {"unexpected"}


def test_an_answer_twice_on_one_connection_is_one_too_many() -> None:
    twice = [answered(7, 1, connection=3), answered(7, 1, connection=3)]
    assert broken(twice, [row(1, 7)]) == {"delivered twice"}


def test_an_answer_again_on_another_connection_is_a_resume() -> None:
    again = [answered(7, 1, connection=3), answered(7, 1, connection=4)]
    assert not broken(again, [row(1, 7)])


def test_a_repeat_over_rest_is_no_second_delivery() -> None:
    assert not broken([answered(7, 1), answered(7, 1)], [row(1, 7)])


@pytest.mark.parametrize(("kept", "promises"), [("9", set()), (None, {"feedback lost"})])
def test_feedback_that_was_taken_is_in_the_log(kept: str | None, promises: set[str]) -> None:
    labelled = Entry(101.5, "a", Event.LABELLED, 7, request_id=1, label="9")
    assert broken([answered(7, 1), labelled], [row(1, 7)._replace(feedback=kept)]) == promises


@pytest.mark.parametrize(
    ("tallied", "counted"),
    [
        ({1: Counts(5)}, {1: Counts(4)}),
        ({1: Counts(5)}, {1: Counts(5, errors=1)}),
        ({1: Counts(5, 0, 1, 2.0, 4.0)}, {1: Counts(5, 0, 1, 2.0, 5.0)}),
        ({}, {1: Counts(4)}),
        ({1: Counts(4)}, {}),
    ],
)
def test_a_tally_that_differs_from_a_recount_is_off(
    tallied: dict[int, Counts], counted: dict[int, Counts]
) -> None:
    report = check(Evidence([answered(7, 1)], [row(1, 7)], tallied, counted), TERMS)
    assert set(report.broken) == {"tallies off"}


def test_tallies_that_agree_are_right() -> None:
    counts = {1: Counts(5, 1, 2, 2.0, 4.0)}
    assert check(Evidence([answered(7, 1)], [row(1, 7)], counts, dict(counts)), TERMS).kept


def test_a_queue_that_is_not_empty_in_the_end_is_told() -> None:
    evidence = Evidence([answered(7, 1)], [row(1, 7)], leftovers={"jobs": 2, "replies": 0})
    assert check(evidence, TERMS).broken == {"left in a queue": ["jobs holds 2"]}


def test_an_error_that_the_fault_does_not_excuse_is_told_with_its_number() -> None:
    errors = [Entry(99.0, "a", Event.REFUSED, n, code="500 internal") for n in (8, 9)]
    report = judge([*errors, answered(7, 1)], [row(1, 7)])
    assert report.broken == {"unexpected": ["500 internal (2 times)"]}


def test_whoever_is_served_too_late_or_never_again_is_missed() -> None:
    late = judge([answered(7, 1, at=106.0)], [row(1, 7)])
    assert late.broken == {"recovered too late": ["after 6.0 s, 5 s are promised"]}
    never = judge([sent(7), answered(7, 1, at=99.0)], [row(1, 7)])
    assert never.broken == {"recovered too late": ["somebody was not served again"]}
    assert never.recovery is None


def test_what_was_promised_for_later_is_no_part_of_recovery_and_has_its_own_bound() -> None:
    promised = [sent(7), accepted(7, 1), answered(7, 1, at=114.0)]
    others = [sent(8), answered(8, 2, at=101.0)]
    rows = [row(1, 7), row(2, 8)]
    report = judge([*promised, *others], rows)
    assert report.kept
    assert report.recovery == 1.0
    late = judge([*promised[:2], answered(7, 1, at=116.0), *others], rows)
    assert late.broken == {"kept waiting": ["after 16.0 s, 15 s are promised"]}


def test_only_the_first_witnesses_are_shown() -> None:
    report = judge([answered(n, n) for n in range(1, 9)], [])
    assert str(report).endswith("5 has no row, and 3 more")
