"""The admin site for gunicorn, a process of its own: `monolith.config.wsgi_admin:application`."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "monolith.config.settings_admin"

from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402

# A handful of staff: the process that renders the pages serves their style sheets too.
application = StaticFilesHandler(get_wsgi_application())
