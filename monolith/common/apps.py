"""The `common` application: owner of the idempotency keys."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "monolith.common"
    label = "common"
