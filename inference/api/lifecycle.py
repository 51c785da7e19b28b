"""The life of algorithms: promote and roll back, aliases, evaluations and the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from inference import selectors, trails
from inference.api.pagination import LargeRowsPagination, whole
from inference.api.permissions import caller
from inference.api.serializers import StatusSerializer
from inference.core import lifecycle
from inference.core.errors import NotBlessed, TransitionRefused
from inference.core.lifecycle import Status
from inference.models import NAME_LENGTH
from inference.services import aliases, promotions
from inference.services.promotions import Gate

_PAGES = [
    OpenApiParameter("limit", int, description="At most so many, and never more than 100."),
    OpenApiParameter("after", int, description="Only those with an id above this one."),
]
_ROWS: Final = {"type": "array", "items": {"type": "object"}}
_OF_ALGORITHM = OpenApiParameter("algorithm", int, description="Only of this one.")


class PromoteSerializer(serializers.Serializer):
    """Where to, and why; `force` opens the gate for the unblessed, and is written down."""

    to = serializers.CharField(max_length=32, default=Status.PRODUCTION.value)
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")
    force = serializers.BooleanField(required=False, default=False)


class RollbackSerializer(serializers.Serializer):
    """Why, and to whom if not to the one before."""

    to = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class SwappedSerializer(serializers.Serializer):
    """Who is in production now, and who was."""

    production = serializers.IntegerField()
    rolled_back = serializers.IntegerField()


class AliasSerializer(serializers.Serializer):
    """Which algorithm the name is to mean."""

    algorithm = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class AliasedSerializer(serializers.Serializer):
    """A name of an algorithm."""

    name = serializers.CharField(max_length=64)
    algorithm = serializers.IntegerField()
    at = serializers.DateTimeField()
    by = serializers.CharField(max_length=NAME_LENGTH)


class PromoteView(APIView):
    """An algorithm in another status, through the gate."""

    @extend_schema(request=PromoteSerializer, responses={200: StatusSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """The new line of its history; `not_blessed` under `to` if the gate stays shut."""
        given = _read(PromoteSerializer, request)
        algorithm = get_object_or_404(selectors.algorithms(), pk=kwargs["id"])
        forced = given["reason"] or "." if given["force"] else ""
        try:
            line = promotions.promote(
                algorithm.pk,
                lifecycle.parse(given["to"]),
                by=caller(request),
                why=given["reason"],
                gate=Gate(closed=settings.WEIR.promotion_gate, forced=forced),
            )
        except (NotBlessed, TransitionRefused) as error:
            raise ValidationError({error.field or "to": [error.message]}) from error
        return Response(StatusSerializer(line).data)


class RollbackView(APIView):
    """Whoever was in production before."""

    @extend_schema(request=RollbackSerializer, responses={200: SwappedSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Once more in production, in one transaction."""
        given = _read(RollbackSerializer, request)
        endpoint = _endpoint(kwargs)
        try:
            swapped = promotions.roll_back(
                endpoint, by=caller(request), why=given["reason"], to=given.get("to")
            )
        except TransitionRefused as error:
            raise ValidationError({error.field or "to": [error.message]}) from error
        return Response({"production": swapped.now.pk, "rolled_back": swapped.before.pk})


class AliasesView(APIView):
    """The names of an endpoint's algorithms."""

    @extend_schema(responses={200: AliasedSerializer(many=True)})
    def get(self, request: Request, **kwargs: Any) -> Response:
        """Without `champion`, which is whoever is in production."""
        return Response([trails.alias(row) for row in trails.aliases(_endpoint(kwargs))])


class AliasView(APIView):
    """One of them, which may mean nothing yet."""

    @extend_schema(request=AliasSerializer, responses={200: AliasedSerializer})
    def put(self, request: Request, name: str, **kwargs: Any) -> Response:
        """The name means that algorithm from now on."""
        given = _read(AliasSerializer, request)
        endpoint = _endpoint(kwargs)
        try:
            alias = aliases.alias_move(
                endpoint, name, given["algorithm"], by=caller(request), why=given["reason"]
            )
        except TransitionRefused as error:
            raise ValidationError({error.field or "algorithm": [error.message]}) from error
        return Response(trails.alias(alias))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str, **kwargs: Any) -> Response:
        """There is no such name any more."""
        if not aliases.alias_drop(_endpoint(kwargs), name, by=caller(request)):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)


class AuditView(APIView):
    """What was done to algorithms, aliases and endpoints; nobody changes it."""

    @extend_schema(
        parameters=[
            *_PAGES,
            _OF_ALGORITHM,
            OpenApiParameter("endpoint", description="Only what was done there."),
        ],
        responses={200: _ROWS},
    )
    def get(self, request: Request) -> Response:
        """The oldest first, each with the evidence it rests on and the hashes of its chain."""
        where = request.query_params.get("endpoint")
        rows = trails.entries(endpoint=where, algorithm=_algorithm(request))
        return _page(self, rows, request, trails.entry)


class EvaluationsView(APIView):
    """How algorithms were judged."""

    @extend_schema(parameters=[*_PAGES, _OF_ALGORITHM], responses={200: _ROWS})
    def get(self, request: Request) -> Response:
        """The oldest first; the latest one of an algorithm is what counts."""
        rows = trails.evaluations(algorithm=_algorithm(request))
        return _page(self, rows, request, trails.evaluation)


def _page(view: APIView, rows: Any, request: Request, said: Any) -> Response:
    pages = LargeRowsPagination()
    found = pages.paginate_queryset(rows, request, view)
    return pages.get_paginated_response([said(row) for row in found])


def _algorithm(request: Request) -> int | None:
    return whole(request, "algorithm", 0, least=1) or None


def _endpoint(named: Mapping[str, Any]) -> int:
    """The id in the path; raises Http404."""
    found: int = get_object_or_404(selectors.endpoints(), pk=named["id"]).pk
    return found


def _read(kind: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    given = kind(data=request.data)
    given.is_valid(raise_exception=True)
    found: dict[str, Any] = given.validated_data
    return found
