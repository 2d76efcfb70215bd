from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Holds the commands that know every part: up, bench, seed_demo."""

    name = "config"
