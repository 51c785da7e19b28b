"""Which view answers which path; health and hot requests never come this far."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from asgi_project import contract, views

urlpatterns = [
    path("", views.page, {"template": "dashboard.html", "here": "/"}, name="dashboard"),
    path("endpoints/<path:name>", views.page, {"template": "dashboard.html", "here": "/"}),
    path("experiments", views.page, {"template": "experiments.html", "here": "/experiments"}),
    path(
        "experiments/<int:id>",
        views.page,
        {"template": "experiment.html", "here": "/experiments"},
        name="experiment",
    ),
    path("operations", views.page, {"template": "operations.html", "here": "/operations"}),
    path("asyncapi.json", contract.ContractView.as_view(), name="asyncapi"),
    path("sockets", contract.ContractPage.as_view(), name="sockets"),
    path("favicon.ico", RedirectView.as_view(url="/static/dashboard/weir.svg", permanent=True)),
    path("admin/", admin.site.urls),
    path("api/v1", RedirectView.as_view(url="/api/v1/", permanent=True, query_string=True)),
    path("api/v1/", include("inference.api.urls")),
]
