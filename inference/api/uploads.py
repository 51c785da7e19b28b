"""A model over REST: parse, hand the bytes to the service, answer with the algorithm."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from inference.api.permissions import caller
from inference.api.serializers import AlgorithmSerializer, UploadSerializer
from inference.core.lifecycle import Status
from inference.services import uploads
from inference.services.uploads import Upload


class Uploads(GenericViewSet):
    """A list of algorithms that one may add to by a file."""

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        responses={201: AlgorithmSerializer, 200: AlgorithmSerializer},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """The algorithm, which runs in a process of its own; 200 if it was there already.

        ONNX and skops are told apart by their bytes and nothing else is taken, whatever it is
        called. The model is loaded and tried in a confined process before it is kept.
        """
        given = UploadSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        algorithm, created = uploads.model_upload(_upload(given.validated_data), by=caller(request))
        answered = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(AlgorithmSerializer(algorithm).data, answered)


def _upload(given: dict[str, Any]) -> Upload:
    return Upload(
        data=given["file"].read(),
        endpoint=given["endpoint"],
        name=given["name"],
        version=given["version"],
        schema=_bytes(given.get("schema")),
        rows=_bytes(given.get("rows")),
        description=given.get("description", ""),
        licence=given.get("licence", ""),
        status=Status(given["status"]),
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
