"""The project's settings in the environment that the tests and the type checker run in.

A developer's own settings must not change what a test says, so those are dropped; only the
addresses of the services are kept, because the same tests run against PostgreSQL and Redis.
"""

from __future__ import annotations

import os
import tempfile

for _name in [name for name in os.environ if name.startswith("WEIR_")]:
    del os.environ[_name]
os.environ["WEIR_PROFILE"] = "open"
os.environ["WEIR_DATA_DIR"] = tempfile.mkdtemp(prefix="weir-tests-")
os.environ["WEIR_BUNDLES"] = "files"  # whatever the database; other places have their own tests
os.environ["SECRET_KEY"] = "a key for tests, which opens nothing at all"
# A process that a test starts is an ordinary one: it reads whatever environment the test hands it.
os.environ["DJANGO_SETTINGS_MODULE"] = "asgi_project.settings"

from asgi_project.settings import *  # noqa: E402, F403  # the environment comes first

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, and nothing is secret

if WEIR.database_url.startswith("sqlite"):  # noqa: F405  # the settings' own name
    # A file, as in production: in a database in memory, threads would not meet as they do there.
    DATABASES["default"]["TEST"] = {"NAME": str(WEIR.data_dir / "tests.sqlite3")}  # noqa: F405  # the same
if WEIR.database_url.startswith("mysql"):  # noqa: F405  # the same
    # As docs/adr/0003 asks for: texts are equal only if they are the same.
    _exact = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_nopad_bin"}
    DATABASES["default"]["TEST"] = _exact  # noqa: F405  # the same
