"""The five entities of the tutorial, and the end of a test: parse, call one verb, answer."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, cast

from django.conf import settings
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from inference import planner, readouts, selectors, trails
from inference.api import live
from inference.api.pagination import AfterPagination, LargeRowsPagination, whole
from inference.api.permissions import caller
from inference.api.serializers import (
    AGREED,
    PARENTS,
    ABTestSerializer,
    AlgorithmSerializer,
    ChosenSerializer,
    EndpointSerializer,
    LabelsSerializer,
    RequestSerializer,
    StatusSerializer,
    StoppedSerializer,
    WeightsSerializer,
    WhySerializer,
)
from inference.api.uploads import Uploads
from inference.core import lifecycle
from inference.core.agreement import Agreed
from inference.core.errors import ExperimentInvalid, NotBlessed, TransitionRefused
from inference.core.lifecycle import Rule
from inference.durable import replies
from inference.keys import Scope
from inference.models import ABTest
from inference.services import endings, experiments, feedback, overview, promotions
from inference.services.experiments import Stopped
from inference.services.promotions import Gate


class EndpointViewSet(ReadOnlyModelViewSet):
    """Names under which algorithms answer."""

    queryset = selectors.endpoints()
    serializer_class = EndpointSerializer

    @extend_schema(responses={200: dict})
    @action(detail=True, url_path="schema", url_name="schema")
    def rows(self, request: Request, **kwargs: Any) -> Response:
        """What a row of this endpoint looks like, by the algorithm that answers by default."""
        schema = selectors.endpoint_schema(self.get_object().pk)
        if schema is None:
            raise NotFound("No algorithm of this endpoint is in production.")
        return Response(schema)

    @extend_schema(responses={200: dict})
    @action(detail=True)
    def drift(self, request: Request, **kwargs: Any) -> Response:
        """How rows and answers of its algorithms lie compared with training, and what happened."""
        return Response(overview.lately(self.get_object()))

    @extend_schema(
        parameters=[
            OpenApiParameter(name, description=meaning) for name, meaning in planner.WISHES.items()
        ],
        responses={200: dict},
    )
    @action(detail=True)
    def plan(self, request: Request, **kwargs: Any) -> Response:
        """How many labels a test would need and how long it would take, by its own traffic."""
        wishes = request.query_params.dict()
        try:
            return Response(planner.plan(self.get_object(), wishes, timezone.now()))
        except ExperimentInvalid as error:
            raise ValidationError({error.field or "difference": [error.message]}) from error


class AlgorithmViewSet(Uploads, ReadOnlyModelViewSet):
    """Registered algorithms with the status they have now; a file makes a new one."""

    queryset = selectors.algorithms()
    serializer_class = AlgorithmSerializer


class StatusViewSet(mixins.CreateModelMixin, ReadOnlyModelViewSet):
    """The history of statuses; a new line moves the algorithm."""

    queryset = selectors.statuses()
    serializer_class = StatusSerializer

    def perform_create(self, serializer: BaseSerializer) -> None:
        """The new row is the active one; what may not be is said under `status`."""
        given = serializer.validated_data
        try:
            serializer.instance = promotions.promote(
                given["parent_mlalgorithm"].pk,
                lifecycle.parse(given["status"]),
                by=given["created_by"],
                why=given.get("reason", ""),
                gate=Gate(closed=settings.WEIR.promotion_gate),
            )
        except (NotBlessed, TransitionRefused) as error:
            raise ValidationError({"status": [error.message]}) from error


class RequestViewSet(mixins.UpdateModelMixin, ReadOnlyModelViewSet):
    """Predictions as they were answered; what the truth was can be added and corrected."""

    queryset = selectors.requests()
    serializer_class = RequestSerializer
    pagination_class = AfterPagination
    scopes: ClassVar = dict.fromkeys(("PUT", "PATCH", "POST"), Scope.FEEDBACK)

    @extend_schema(responses={200: RequestSerializer, 202: dict})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The prediction; 202 while it was accepted and has not been made yet."""
        try:
            return super().retrieve(request, *args, **kwargs)
        except Http404:
            if not selectors.is_queued(self.kwargs["pk"]):
                # Its row may have come, and its place in the queue have gone, since we looked.
                return super().retrieve(request, *args, **kwargs)
        body = {"id": int(self.kwargs["pk"]), "status": "queued"}
        return Response(body, status.HTTP_202_ACCEPTED, headers=dict(replies.SOON))

    @extend_schema(request=LabelsSerializer, responses={200: dict})
    @action(detail=False, methods=["post"])
    def feedback(self, request: Request, **kwargs: Any) -> Response:
        """What was right, of up to a thousand predictions at once; `missing` are not there."""
        given = LabelsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        labels = {each["id"]: each["feedback"] for each in given.validated_data["labels"]}
        found = feedback.record_many(labels)
        missing = [request_id for request_id in labels if request_id not in found]
        return Response({"recorded": len(found), "missing": missing})

    def perform_update(self, serializer: BaseSerializer) -> None:
        """Nothing but feedback is looked at."""
        assert serializer.instance is not None
        given = serializer.validated_data
        if "feedback" in given:
            serializer.instance = feedback.record(serializer.instance.pk, given["feedback"])


class ABTestViewSet(
    mixins.CreateModelMixin, mixins.UpdateModelMixin, ReadOnlyModelViewSet, GenericViewSet
):
    """Tests; a new one starts at once."""

    queryset = selectors.abtests()
    serializer_class = ABTestSerializer

    def perform_create(self, serializer: BaseSerializer) -> None:
        """The running test; a refusal stands under the field that names the arm."""
        given = serializer.validated_data
        rule = Rule(given.get("rule", Rule.ACCURACY))
        try:
            test = experiments.start(
                given["title"], given["created_by"], given["split"], rule, **_agreed(given)
            )
        except (ExperimentInvalid, TransitionRefused) as error:
            raise ValidationError(_by_field(error, serializer.initial_data)) from error
        serializer.instance = self.get_queryset().get(pk=test.pk)

    def perform_update(self, serializer: BaseSerializer) -> None:
        """What it is called may change, and more may take part; all else was fixed at the start."""
        assert serializer.instance is not None
        test, given = serializer.instance, serializer.validated_data
        _refuse_other_terms(test, given)
        if given.get("coverage", test.coverage) != test.coverage:
            _widen(test, given["coverage"], caller(self.request))
        experiments.rename(
            test.pk,
            title=given.get("title", test.title),
            created_by=given.get("created_by", test.created_by),
        )
        serializer.instance = self.get_queryset().get(pk=test.pk)

    @extend_schema(request=WeightsSerializer, responses={200: ABTestSerializer})
    @action(detail=True, methods=["post"])
    def reweight(self, request: Request, **kwargs: Any) -> Response:
        """The test in a new phase; whoever was assigned before keeps his arm."""
        given = WeightsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        weights = given.validated_data["weights"]
        try:
            experiments.reweight(self.get_object().pk, weights, by=caller(request))
        except ExperimentInvalid as error:
            raise ValidationError({"weights": [error.message]}) from error
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=WhySerializer, responses={200: StoppedSerializer})
    @action(detail=True, methods=["post"])
    def rollback(self, request: Request, **kwargs: Any) -> Response:
        """The end: what was in production before is there again, the others are rolled back."""
        given = WhySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        why = given.validated_data["why"]
        return _told(endings.roll_back(self.get_object().pk, caller(request), why))

    @extend_schema(request=ChosenSerializer, responses={200: StoppedSerializer})
    @action(detail=True, methods=["post"])
    def promote(self, request: Request, **kwargs: Any) -> Response:
        """The end: this challenger is in production, whatever rule or step would say."""
        given = ChosenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        verb = partial(endings.promote, self.get_object().pk, caller(request))
        why, position = given.validated_data["why"], given.validated_data.get("arm")
        try:
            guarded = settings.WEIR.promotion_gate
            return _told(verb(why, position=position, guarded=guarded))
        except (ExperimentInvalid, NotBlessed) as error:
            raise ValidationError({"arm": [error.message]}) from error

    @extend_schema(responses={200: dict})
    @action(detail=True)
    def phases(self, request: Request, **kwargs: Any) -> Response:
        """Each phase with its weights and what was counted for those who were assigned in it."""
        return Response(readouts.phases(self.get_object().pk))

    @extend_schema(
        responses={200: dict},
        parameters=[
            OpenApiParameter("limit", int, description="At most so many, and never more than 100."),
            OpenApiParameter("after", int, description="Only those with an id above this one."),
        ],
    )
    @action(detail=True)
    def decisions(self, request: Request, **kwargs: Any) -> Response:
        """What was done to the test, the oldest first, each with the snapshot that it rested on."""
        pages = LargeRowsPagination()
        rows = pages.paginate_queryset(trails.decisions(self.get_object().pk), request, self)
        return pages.get_paginated_response([trails.decision(row) for row in rows])

    @extend_schema(
        responses={200: dict},
        parameters=[OpenApiParameter("phase", int, description="Instead of the present one.")],
    )
    @action(detail=True)
    def history(self, request: Request, **kwargs: Any) -> Response:
        """The path of a phase in columns, at most 500 points, the fewer the older."""
        phase = whole(request, "phase", 0, least=1) or None
        return Response(readouts.history(self.get_object().pk, phase))

    @extend_schema(responses={200: dict})
    @action(detail=True, url_path="live", url_name="live")
    def snapshot(self, request: Request, **kwargs: Any) -> Response:
        """What the page of the test shows: the same snapshot as over the WebSocket."""
        return Response(live.experiment(self.get_object().pk))


def _told(stopped: Stopped) -> Response:
    return Response({"message": stopped.message, "summary": stopped.summary})


def _by_field(error: ExperimentInvalid | TransitionRefused, given: Any) -> dict[str, list[str]]:
    """Under the name by which the caller gave what does not go, mostly an arm."""
    if error.field is not None:
        return {error.field: [error.message]}
    in_tutorial = PARENTS[0] in given
    if not in_tutorial:
        return {"arms": [error.message]}
    return {PARENTS[error.row or 0]: [error.message]}


def _refuse_other_terms(test: ABTest, given: dict[str, Any]) -> None:
    arms = [(arm.algorithm_id, arm.weight) for arm in test.current]
    split = given.get("split")
    if split is not None and [(algorithm.pk, weight) for algorithm, weight in split] != arms:
        raise ValidationError({"arms": ["The arms of a test are fixed when it starts."]})
    for name in (*AGREED, "rule"):
        if given.get(name, getattr(test, name)) != getattr(test, name):
            raise ValidationError({name: [f"The {name} of a test is fixed when it starts."]})


def _agreed(given: dict[str, Any]) -> Agreed:
    return cast("Agreed", {name: given[name] for name in (*AGREED, "coverage") if name in given})


def _widen(test: ABTest, coverage: float, by: str) -> None:
    try:
        experiments.widen(test.pk, coverage, by)
    except ExperimentInvalid as error:
        raise ValidationError({"coverage": [error.message]}) from error


class StopABTestView(APIView):
    """The end of a test."""

    of_tutorial = True

    @extend_schema(request=None, responses={200: StoppedSerializer})
    def post(self, request: Request, ab_test_id: str) -> Response:
        """The summary; asked again, the same one. Whatever is no test is a 400."""
        try:
            stopped = experiments.stop(int(ab_test_id), by=caller(request))
        except (ABTest.DoesNotExist, ValueError) as error:
            body = {"status": "Error", "message": str(error)}
            return Response(body, status=status.HTTP_400_BAD_REQUEST)
        return Response({"message": stopped.message, "summary": stopped.summary})
