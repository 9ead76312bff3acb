"""The public API for gunicorn: `monolith.config.wsgi:application`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monolith.config.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import resolve  # noqa: E402

application = get_wsgi_application()
resolve("/live")  # imports every view now: before the fork, not in the first request
