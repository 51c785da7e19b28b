"""A page for rows that services write: all is shown, nothing is edited behind their backs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from inference.core.errors import WeirError


class Shown(admin.ModelAdmin):
    """Every field read-only but those in `written`, which `write` hands to a service."""

    written: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    list_per_page = 50

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Those of the table, in its order, and what the class computes."""
        columns = [field.name for field in self.opts.fields]
        kept = [name for name in columns if name not in self.left_out]
        return [*kept, *(name for name in self.readonly_fields if name not in columns)]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """All but `written`."""
        return [name for name in self.get_fields(request, obj) if name not in self.written]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A service makes them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What happened has happened."""
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """What a service refuses is said on the page; nothing of it was written."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except WeirError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        """Never `obj.save()`: that would write back what a service changed meanwhile."""
        if form.changed_data:
            self.write(request, obj)

    def write(self, request: HttpRequest, obj: Any) -> None:
        """Hand the fields in `written` to a service."""

    def attempt(self, request: HttpRequest, verb: Callable[[Any], str], chosen: Model) -> None:
        """Say what the verb says of the chosen row, or why it refused."""
        try:
            self.message_user(request, verb(chosen))
        except WeirError as error:
            self.message_user(request, error.message, messages.ERROR)


class ShownInline(admin.TabularInline):
    """Rows below the one they belong to."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A service makes them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """And changes them."""
        return False


def pretty(value: object) -> SafeString:
    """JSON that can be read."""
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))


def username(request: HttpRequest) -> str:
    """Under which name the changes are written down."""
    return request.user.get_username()
