"""Which view answers which path; health and hot requests never come this far."""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

from asgi_project import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("admin/", admin.site.urls),
]
if find_spec("inference.api.urls"):  # until that module is there
    urlpatterns += [path("api/v1/", include("inference.api.urls"))]
