"""The predict view: look the algorithm up, call it, save what happened, answer."""

from __future__ import annotations

import json

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.peers.tutorial.models import MLAlgorithm, MLRequest
from bench.peers.tutorial.predictor import REGISTRY


class PredictView(APIView):
    """One record in, one answer out, one row saved."""

    def post(self, request: Request, endpoint_name: str) -> Response:
        status = request.query_params.get("status", "production")
        algorithms = MLAlgorithm.objects.filter(
            parent_endpoint__name=endpoint_name, status__status=status, status__active=True
        )
        if len(algorithms) != 1:
            return Response({"status": "Error", "message": "not available"}, status=400)
        prediction = REGISTRY.endpoints[algorithms[0].pk].compute_prediction(dict(request.data))
        saved = MLRequest(
            input_data=json.dumps(request.data),
            full_response=str(prediction),
            response=prediction.get("label", "error"),
            feedback="",
            parent_mlalgorithm=algorithms[0],
        )
        saved.save()
        prediction["request_id"] = saved.pk
        return Response(prediction)
