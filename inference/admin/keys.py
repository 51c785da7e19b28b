"""API keys: make one, see it once, revoke it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from inference.admin.base import Shown
from inference.admin.forms import KeyForm
from inference.keys import Scope
from inference.models import ApiKey
from inference.services import keys


@admin.register(ApiKey)
class ApiKeyAdmin(Shown):
    """Who may come in and what for."""

    form = KeyForm
    list_display = ("name", "prefix", "scopes", "created_at", "expires_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "prefix")
    left_out = ("hashed",)
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may add keys at all."""
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """A new key is asked for three things; of an old one everything is shown."""
        return super().get_fields(request, obj) if obj else list(KeyForm.Meta.fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """A key does not change."""
        return super().get_readonly_fields(request, obj) if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        """The key itself is said here and never again."""
        if change:
            return
        given = form.cleaned_data
        scopes = [Scope(scope) for scope in given["scopes"]]
        row, text = keys.key_create(given["name"], scopes, expires_at=given["expires_at"])
        obj.pk = row.pk
        obj.prefix = row.prefix
        self.message_user(request, f"Keep this key, it is shown only now: {text}", messages.WARNING)

    @admin.action(description="Revoke", permissions=["change"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        """From now on, in every process within its next tick."""
        revoked = sum(keys.key_revoke(key.prefix) for key in chosen)
        self.message_user(request, f"Revoked: {revoked}.")
