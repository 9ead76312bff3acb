"""The `overview` application: it owns no table."""

from django.apps import AppConfig


class OverviewConfig(AppConfig):
    name = "monolith.overview"
    label = "overview"
