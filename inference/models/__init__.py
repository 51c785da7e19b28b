"""What Weir keeps in the database: fields and the constraints that no code can get round."""

from __future__ import annotations

from inference.models.durable import Outbox, Receipt
from inference.models.experiments import ABTest, Arm, Decision, Exposure, Point, Reweight, Roster
from inference.models.fields import FEEDBACK_LENGTH, NAME_LENGTH, WHY_LENGTH
from inference.models.keys import ApiKey
from inference.models.lifecycle import Alias, AuditEntry, Evaluation
from inference.models.log import IdBlock, MLRequest, ShadowPrediction
from inference.models.registry import (
    Endpoint,
    MLAlgorithm,
    MLAlgorithmStatus,
    RegistryState,
    StoredBundle,
)
from inference.models.tallies import (
    BEFORE_LABELS,
    ArmTally,
    ArmTallyQuerySet,
    Labels,
    SegmentTally,
    measured,
)
from inference.models.watching import DriftCount, MonitorEvent

__all__ = [
    "BEFORE_LABELS",
    "FEEDBACK_LENGTH",
    "NAME_LENGTH",
    "WHY_LENGTH",
    "ABTest",
    "Alias",
    "ApiKey",
    "Arm",
    "ArmTally",
    "ArmTallyQuerySet",
    "AuditEntry",
    "Decision",
    "DriftCount",
    "Endpoint",
    "Evaluation",
    "Exposure",
    "IdBlock",
    "Labels",
    "MLAlgorithm",
    "MLAlgorithmStatus",
    "MLRequest",
    "MonitorEvent",
    "Outbox",
    "Point",
    "Receipt",
    "RegistryState",
    "Reweight",
    "Roster",
    "SegmentTally",
    "ShadowPrediction",
    "StoredBundle",
    "measured",
]
