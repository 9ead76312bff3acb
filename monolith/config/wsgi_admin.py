"""The admin site for gunicorn, a process of its own: `monolith.config.wsgi_admin:application`."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "monolith.config.settings_admin"

from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402
from django.core.exceptions import SuspiciousOperation  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import Http404, HttpRequest  # noqa: E402
from django.http.response import HttpResponseBase  # noqa: E402


class StaticFiles(StaticFilesHandler):
    """A handful of staff: the process that renders the pages serves their style sheets too."""

    def serve(self, request: HttpRequest) -> HttpResponseBase:
        try:
            return super().serve(request)
        except (SuspiciousOperation, ValueError):  # a way out of the folder, or a NUL: no file
            raise Http404 from None


application = StaticFiles(get_wsgi_application())
