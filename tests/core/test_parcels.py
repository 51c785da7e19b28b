"""What is settled on the other side is what would have been settled here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given

from inference.core import datatypes, parcels
from inference.core.answers import TableRenderer
from inference.core.errors import KINDS, ModelRejectedRow, Overloaded, RowInvalid, WeirError
from inference.core.parcels import Item, Keys, Trouble
from inference.core.precedence import Level
from inference.core.reader import RowReader
from inference.core.routing import Algorithm, Arm
from inference.core.rows import JsonRows, NumberRows, Rows, TensorRows, ValueRows
from inference.core.schema import Feature, Schema, Target
from inference.core.tickets import Context, Part, Served
from inference.core.types import LogMode, Outcome

FOREST = Algorithm(3, "forest", "1.0 \N{SNOWMAN}", "production")
FEATURES = (
    Feature("a", "number"),
    Feature("b \N{LATIN SMALL LETTER E WITH ACUTE}", "integer"),
    Feature("c", "category", ("x", "\N{GREEK SMALL LETTER ALPHA}")),
)
TARGETS = {
    "binary": Target("y", "binary", ("no", "y\N{LATIN SMALL LETTER E WITH ACUTE}s")),
    "multiclass": Target("y", "multiclass", ("0", "1", "2")),
    "regression": Target("y", "regression"),
}
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
COLUMNS = {"binary": 2, "multiclass": 3, "regression": 1}


def served(task: str, features: tuple[Feature, ...] = FEATURES) -> Served:
    schema = Schema(features, TARGETS[task])
    return Served(FOREST, RowReader(schema), TableRenderer(schema.target, FOREST), model=None)


BINARY = served("binary")


def part(
    rows: Rows,
    of: Served = BINARY,
    *,
    mode: LogMode = LogMode.STRICT,
    arm: Arm | None = None,
    subject: str = "ann",
    at: datetime = AT,
) -> Part:
    context = Context(rows, subject, mode, at)
    return Part(of, arm, range(len(rows)), range(100, 100 + len(rows)), context)


def records(*found: object) -> JsonRows:
    return JsonRows([json.dumps(each, ensure_ascii=False).encode() for each in found])


def travelled(one: Part, of: Served, number: int = 1, remaining: float = 2.0) -> Part:
    """The same part, as it is unpacked where it is computed."""
    data = parcels.parcel("there", [parcels.item(one, number, remaining)])
    (item,) = parcels.opened(data).items
    return parcels.part(item, of)


def answered(one: Part, there: Part) -> None:
    """Tell the one here what became of the one there."""
    (result,) = parcels.received(parcels.reply([parcels.result(7, there)])).results
    assert result.number == 7
    assert result.failure is None
    one.told(result.texts, parcels.errors(result.errors))


def same(one: WeirError, other: WeirError) -> bool:
    return (type(one), one.as_dict()) == (type(other), other.as_dict())


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["x", "\N{GREEK SMALL LETTER ALPHA}", "new", "", "?", "1.5", "1e39", "\U0001f600"]
    ),
)
RECORDS = st.dictionaries(st.sampled_from([*(f.name for f in FEATURES), "z"]), VALUES)
SCORES = st.floats(0, 1) | st.sampled_from([0.5, 1e-300, 1 / 3])


@st.composite
def outcomes(draw: st.DrawFn, rows: int, columns: int) -> Outcome:
    """What a model may say of so many rows; those that it refused hold NaN."""
    if not rows:
        return Outcome(None)
    scores = np.array(draw(st.lists(SCORES, min_size=rows * columns, max_size=rows * columns)))
    scores = scores.reshape(rows, columns)
    bad = draw(st.sets(st.integers(0, rows - 1)))
    for row in bad:
        scores[row] = np.nan
    errors = {row: ModelRejectedRow(f"not {row} \N{SNOWMAN}", row=row) for row in bad}
    outputs = None if len(bad) == rows and draw(st.booleans()) else (scores,)
    return Outcome(outputs, errors, rows, draw(st.floats(0, 9)), draw(st.floats(0, 9)))


@given(st.data(), st.sampled_from(sorted(TARGETS)), st.sampled_from(LogMode), st.booleans())
def test_a_part_that_travels_is_settled_as_it_would_be_here(
    data: st.DataObject, task: str, mode: LogMode, in_a_test: bool
) -> None:
    of = served(task)
    rows = records(*data.draw(st.lists(RECORDS, min_size=1, max_size=5)))
    here = part(
        rows,
        of,
        mode=mode,
        arm=Arm(9, FOREST, 3) if in_a_test else None,
        subject=data.draw(st.text(max_size=9)),
        at=data.draw(st.datetimes(timezones=st.just(UTC))),
    )
    there, asked = travelled(here, of), part(rows, of, mode=mode)
    outcome = data.draw(outcomes(len(here.read.places), COLUMNS[task]))

    here.settle(outcome)
    there.settle(outcome)
    answered(asked, there)

    assert list(there.read.places) == list(here.read.places)
    assert list(there.log) == list(here.log)
    assert list(asked.texts) == list(here.texts)
    assert asked.errors.keys() == here.errors.keys()
    assert all(same(asked.errors[place], here.errors[place]) for place in here.errors)
    assert [a[:2] for a in asked.answers] == [a[:2] for a in here.answers]


@pytest.mark.parametrize(
    ("mode", "carried"),
    [(LogMode.STRICT, ['{"a": 1}']), (LogMode.FAST, ['{"a": 1}']), (LogMode.OFF, [])],
)
def test_a_row_travels_as_it_came_only_if_it_will_be_logged(
    mode: LogMode, carried: list[str]
) -> None:
    assert parcels.item(part(records({"a": 1}), mode=mode), 1, 2.0).raws == carried


@given(st.lists(st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=2), min_size=1, max_size=5))
def test_numbers_arrive_as_they_left_to_the_last_bit(values: list[list[float]]) -> None:
    of = served("binary", (Feature("a", "number"), Feature("b", "number")))
    here = part(NumberRows(values), of)
    there = travelled(here, of)

    assert here.read.tensors is not None
    assert there.read.tensors is not None
    [ours], [theirs] = here.read.tensors, there.read.tensors
    assert theirs.tobytes() == ours.tobytes()
    assert theirs.dtype == ours.dtype
    assert theirs.shape == ours.shape


def test_a_missing_value_is_still_missing_over_there() -> None:
    there = travelled(part(ValueRows([{"a": None, "c": "x"}])), BINARY)

    assert there.read.tensors is not None
    assert np.isnan(there.read.tensors[0][0, 0])
    assert there.context.rows.raw(0) == '{"a":null,"c":"x"}'


def test_a_request_without_a_row_that_fits_travels_without_numbers() -> None:
    there = travelled(part(records({"a": "no"}, 3)), BINARY)

    assert there.tensors is None
    assert there.refused is not None
    assert [error.field for error in there.read.errors.values()] == ["a", None]
    assert len(there.context.rows) == 2


def test_the_part_of_one_arm_takes_only_its_own_rows() -> None:
    rows = records({"a": 1}, {"a": 2}, {"a": 3})
    arm = Arm(70, FOREST, 1)
    here = Part(BINARY, arm, [0, 2], [100, 102], Context(rows, "", LogMode.STRICT, AT))
    there = travelled(here, BINARY)
    scores = (np.array([[0.75, 0.25], [0.25, 0.75]]),)

    there.settle(Outcome(scores))

    assert [(row.id, row.arm_id, row.input_data) for row in there.log] == [
        (100, 70, '{"a": 1}'),
        (102, 70, '{"a": 3}'),
    ]


@pytest.mark.parametrize(
    ("remaining", "milliseconds"), [(25.0, 25_000), (0.0004, 0), (-3.0, 0), (1.2346, 1235)]
)
def test_the_time_that_is_left_travels_in_milliseconds(remaining: float, milliseconds: int) -> None:
    assert parcels.item(part(records({"a": 1})), 1, remaining).remaining_ms == milliseconds


def test_its_weight_is_that_of_its_rows_as_text_and_as_numbers() -> None:
    item = parcels.item(part(records({"a": 1}, {"a": "no"})), 1, 1.0)

    assert parcels.weight(item) == len('{"a": 1}') + len('{"a": "no"}') + 3 * 8
    assert parcels.rows([item, item]) == 4


@pytest.mark.parametrize("code", sorted(KINDS))
def test_every_error_is_raised_again_as_it_was(code: str) -> None:
    error = KINDS[code]("a sentence \N{SNOWMAN}", row=3, field="b \xe9", retry_after=0.25)
    (result,) = parcels.received(parcels.reply([parcels.failed(1, error)])).results

    assert result.failure is not None
    assert same(parcels.error(result.failure), error)


def test_an_error_of_another_release_keeps_its_sentence() -> None:
    found = parcels.error(Trouble("gravity_failed", "All fell up.", row=2))

    assert (type(found), found.message, found.row) == (WeirError, "All fell up.", 2)


def test_an_error_without_places_has_none_on_the_other_side() -> None:
    found = parcels.error(parcels.trouble(Overloaded()))

    assert found.as_dict() == {"code": "overloaded", "message": Overloaded().message}
    assert not parcels.errors({})
    assert isinstance(parcels.errors({4: parcels.trouble(RowInvalid())})[4], RowInvalid)


def test_a_reply_may_say_that_jobs_are_held() -> None:
    assert parcels.received(parcels.reply([], [3, 4])) == parcels.Reply([], [3, 4])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x80",
        msgspec.msgpack.encode([parcels.FORMAT, "there"]),
        msgspec.msgpack.encode([parcels.FORMAT, 5, []]),
        msgspec.msgpack.encode([parcels.FORMAT, "there", [[1, 2, 3]]]),
        msgspec.msgpack.encode([parcels.FORMAT + 1, "there", []]),
        msgspec.msgpack.encode([parcels.FORMAT, "there", []]),
    ],
)
def test_what_is_no_parcel_of_this_release_is_not_opened(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each decoder says it in its own words
        parcels.opened(data)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x90", msgspec.msgpack.encode([[["1", 2]]])])
def test_what_is_no_reply_is_not_read(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the same
        parcels.received(data)


@given(st.binary(max_size=64), st.integers(0, 400), st.binary(max_size=3))
def test_a_damaged_parcel_is_refused_or_read_but_never_anything_else(
    noise: bytes, at: int, bytes_: bytes
) -> None:
    whole = parcels.parcel("there", [parcels.item(part(records({"a": 1})), 1, 1.0)])
    for data in (noise, whole[:at] + bytes_ + whole[at + len(bytes_) :], whole[:at]):
        for read in (parcels.opened, parcels.received):
            try:
                read(data)
            except ValueError:
                continue


NAMES: Sequence[tuple[str, str]] = [
    (Keys("weir").jobs(3), "{weir}:jobs:3"),
    (Keys("weir").suspects(3), "{weir}:suspects:3"),
    (Keys("weir").rows(3), "{weir}:rows:3"),
    (Keys("weir").replies("web"), "{weir}:replies:web"),
    (Keys("weir").mail("worker"), "{weir}:mail:worker"),
    (Keys("weir").shard(5), "{weir}:shard:5"),
    (Keys("weir").workers, "{weir}:workers"),
]


@pytest.mark.parametrize(("name", "expected"), NAMES)
def test_all_names_of_a_deployment_share_its_hash_tag(name: str, expected: str) -> None:
    assert name == expected


@given(st.data(), st.sampled_from(sorted(TARGETS)), st.sampled_from(LogMode))
def test_a_table_that_travels_comes_back_as_arrays(
    data: st.DataObject, task: str, mode: LogMode
) -> None:
    of = served(task)
    values = data.draw(st.lists(st.sampled_from([1.0, float("inf")]), min_size=1, max_size=5))
    rows = TensorRows([datatypes.named("a", np.array(values))])
    here, asked = (
        Part(of, None, range(len(rows)), range(len(rows)), Context(rows, "", mode, AT, table=True))
        for _ in "xx"
    )
    there = travelled(here, of)
    outcome = data.draw(outcomes(len(here.read.places), COLUMNS[task]))

    here.settle(outcome)
    there.settle(outcome)
    (result,) = parcels.received(parcels.reply([parcels.result(7, there)])).results
    asked.told(result.texts, parcels.errors(result.errors), parcels.outputs(result))

    assert list(there.log) == list(here.log)
    assert not asked.texts
    assert asked.errors.keys() == here.errors.keys()
    for ours, theirs in zip(here.table.tensors, asked.table.tensors, strict=True):
        assert ours[:2] == theirs[:2]
        assert np.array_equal(ours.array, theirs.array, equal_nan=True)


def test_an_item_of_all_rows_does_not_say_which() -> None:
    items: list[Item] = [
        parcels.item(part(records(*found)), 1, 1.0)
        for found in ([{"a": 1}, {"a": 2}], [{"a": "no"}, {"a": 2}], [{"a": "no"}])
    ]

    assert [item.places for item in items] == [None, [1], []]


def test_texts_travel_as_they_are() -> None:
    array = np.array([[b"a", b""], ["\N{SNOWMAN}".encode(), b"\xff"]], dtype=object)
    found = parcels.Result(1, [], {}, blocks=[parcels.packed(array)])

    (again,) = parcels.outputs(parcels.received(parcels.reply([found])).results[0])

    assert again.tolist() == array.tolist()


def test_a_row_may_hold_no_texts_at_all() -> None:
    found = parcels.Result(1, [], {}, blocks=[parcels.packed(np.empty((2, 0), dtype=object))])

    (again,) = parcels.outputs(parcels.received(parcels.reply([found])).results[0])

    assert again.shape == (2, 0)
    assert again.dtype == object


def test_a_place_in_the_queue_travels_and_an_earlier_release_says_none() -> None:
    context = Context(records({"a": 1}), "", LogMode.OFF, AT, level=Level.FIRST)
    one = Part(BINARY, None, range(1), [7], context)
    item = parcels.item(one, 1, 1.0)

    assert travelled(one, BINARY).context.level is Level.FIRST
    data = msgspec.msgpack.decode(parcels.parcel("there", [item]))
    del data[2][0][-2:]
    (earlier,) = parcels.opened(msgspec.msgpack.encode(data)).items
    assert earlier.level is Level.USUAL
    assert not earlier.shadow


def test_that_it_is_only_compared_travels_with_it() -> None:
    context = Context(records({"a": 1}), "", LogMode.STRICT, AT, shadow=True)
    mirror = Part(BINARY, None, range(1), [7], context)

    assert travelled(mirror, BINARY).context.shadow
