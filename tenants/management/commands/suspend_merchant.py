"""Stop serving a merchant; resume_merchant brings it back as it was."""

from tenants.management.merchant import MerchantCommand
from tenants.services.merchants import merchant_suspend


class Command(MerchantCommand):
    help = __doc__

    def add_more(self, parser) -> None:
        parser.add_argument("--reason", required=True)

    def work(self, merchant, *, reason, **options) -> None:
        merchant_suspend(merchant, reason=reason, actor=self.actor)
        self.stdout.write(f"{merchant.slug} is suspended")
