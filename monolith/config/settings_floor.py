"""Django settings of the benchmark's floor: the same database and pool, DRF as it comes."""

from monolith.config.settings import *  # noqa: F403

MIDDLEWARE: list[str] = []
ROOT_URLCONF = "monolith.floor"
# DRF's defaults but for the browsable API, which is for people. A token has to be checked all the
# same: without it nobody knows whose wallet is meant.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["monolith.common.authentication.BearerAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}
