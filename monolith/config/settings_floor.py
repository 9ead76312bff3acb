"""Django settings of the benchmark's floor: the same database and pool, nothing around a view."""

from monolith.config.settings import *  # noqa: F403
from monolith.config.settings import DATABASES

MIDDLEWARE: list[str] = []
ROOT_URLCONF = "monolith.floor"
# Django's own engine: what ours adds (timing, deadline, watchdog) is not part of the floor.
DATABASES = {"default": {**DATABASES["default"], "ENGINE": "django.db.backends.postgresql"}}
