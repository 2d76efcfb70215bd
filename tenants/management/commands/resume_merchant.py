"""Serve a merchant again that was suspended or is waiting to be erased."""

from tenants.management.merchant import MerchantCommand
from tenants.services.merchants import merchant_resume


class Command(MerchantCommand):
    help = __doc__

    def work(self, merchant, **options) -> None:
        merchant_resume(merchant, actor=self.actor)
        self.stdout.write(f"{merchant.slug} is active")
