"""Django settings of the public API (see `env` for what comes from the environment).

The request path has one middleware: no sessions, CSRF or messages. The admin site runs in a
process of its own with `settings_admin`.
"""

import os

from monolith.config.env import load_or_exit

SHOP = load_or_exit(os.environ)

DEBUG = False
ROOT_URLCONF = "monolith.config.urls"
MIDDLEWARE = ["monolith.common.middleware.request_scope"]
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "users.User"

INSTALLED_APPS = [
    "monolith.config",
    "monolith.common",
    "monolith.users",
    "monolith.inventory",
    "monolith.payments",
    "monolith.orders",
    "monolith.overview",
    "rest_framework",
    # For the admin site; here too, because their tables are made by the same `migrate`.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

# The admin site's needs are met in `settings_admin`.
SILENCED_SYSTEM_CHECKS = ["admin.E403", "admin.E408", "admin.E409", "admin.E410"]

_POOL = {
    "min_size": min(4, SHOP.database_pool_max),
    "max_size": SHOP.database_pool_max,
    "timeout": SHOP.database_pool_timeout_ms / 1000 if SHOP.resilience else 30.0,
    # Give a failed connect up soon and let the next request try again: psycopg's back-off doubles
    # up to minutes, and a database that is back would stay unused for as long.
    "reconnect_timeout": 2.0,
}
# Whoever comes when two pools full are waiting for a connection is shed at once.
SHOP_MAX_ADMITTED = 3 * SHOP.database_pool_max if SHOP.resilience else 1_000_000
# So is who waited for a thread as long as others may wait for a connection: in an overload a
# server that works off its whole queue answers only those who have given up.
SHOP_MAX_QUEUED_SECONDS = SHOP.database_pool_timeout_ms / 1000 if SHOP.resilience else 1e9

DATABASES = {
    "default": {
        "ENGINE": "monolith.common.postgres",
        "NAME": SHOP.database.name,
        "USER": SHOP.database.user,
        "PASSWORD": SHOP.database.password,
        "HOST": SHOP.database.host,
        "PORT": SHOP.database.port,
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            **SHOP.database.options,
            "pool": _POOL,
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
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
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
