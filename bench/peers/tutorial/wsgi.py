"""What gunicorn imports: the application, and after it the models into the registry."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.peers.tutorial.settings")
application = get_wsgi_application()

from bench.peers.tutorial.predictor import REGISTRY, Forest  # noqa: E402  # needs the apps

REGISTRY.add_algorithm("bench", Forest())
