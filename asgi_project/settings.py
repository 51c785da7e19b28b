"""Django's settings, all of them following from one `Environment`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import dj_database_url

from asgi_project import env, redis_url, version
from inference import storage

BASE_DIR = env.BASE_DIR
WEIR: env.Environment = env.from_process()

# -- who may ask -------------------------------------------------------------------------------

SECRET_KEY = WEIR.secret_key
DEBUG = False  # a page of local variables is no error message, not even on a laptop
ALLOWED_HOSTS = list(WEIR.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(WEIR.allowed_origins)
LOGIN_URL = "/admin/login/"

# -- what is installed -------------------------------------------------------------------------

INSTALLED_APPS = [
    "asgi_project",  # first, so that `runserver` is its own
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "inference",
    "consumers",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "asgi_project.middleware.ContentSecurityPolicy",
    "inference.api.bodies.limited_body",
    "asgi_project.middleware.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "asgi_project.urls"
ASGI_APPLICATION = "asgi_project.asgi.application"
APPEND_SLASH = False  # both spellings are routes of their own; a redirect would lose the body

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "asgi_project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# -- where rows are kept -----------------------------------------------------------------------

# A deferred transaction that turns into a writer fails at once with "database is locked", whatever
# the timeout says; an immediate one waits its turn.
_SQLITE = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 5,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
# A pool, because persistent connections pile up under ASGI; small, because hosted plans allow 20.
# Whoever asks a server that is away is told so in three seconds. The pool itself would wait longer
# from one attempt to the next; told to give up soon, it tries anew for whoever comes then. What
# was sent and is not confirmed, or stays unanswered without a sign of life, is given up after five.
_POSTGRESQL = {
    "pool": {
        "min_size": 1,
        "max_size": WEIR.database_connections,
        "timeout": 3,
        "reconnect_timeout": 2,
    },
    "connect_timeout": 3,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
}
# Django itself asks for READ COMMITTED and utf8mb4. A value that does not fit is an error here as
# elsewhere, not a warning. Reads are given up late: a migration may take its time.
_MARIADB = {
    "init_command": "SET sql_mode = 'TRADITIONAL'",
    "connect_timeout": 3,
    "read_timeout": 30,
    "write_timeout": 5,
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "asgi_project.sqlite": _SQLITE,
    "asgi_project.postgresql": _POSTGRESQL,
    "django.db.backends.mysql": _MARIADB,
}
_OURS = {"postgres": "asgi_project.postgresql", "sqlite": "asgi_project.sqlite"}


def _database() -> dict[str, Any]:
    kind = next((kind for kind in _OURS if WEIR.database_url.startswith(kind)), "")
    # A pooled connection is tried before it is handed out: it may be older than the server.
    found: dict[str, Any] = {
        **dj_database_url.parse(WEIR.database_url, _OURS.get(kind), conn_health_checks=True)
    }
    if found["ENGINE"] == "django.db.backends.mysql":
        _drive_mariadb()
    return found | {"OPTIONS": {**_OPTIONS[found["ENGINE"]], **found.get("OPTIONS", {})}}


def _drive_mariadb() -> None:
    """Django asks for a driver by the name of another one, which has to be compiled."""
    import pymysql

    pymysql.install_as_MySQLdb()


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- what is said to browsers ------------------------------------------------------------------


def _channel_layer() -> dict[str, Any]:
    # With redis-py's own timeout a subscription that nobody speaks on would be torn down.
    host = {**redis_url.connection(WEIR), "socket_timeout": None, "socket_connect_timeout": 2}
    return {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [host], "prefix": f"{WEIR.namespace}:"},
    }


# Processes tell each other once, over Redis; each tells its own sockets without leaving memory.
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
if WEIR.redis_url is not None:
    CHANNEL_LAYERS["shared"] = _channel_layer()

# -- the REST API ------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_PARSER_CLASSES": [
        "inference.api.parsers.StrictJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "inference.api.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["inference.api.permissions.ProfilePermission"],
    "DEFAULT_PAGINATION_CLASS": None,
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",  # microseconds even where they are zero
    "DEFAULT_SCHEMA_CLASS": "inference.api.openapi.WithRefusals",
    "EXCEPTION_HANDLER": "inference.api.errors.handler",
    "NUM_PROXIES": WEIR.trusted_proxies,  # unset, any caller could name his own address
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Weir",
    "DESCRIPTION": "Machine-learning models, served live, with experiments that may be watched.",
    "VERSION": version(),
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
DATA_UPLOAD_MAX_MEMORY_SIZE = WEIR.max_body_bytes

# -- files that never change -------------------------------------------------------------------


def _static_folders() -> list[Any]:
    """The dashboard, its plotting library and its typeface; it gets along without the two."""
    modules = BASE_DIR / "node_modules"
    installed = {
        "uplot": modules / "uplot" / "dist",
        "archivo": modules / "@fontsource-variable" / "archivo" / "files",
    }
    return [BASE_DIR / "static", *[each for each in installed.items() if each[1].is_dir()]]


def _made(folder: Path) -> Path:
    """There, unless the code lies where nothing can be written."""
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
    return folder


STATIC_URL = "/static/"
STATIC_ROOT = _made(BASE_DIR / "staticfiles")  # whitenoise warns where there is none
STATICFILES_DIRS = _static_folders()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"
        if not WEIR.is_open
        else "django.contrib.staticfiles.storage.StaticFilesStorage",
    },
    "bundles": storage.backend(WEIR.bundles),
}
WHITENOISE_USE_FINDERS = WEIR.is_open  # no `collectstatic` before the first look
WHITENOISE_AUTOREFRESH = WEIR.is_open

# -- language and time -------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# -- what crosses the network safely -----------------------------------------------------------

SECURE_SSL_REDIRECT = WEIR.secure_ssl
SESSION_COOKIE_SECURE = WEIR.secure_ssl
CSRF_COOKIE_SECURE = WEIR.secure_ssl
SECURE_HSTS_SECONDS = 31_536_000 if WEIR.secure_ssl else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = WEIR.secure_ssl
SECURE_HSTS_PRELOAD = WEIR.secure_ssl
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if WEIR.trusted_proxies:  # from anybody else the header is only a claim
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# -- what is written down ----------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "asgi_project.logs.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "root": {"handlers": ["stderr"], "level": WEIR.log_level},
    "loggers": {
        # Django would add a second, differently shaped line of its own.
        "django": {"handlers": [], "level": WEIR.log_level, "propagate": True},
        # It tells of each socket, with the query in its address.
        "weir.sockets": {"level": "WARNING"},
        # It tells of each connection that is lent and returned.
        "psycopg.pool": {"level": "WARNING"},
        # It tells of each request that `manage.py traffic` or a model that lives elsewhere makes.
        "httpx": {"level": "WARNING"},
        # It writes a trace each second while Redis is away, which is said once elsewhere.
        "channels_redis.pubsub": {"level": "CRITICAL"},
    },
}
