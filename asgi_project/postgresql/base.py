"""A pool that is emptied as soon as one of its connections turns out to be dead.

Others are dead then, too. The pool would try them one after the other when they are asked for, with
a pause of seconds between one and the next, longer than anybody wants to wait.
"""

from __future__ import annotations

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """What `ENGINE` names."""

    def close(self) -> None:
        dead = self.connection is not None and self.connection.closed
        super().close()
        if dead and self.pool:
            self.pool.drain()
