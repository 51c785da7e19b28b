"""The JSON of each entity: the tutorial's fields first, then what we added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from rest_framework import serializers

from inference import selectors
from inference.core.agreement import MOST_ARMS, STOPS
from inference.core.lifecycle import Rule, Status
from inference.models import (
    FEEDBACK_LENGTH,
    NAME_LENGTH,
    ABTest,
    Arm,
    Endpoint,
    MLAlgorithm,
    MLAlgorithmStatus,
    MLRequest,
)
from inference.services.experiments import BY_HAND, MOST_WEIGHT
from inference.services.uploads import STATUSES

# What is frozen when a test starts, beside its arms and its rule.
AGREED: Final = (
    "mode",
    "metric",
    "low",
    "high",
    "alpha",
    "horizon",
    "difference",
    "minimum",
    "maximum",
    "stops_on",
    "guardrails",
    "segment",
)
PARENTS: Final = ("parent_mlalgorithm_1", "parent_mlalgorithm_2")

_moment: Final = serializers.DateTimeField().to_representation


class EndpointSerializer(serializers.ModelSerializer):
    """A name that clients call."""

    class Meta:
        model = Endpoint
        fields: ClassVar = ["id", "name", "owner", "created_at", "log_mode"]


class AlgorithmSerializer(serializers.ModelSerializer):
    """A registered algorithm; `report` says how its compiled form compares with the original."""

    class Meta:
        model = MLAlgorithm
        fields: ClassVar = [
            "id",
            "name",
            "description",
            "code",
            "version",
            "owner",
            "created_at",
            "parent_endpoint",
            "current_status",
            "artefact_hash",
            "runtime",
            "metrics",
            "report",
        ]


class UploadSerializer(serializers.Serializer):
    """A model file with what it is called; `schema` is JSON text, `rows` JSON or CSV text."""

    file = serializers.FileField(help_text="ONNX or skops; its bytes decide, not its name.")
    endpoint = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=NAME_LENGTH)
    version = serializers.CharField(max_length=NAME_LENGTH)
    schema = serializers.CharField(
        required=False, trim_whitespace=False, help_text="An ONNX graph needs none."
    )
    rows = serializers.CharField(
        required=False, trim_whitespace=False, help_text="To try it on; drawn otherwise."
    )
    description = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    licence = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    status = serializers.ChoiceField(
        choices=[each.value for each in STATUSES], default=Status.TESTING.value
    )


class StatusSerializer(serializers.ModelSerializer):
    """A line of an algorithm's history; writing one moves the algorithm."""

    created_by = serializers.CharField(max_length=NAME_LENGTH)

    class Meta:
        model = MLAlgorithmStatus
        fields: ClassVar = [
            "id",
            "active",
            "status",
            "created_by",
            "created_at",
            "reason",
            "parent_mlalgorithm",
        ]
        read_only_fields: ClassVar = ["id", "active", "created_at"]


class RequestSerializer(serializers.ModelSerializer):
    """A prediction; only what was said about it afterwards can be written."""

    feedback = serializers.CharField(
        max_length=FEEDBACK_LENGTH, allow_blank=True, allow_null=True, required=False
    )

    class Meta:
        model = MLRequest
        fields: ClassVar = [
            "id",
            "input_data",
            "full_response",
            "response",
            "feedback",
            "created_at",
            "parent_mlalgorithm",
            "arm",
            "subject",
            "error_code",
            "latency_us",
        ]
        read_only_fields: ClassVar = [name for name in fields if name != "feedback"]

    def to_representation(self, instance: MLRequest) -> dict[str, Any]:
        """Written out: a list has ten thousand rows, and each field's own machinery would show."""
        return {
            "id": instance.pk,
            "input_data": instance.input_data,
            "full_response": instance.full_response,
            "response": instance.response,
            "feedback": instance.feedback,
            "created_at": _moment(instance.created_at),
            "parent_mlalgorithm": instance.parent_mlalgorithm_id,
            "arm": instance.arm_id,
            "subject": instance.subject,
            "error_code": instance.error_code,
            "latency_us": instance.latency_us,
        }


class ArmSerializer(serializers.ModelSerializer):
    """One algorithm's share of a test."""

    weight = serializers.IntegerField(min_value=1, max_value=MOST_WEIGHT, default=1)

    class Meta:
        model = Arm
        fields: ClassVar = ["algorithm", "weight"]


class ArmField(serializers.PrimaryKeyRelatedField):
    """The algorithm of the arm at this place, under the name that the tutorial has for it."""

    def __init__(self, index: int, **kwargs: Any) -> None:
        self._index = index
        super().__init__(queryset=selectors.algorithms(), required=False, **kwargs)

    def get_attribute(self, instance: ABTest) -> MLAlgorithm:
        """Every test has at least two arms."""
        return instance.current[self._index].algorithm


class ABTestSerializer(serializers.ModelSerializer):
    """A test: the tutorial's two algorithms, or `arms` with weights."""

    created_by = serializers.CharField(max_length=NAME_LENGTH)
    parent_mlalgorithm_1 = ArmField(0)
    parent_mlalgorithm_2 = ArmField(1)
    arms = ArmSerializer(many=True, required=False, source="current")
    coverage = serializers.FloatField(min_value=0.0, max_value=1.0, required=False)
    stops_on = serializers.ListField(child=serializers.ChoiceField(STOPS), required=False)
    guardrails = serializers.DictField(required=False)
    rule = serializers.ChoiceField(choices=[rule.value for rule in Rule], required=False)
    endpoint: serializers.SlugRelatedField[Endpoint] = serializers.SlugRelatedField(
        slug_field="name", read_only=True
    )

    class Meta:
        model = ABTest
        fields: ClassVar = [
            "id",
            "title",
            "created_by",
            "created_at",
            "ended_at",
            "summary",
            "parent_mlalgorithm_1",
            "parent_mlalgorithm_2",
            "arms",
            "rule",
            "endpoint",
            "outcome",
            "coverage",
            "phase",
            *AGREED,
        ]
        read_only_fields: ClassVar = ["id", "created_at", "ended_at", "summary", "outcome", "phase"]

    def to_internal_value(self, data: Any) -> Any:
        """Either form names the arms; the tutorial's is asked for unless the other one is there."""
        given = data if isinstance(data, Mapping) else {}
        named = any(str(name).startswith("arms") for name in given)
        for name in PARENTS:
            self.fields[name].required = not named
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """With the arms as algorithm and weight under `split`, however they were named."""
        if "current" in attrs:
            attrs["split"] = [_share(arm) for arm in attrs.pop("current")]
        elif all(name in attrs for name in PARENTS):
            attrs["split"] = [(attrs[name], 1) for name in PARENTS]
        elif self.instance is None:
            raise serializers.ValidationError({"arms": ["Name the algorithms that are tested."]})
        return attrs


def _share(arm: dict[str, Any]) -> tuple[MLAlgorithm, int]:
    """A PATCH leaves out even what is required; of an arm nothing can be left out."""
    if "algorithm" not in arm:
        raise serializers.ValidationError({"arms": ["Each arm names its algorithm."]})
    return arm["algorithm"], arm.get("weight", 1)


class LabelSerializer(serializers.Serializer):
    """What was right, of one prediction."""

    id = serializers.IntegerField(min_value=0, max_value=2**63 - 1)
    feedback = serializers.CharField(max_length=FEEDBACK_LENGTH, allow_blank=True, allow_null=True)


class LabelsSerializer(serializers.Serializer):
    """Of many predictions; of one that is named twice, the last counts."""

    labels = serializers.ListField(child=LabelSerializer(), allow_empty=False, max_length=1000)


class WeightsSerializer(serializers.Serializer):
    """One weight for each arm, in order."""

    weights = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MOST_WEIGHT), allow_empty=False
    )


class WhySerializer(serializers.Serializer):
    """Why somebody ends a test; it is written down with what was known then."""

    why = serializers.CharField(max_length=500, required=False, default=BY_HAND)


class ChosenSerializer(WhySerializer):
    """Which challenger is promoted, by its place from 1; needed where there are several."""

    arm = serializers.IntegerField(min_value=1, max_value=MOST_ARMS, required=False)


class StoppedSerializer(serializers.Serializer):
    """What a stop answers."""

    message = serializers.CharField()
    summary = serializers.CharField()
