"""Put right what migrate_all refuses: give schemas their roles, or remove what is left of one."""

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from tenants.models import Merchant
from tenants.services.database import OWNER
from tenants.services.migrations import faults_find, roles_repair
from tenants.services.provision import schema_drop


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser) -> None:
        parser.add_argument("--roles", action="store_true", help="make roles and rights anew")
        parser.add_argument("--remove", metavar="SCHEMA", help="remove row, schema and role")

    def handle(self, *args, roles, remove, **options) -> None:
        if roles:
            self.stdout.write(f"rights of {len(roles_repair())} merchants made anew")
        if remove:
            self._remove(remove)
        for fault in faults_find():
            self.stdout.write(fault)

    def _remove(self, schema: str) -> None:
        """Only what is broken already: a whole merchant goes with delete_merchant."""
        if not any(schema in fault for fault in faults_find()):
            raise CommandError(f"{schema} is whole: use manage.py delete_merchant.")
        row = Merchant.objects.using(OWNER).filter(schema_name=schema).first()
        schema_drop(row or Merchant(schema_name=schema))
        connections[OWNER].close()
        self.stdout.write(f"{schema} removed")
