"""Make the database's logins and roles and give them their rights. Safe to repeat."""

from django.core.management.base import BaseCommand

from tenants.services.database import database_prepare, orphan_roles_drop


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []

    def handle(self, *args, **options) -> None:
        for line in database_prepare():
            self.stdout.write(line)
        for role in orphan_roles_drop():
            self.stdout.write(f"dropped role {role}, which nothing used")
