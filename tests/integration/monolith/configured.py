"""Django configured for a test process: the settings need an environment, and there is one only.

Both the unit and the integration tests of the monolith call `configure` before pytest-django looks.
"""

import os
import tempfile
from pathlib import Path

import django
from django.conf import settings

from tests.integration.monolith.keys import write_signing_key

FOLDER = Path(tempfile.mkdtemp(prefix="monolith-tests-"))
SIGNING_KEY = FOLDER / "signing-key.pem"
_ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "monolith.config.settings",
    "DATABASE_URL": "postgresql://nobody:none@127.0.0.1:1/shop",
    "SIGNING_KEY_FILE": str(SIGNING_KEY),
    "SHOP_FAULTS": "1",
    "SHOP_FAULTS_DIR": str(FOLDER),
    # This process has what all workers have in all.
    "GUNICORN_WORKERS": "1",
    "PASSWORD_THREADS": "16",
}


def configure() -> None:
    """Once a process, however many conftest files ask for it."""
    if settings.configured:
        return
    write_signing_key(SIGNING_KEY)
    before = dict(os.environ)
    os.environ.update(_ENVIRONMENT)
    try:
        django.setup()
    finally:
        os.environ.clear()
        os.environ.update(before)
