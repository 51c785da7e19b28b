"""`python -m bench.peers.tutorial.fresh`: its tables, and the rows of its registry."""

from __future__ import annotations

import os

import django
from django.core.management import call_command

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.peers.tutorial.settings")
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    import bench.peers.tutorial.wsgi  # noqa: F401  # importing it fills the registry
