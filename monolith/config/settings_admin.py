"""Django settings of the admin site: what `settings` leaves out of the API's request path."""

import hashlib

from monolith.config.env import require_signing_key
from monolith.config.settings import *  # noqa: F403
from monolith.config.settings import INSTALLED_APPS, SHOP

# Signs what the admin site hands out. Derived, so that there is one secret to keep, not two.
SECRET_KEY = hashlib.sha256(b"admin:" + require_signing_key(SHOP).read_bytes()).hexdigest()
ALLOWED_HOSTS = list(SHOP.admin_hosts)
INSTALLED_APPS = [
    # With its discovery of every app's `admin` module.
    "django.contrib.admin" if app.startswith("django.contrib.admin") else app
    for app in INSTALLED_APPS
]
SILENCED_SYSTEM_CHECKS: list[str] = []
ROOT_URLCONF = "monolith.config.urls_admin"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
AUTHENTICATION_BACKENDS = ["monolith.users.backends.StaffBackend"]
# In the database: a session must end when its user logs out, whoever has a copy of the cookie.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 3600
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
LOGIN_REDIRECT_URL = "/"
STATIC_URL = "static/"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
