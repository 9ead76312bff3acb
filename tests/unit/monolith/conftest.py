"""Serializers and models need Django to be configured; no test here has a database."""

from tests.integration.monolith.configured import configure

configure()
