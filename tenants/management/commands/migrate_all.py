"""Migrate the public schema and every merchant's; skip those with nothing to do."""

import os

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from tenants.services.migrations import TRIES, Broken, Failed, migrate_all
from tenants.services.partners import platform_ensure
from tenants.services.provision import spares_replenish


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser) -> None:
        parser.add_argument("--check", action="store_true", help="only tell; 1 when any lags")
        parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 2))
        parser.add_argument("--tries", type=int, default=TRIES, help="for a schema in use")
        parser.add_argument("--spares", type=int, help="prepare so many (SPARE_MERCHANTS)")

    def handle(self, *args, check, jobs, tries, spares, **options) -> None:
        try:
            report = migrate_all(jobs=jobs, check=check, tries=tries, tell=self.stdout.write)
        except Broken as exc:
            raise CommandError(
                f"Nothing was migrated, because {len(exc.faults)} merchants are broken:\n{exc}"
            ) from None
        except Failed as exc:
            raise CommandError(str(exc)) from None
        self.stdout.write(
            f"{report.merchants} merchants, {report.lagging} of them behind, "
            f"{report.public} migrations of the public schema, {report.seconds:.1f} s"
        )
        if check:
            if report.lagging or report.public:
                raise CommandError("Migrations wait: run manage.py migrate_all.")
            return
        platform_ensure()
        if spares is not None:
            settings.SPARE_MERCHANTS = spares
        if made := spares_replenish():
            self.stdout.write(f"{made} spare merchants prepared")
