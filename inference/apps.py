"""How Django learns of the app."""

from __future__ import annotations

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """The app that serves models; its system checks are loaded with it."""

    name = "inference"
    verbose_name = "Model serving"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks: importing their module does it."""
        from inference import checks  # noqa: F401  # registration is the import
