"""Local settings in a release that brings one column more."""

from config.settings.local import *  # noqa: F403

MIGRATION_MODULES = {"analytics": "config.bench.one_column.migrations"}
