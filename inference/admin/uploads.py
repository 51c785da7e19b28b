"""The admin's form for a model file: the same service and the same refusals as over REST."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from inference import problems
from inference.admin.base import username
from inference.core.errors import WeirError
from inference.core.lifecycle import Status
from inference.models import NAME_LENGTH, MLAlgorithm
from inference.services import uploads
from inference.services.uploads import Upload


class UploadForm(forms.Form):
    """A file, what it is called, and what a row looks like."""

    file = forms.FileField(help_text="ONNX or skops; its bytes decide, not its name.")
    endpoint = forms.CharField(max_length=64)
    name = forms.CharField(max_length=NAME_LENGTH)
    version = forms.CharField(max_length=NAME_LENGTH)
    schema = forms.CharField(
        required=False, widget=forms.Textarea, help_text="JSON; an ONNX graph needs none."
    )
    rows = forms.CharField(
        required=False,
        widget=forms.Textarea,
        help_text="JSON or CSV rows to try it on, best with their labels; drawn otherwise.",
    )
    description = forms.CharField(required=False, max_length=2000)
    licence = forms.CharField(required=False, max_length=2000)
    status = forms.ChoiceField(choices=[(each.value, each.value) for each in uploads.STATUSES])


class WithUploads(admin.ModelAdmin):
    """A list of algorithms that one may add to by a file."""

    change_list_template = "admin/inference/algorithms.html"

    def get_urls(self) -> list[URLPattern]:
        """With the page of the form."""
        page = self.admin_site.admin_view(self.upload)
        name = "inference_mlalgorithm_upload"
        return [path("upload/", page, name=name), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With a link to the form for whoever may use it."""
        context = {**(extra_context or {}), "may_upload": _may_upload(request)}
        return super().changelist_view(request, context)

    def upload(self, request: HttpRequest) -> HttpResponse:
        """The form, empty or with what is wrong; the new algorithm's page when it was taken."""
        if not _may_upload(request):
            raise PermissionDenied
        posted = request.method == "POST"
        form = UploadForm(request.POST, request.FILES) if posted else UploadForm()
        status = 200
        if posted and form.is_valid():
            try:
                return self._taken(request, form.cleaned_data)
            except WeirError as error:
                form.add_error(None, f"{error.message} ({error.code})")
                status = problems.STATUS[error.code]
        context = {
            **self.admin_site.each_context(request),
            "title": "Upload a model",
            "form": form,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/inference/ask.html", context, status=status)

    def _taken(self, request: HttpRequest, given: dict[str, Any]) -> HttpResponse:
        upload = Upload(
            data=given["file"].read(),
            endpoint=given["endpoint"],
            name=given["name"],
            version=given["version"],
            schema=given["schema"].encode() or None,
            rows=given["rows"].encode() or None,
            description=given["description"],
            licence=given["licence"],
            status=Status(given["status"]),
        )
        algorithm, created = uploads.model_upload(upload, by=username(request))
        told = "is registered" if created else "is there already"
        self.message_user(request, f"{algorithm} {told}.", messages.SUCCESS)
        return HttpResponseRedirect(
            reverse("admin:inference_mlalgorithm_change", args=[algorithm.pk])
        )


def _may_upload(request: HttpRequest) -> bool:
    opts = MLAlgorithm._meta  # noqa: SLF001  # Django's own name for it
    return request.user.has_perm(f"{opts.app_label}.add_{opts.model_name}")
