"""Stop serving a merchant and erase everything of it after the grace period."""

from datetime import timedelta

from tenants.management.merchant import MerchantCommand
from tenants.services.merchants import GRACE, merchant_delete, merchant_erase


class Command(MerchantCommand):
    help = __doc__

    def add_more(self, parser) -> None:
        parser.add_argument("--confirm", required=True, help="the short name, once more")
        parser.add_argument("--days", type=int, default=GRACE.days, help="0 erases now")

    def work(self, merchant, *, confirm, days, **options) -> None:
        gone_at = merchant_delete(
            merchant, confirm=confirm, actor=self.actor, grace=timedelta(days=days)
        )
        if days:
            self.stdout.write(f"{merchant.slug} is erased after {gone_at:%Y-%m-%d %H:%M} UTC")
        elif merchant_erase(merchant.pk) is None:
            self.stdout.write(f"{merchant.slug} is erased")
        else:
            self.stdout.write(f"{merchant.slug} is in use; a worker erases it in a moment")
