"""Which view answers which path under /api/v1/. No trailing slashes: one spelling, one resource."""

from __future__ import annotations

from typing import Any, Final

from django.urls import URLPattern, URLResolver, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter
from rest_framework.settings import api_settings

from inference.api import lifecycle, views
from inference.api.live import OperationsView
from inference.api.predict import PredictView

router = DefaultRouter(trailing_slash=False)
router.register("endpoints", views.EndpointViewSet)
router.register("mlalgorithms", views.AlgorithmViewSet)
router.register("mlalgorithmstatuses", views.StatusViewSet)
router.register("mlrequests", views.RequestViewSet)
router.register("abtests", views.ABTestViewSet)

# drf-spectacular lets everybody in unless told otherwise.
_GUARDED: Final[dict[str, Any]] = {
    "permission_classes": api_settings.DEFAULT_PERMISSION_CLASSES,
    "authentication_classes": api_settings.DEFAULT_AUTHENTICATION_CLASSES,
}

urlpatterns: list[URLPattern | URLResolver] = [
    # Before the router, so that an endpoint may have any name.
    re_path(r"^(?P<endpoint_name>.+)/predict$", PredictView.as_view(), name="predict"),
    re_path(
        r"^stop_ab_test/(?P<ab_test_id>.+)$", views.StopABTestView.as_view(), name="stop-ab-test"
    ),
    path("operations", OperationsView.as_view(), name="operations"),
    path("audit", lifecycle.AuditView.as_view(), name="audit"),
    path("evaluations", lifecycle.EvaluationsView.as_view(), name="evaluations"),
    path(
        "mlalgorithms/<str:id>/promote",
        lifecycle.PromoteView.as_view(),
        name="mlalgorithm-promote",
    ),
    path(
        "endpoints/<str:id>/rollback",
        lifecycle.RollbackView.as_view(),
        name="endpoint-rollback",
    ),
    path(
        "endpoints/<str:id>/aliases",
        lifecycle.AliasesView.as_view(),
        name="endpoint-aliases",
    ),
    path(
        "endpoints/<str:id>/aliases/<str:name>",
        lifecycle.AliasView.as_view(),
        name="endpoint-alias",
    ),
    path("schema", SpectacularAPIView.as_view(**_GUARDED), name="schema"),
    path(
        "docs",
        SpectacularSwaggerSplitView.as_view(url_name="schema", **_GUARDED),
        name="docs",
    ),
    *router.urls,
]
