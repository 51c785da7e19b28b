"""`manage.py runserver`: on daphne, which nobody else imports.

Installed as an app it would be imported by every process: 27 MB of Twisted in each.
"""

from __future__ import annotations

from daphne.management.commands.runserver import Command

__all__ = ["Command"]
