"""The admin, and predict."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from bench.peers.tutorial.views import PredictView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/<str:endpoint_name>/predict", PredictView.as_view()),
]
