"""`manage.py bring_up`: what bin/up does between starting the services and starting the roles.

One process for all steps, because starting Django costs more than most of them. Lines that begin
with MARK tell bin/up which step is under way.
"""

from __future__ import annotations

from typing import Any

from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand

from config.embedded.up import EMPTY, MARK
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
        if (
            "seed_demo" in get_commands()
            and not Merchant.objects.exclude(state=Merchant.State.SPARE).exists()
        ):
            self.stdout.write(EMPTY)
