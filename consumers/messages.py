"""Every message that the sockets send, as a type: what `/asyncapi.json` is generated from.

The messages themselves are made where their values are (`inference/core/wire.py`,
`inference/snapshots.py`), most of them as text. The tests hold each kind that a running server says
against its type here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from inference.core.wire import Id, Whole

Datatype = Literal[
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "FP32",
    "FP64",
    "BYTES",
]


class Message(Struct, forbid_unknown_fields=True, tag_field="type"):
    """What all have is their type."""


class Part(Struct, forbid_unknown_fields=True):
    """Something inside a message."""


# -- /ws/v1/predict/{endpoint} ---------------------------------------------------------------------


class Answer(Part):
    """One row's answer, as REST has it."""

    status: Literal["OK"]
    label: str
    request_id: int
    algorithm: int
    version: str
    probability: Annotated[
        float | UnsetType, Meta(description="Of the label; of the second class where there are two")
    ] = UNSET
    probabilities: dict[str, float] | UnsetType = UNSET
    value: Annotated[float | UnsetType, Meta(description="Of a regression")] = UNSET
    outputs: Annotated[dict[str, Any] | UnsetType, Meta(description="Of a graph, by name")] = UNSET


class Failure(Part):
    """What stands for the answer to a row of several that has none."""

    status: Literal["Error"]
    code: str
    message: str
    request_id: int
    algorithm: int
    version: str
    field: str | UnsetType = UNSET


class Array(Part):
    """Little-endian, row-major."""

    datatype: Datatype
    shape: list[int]
    data: bytes


class Output(Array):
    """`label`, `probabilities`, `value`, or what a graph calls it.

    With `classes`, `label` is the place of the class there, -1 for a row with an error.
    """

    name: str


class Wrong(Part):
    """Why one row of a block has no answer."""

    code: str
    message: str
    row: int | UnsetType = UNSET
    field: str | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET


class Packed(Part):
    """The answers to a block, as arrays. `errors` are by row, and only there if there are any."""

    request_ids: Array
    outputs: list[Output]
    classes: list[str]
    algorithm: int
    version: str
    errors: dict[str, Wrong] | UnsetType = UNSET


class Hello(Message, tag="hello"):
    """You may send: `credits` frames may be in flight, `schema` is the hash of what answers."""

    endpoint: str
    credits: int
    schema: str
    session: str | UnsetType = UNSET


class Accepted(Message, tag="accepted"):
    """The frame will be answered; REST has the answer under these ids as well."""

    id: Id
    request_id: int | UnsetType = UNSET
    request_ids: list[int] | UnsetType = UNSET


class Result(Message, tag="result"):
    """`result` for a record, `results` for records and rows, `block` for a block."""

    id: Id
    result: Answer | UnsetType = UNSET
    # A union of two types is told apart by nothing msgspec could see, so it is said in words.
    results: list[dict[str, Any]] | UnsetType = UNSET
    block: Packed | UnsetType = UNSET


class Refused(Message):
    """What errors have in common. The id is null if the frame had none that could be read."""

    id: Id | None
    code: str
    message: str
    row: int | UnsetType = UNSET
    field: str | UnsetType = UNSET
    request_id: int | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET


class Error(Refused, tag="error"):
    """The frame has no result; before a close it says why, and has no id."""


class Overloaded(Refused, tag="overloaded"):
    """The frame was not accepted for lack of room: it may be sent again."""


class Draining(Message, tag="draining"):
    """Nothing more is taken; what was accepted is still answered."""


# -- /ws/v1/live -----------------------------------------------------------------------------------

Number = float | None


class Latency(Part):
    """In milliseconds."""

    p50: float
    p95: float
    p99: float


class Figures(Part):
    """What was counted since the process began, and the rates of the last seconds."""

    predictions: int
    errors: int
    refused: int
    rate: float
    batch_rows: Number
    latency_ms: Latency | None


class AlgorithmNow(Figures):
    """One algorithm of an endpoint."""

    id: int
    name: str
    version: str
    status: str
    runtime: str
    failure: str
    aliases: list[str]


class Second(Part):
    """One point of the curves; null where nothing ran."""

    t: int
    rate: float
    p50: Number
    p99: Number
    batch: Number


class Curves(Part):
    """The last ten minutes, second by second."""

    t: list[int]
    rate: list[float]
    p50: list[Number]
    p99: list[Number]
    batch: list[Number]


class EndpointNow(Figures):
    """One endpoint; `experiment` is the test that runs on it."""

    id: int
    name: str
    queue_rows: int
    algorithms: list[AlgorithmNow]
    experiment: int | None
    tick: Second | None
    history: Curves | UnsetType = UNSET


class WorkerNow(Part):
    """One worker that is alive."""

    name: str
    host: str
    pid: int
    rss_mb: float
    rate: float
    queue_rows: int
    models: int
    failures: dict[str, str]
    shard: int
    given_up: int
    draining: bool
    healthy: bool


class Snapshot(Message):
    """Cumulative: missing some loses nothing."""

    topic: str
    seq: int


class OperationsSnapshot(Snapshot, tag="snapshot"):
    """Of the topic `operations`: what this process does. `workers` is null where it computes."""

    uptime_s: float
    rss_mb: float
    workers: list[WorkerNow] | None
    endpoints: list[EndpointNow]
    sockets: int


class Canary(Part):
    """How far the ramp has been climbed: the challenger's share of all units in percent."""

    step: int
    steps: list[int]
    step_at: str | None


class Test(Part):
    """A test and its terms. `days_left` is a guess, at the present rate."""

    id: int
    title: str
    endpoint: str
    task: str
    mode: str
    metric: str
    figure: Annotated[str, Meta(description="What the figure of an arm is called")]
    low: Number
    high: Number
    minimum: int
    maximum: int | None
    stops_on: list[str]
    segment: str
    days_left: Number
    started_at: str
    ended_at: str | None
    summary: str | None
    rule: str
    alpha: float
    horizon: int
    coverage: float
    difference: Number
    phase: int
    running: bool
    outcome: str
    canary: Canary | None


class Pairs(Part):
    """Of inputs that both the control and this arm scored: who was right, or better."""

    both: int | None
    only_control: int
    only_this: int
    neither: int | None
    alike: int


class ArmNow(Part):
    """One arm of a test."""

    arm: int
    position: int
    algorithm: int
    name: str
    version: str
    weight: int
    propensity: float
    before: Annotated[str, Meta(description="Its status before the test")]
    exposures: int
    subjects: int
    errors: int
    slow: int
    labelled: int
    correct: int
    accuracy: Number
    mean_absolute_error: Number
    score: Annotated[Number, Meta(description="Mean of the metric; more is better")]
    low_score: Number
    high_score: Number
    figure: Annotated[Number, Meta(description="The score as people say it")]
    pairs: Pairs | None
    latency_ms: Latency | None
    chance_to_win: Number
    expected_loss: Number


class Evidence(Part):
    """Of the challenger that the verdict speaks about."""

    difference: float
    interval: list[float]
    log_e: float
    threshold: float
    p_value: float


class Verdict(Part):
    """What the tallies allow one to conclude."""

    code: Literal[
        "no_data",
        "collecting",
        "too_early",
        "winner",
        "futile",
        "unhealthy",
        "labels_uneven",
        "roll_back",
        "adapting",
    ]
    sentence: str
    winner: int | None
    rests_on: list[dict[str, Any]] | UnsetType = UNSET


class Health(Part):
    """P-values, at any look, of units and of labels having fallen on the arms by the weights."""

    split: float
    labels: float
    fine: bool


class Guardrail(Part):
    """Whether a challenger does harm that needs no label: crossed once `log_e` is `threshold`."""

    name: Literal["errors", "latency", "answers"]
    arm: int
    state: Literal["holds", "crossed", "no_data"]
    log_e: Number
    threshold: float
    sentence: str


class ArmPath(Part):
    """How one arm did at each point."""

    arm: int
    labelled: list[int]
    score: list[Number]


class Path(Part):
    """How the evidence grew, by the number of labels, which is there under two names."""

    n: list[int]
    labelled: list[int]
    log_e: list[float]
    difference: list[float]
    low: list[float]
    high: list[float]
    at: list[str]
    arms: list[ArmPath]


class ArmPart(Part):
    """One arm in one segment."""

    arm: int
    labelled: int
    score: Number


class SegmentNow(Part):
    """What the labels of one segment show, with its share of alpha; nothing is decided by it."""

    segment: str
    arms: list[ArmPart]
    evidence: Evidence | None
    verdict: str


class Event(Part):
    """What was done to a test, and the code of its verdict at that time."""

    at: str
    by: str
    what: Literal[
        "started", "reweighted", "widened", "stopped", "promoted", "rolled_back", "stepped"
    ]
    why: str
    code: str


class ExperimentSnapshot(Snapshot, tag="snapshot"):
    """Of the topic `experiment:{id}`: the tally of a test and what it shows."""

    experiment: Test
    arms: list[ArmNow]
    evidence: Evidence | None
    verdict: Verdict
    health: Health
    events: Annotated[list[Event], Meta(description="The newest first, at most 50")]
    segments: list[SegmentNow] | None
    guardrails: list[Guardrail]
    history: Path | UnsetType = UNSET


class Latest(Part):
    """One prediction."""

    request_id: Whole
    algorithm: int
    version: str
    label: str
    probability: Number
    latency_ms: float
    at: str


class ResultsSnapshot(Snapshot, tag="snapshot"):
    """Of the topic `results:{endpoint}`: the latest predictions, newest first."""

    results: list[Latest]
