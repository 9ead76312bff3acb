"""Django settings of the public API; the admin site is a process of its own (`settings_admin`)."""

import os

from monolith.common.connections import TrackedConnection
from monolith.config.env import load_or_exit

SHOP = load_or_exit(os.environ)
COMPONENTS = ("users", "inventory", "payments", "orders", "overview")

DEBUG = False
ROOT_URLCONF = "monolith.config.urls"
MIDDLEWARE = [
    "monolith.common.middleware.request_scope",
    "monolith.common.middleware.AdmissionMiddleware",
    "monolith.common.middleware.database_bounds",
]
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "users.User"
PASSWORD_HASHERS = ["monolith.users.hashers.ShopArgon2PasswordHasher"]

INSTALLED_APPS = [
    "monolith.config",
    "monolith.common",
    *(f"monolith.{name}" for name in COMPONENTS),
    "rest_framework",
    # For the admin site; here too, because their tables are made by the same `migrate`.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

# The admin site's needs are met in `settings_admin`.
SILENCED_SYSTEM_CHECKS = ["admin.E403", "admin.E408", "admin.E409", "admin.E410"]

DATABASES = {
    "default": {
        **SHOP.database,
        "OPTIONS": {
            **SHOP.database.get("OPTIONS", {}),
            "pool": {
                "min_size": SHOP.pool_size,
                "max_size": SHOP.pool_size,
                "timeout": SHOP.pool_timeout_seconds if SHOP.resilience else 30.0,
                # Give a failed connect up soon and let the next request try again: psycopg's
                # back-off doubles up to minutes, and a database that is back would stay unused.
                "reconnect_timeout": 2.0,
                "connection_class": TrackedConnection,
            },
            # As in the services: parameters bound by the server, statements prepared at the
            # fifth use. Django's own defaults switch both off.
            "server_side_binding": True,
            "prepare_threshold": 5,
            "connect_timeout": 2,
            "application_name": "monolith",
            "options": f"-c statement_timeout={SHOP.statement_timeout_ms} -c timezone=UTC",
        },
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["monolith.common.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["monolith.common.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "monolith.common.parsers.IgnoreClientContentNegotiation",
    "EXCEPTION_HANDLER": "monolith.common.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": SHOP.log_level},
    "loggers": {
        "django": {"level": SHOP.log_level},
        # A client's 4xx is no warning of ours.
        "django.request": {"level": "ERROR"},
        "psycopg.pool": {"level": "ERROR"},
    },
}
