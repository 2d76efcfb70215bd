"""Make the figures of a merchant anew from its event log."""

from analytics.handlers import figures_rebuild
from analytics.models import Dialogue
from tenants.kernel.context import merchant_context
from tenants.management.merchant import MerchantCommand


class Command(MerchantCommand):
    help = __doc__

    def work(self, merchant, **options) -> None:
        with merchant_context(merchant.schema_name):
            figures_rebuild()
            count = Dialogue.objects.count()
        self.stdout.write(f"{merchant.slug}: {count} dialogues")
