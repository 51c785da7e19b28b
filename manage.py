#!/usr/bin/env python
"""Django's entry point for every command."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run the command that the caller named."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "asgi_project.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
