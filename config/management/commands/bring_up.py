"""`manage.py bring_up`: what bin/up does between starting the services and starting the roles.

One process for all steps, because starting Django costs more than most of them. Lines that begin
with MARK tell bin/up which step is under way.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from config.demo import seed
from config.embedded.up import MARK, SEED
from tenants.models import Merchant

STEPS = (
    ("Database logins", "prepare_database"),
    ("Migrations", "migrate_all"),
)


class Command(BaseCommand):
    help = "Prepare the database's logins, migrate every merchant. Run it with DB_ROLE=owner."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for title, command in STEPS:
            self.stdout.write(f"{MARK}{title}")
            call_command(command, stdout=self.stdout, stderr=self.stderr)
        if seed.is_wanted_if_empty() and not _demo_is_whole():
            self.stdout.write(SEED)


def _demo_is_whole() -> bool:
    """The file with its log-ins is written last, and names the port it was written for."""
    if not Merchant.objects.filter(is_demo=True, state=Merchant.State.ACTIVE).exists():
        return False
    try:
        told = json.loads((Path(settings.DATA_DIR) / "demo.json").read_text())
        return all(f":{settings.PORT}/" in merchant["admin"] for merchant in told["merchants"])
    except (OSError, ValueError, KeyError):
        return False
