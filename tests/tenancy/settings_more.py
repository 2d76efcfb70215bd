"""The suite's settings in a release that brings more migrations."""

from config.settings.test import *  # noqa: F403

MIGRATION_MODULES = {"analytics": "tests.tenancy.more_migrations"}
