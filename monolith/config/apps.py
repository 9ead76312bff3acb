"""The `config` application: only there so that Django finds its management commands."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "monolith.config"
    label = "config"
