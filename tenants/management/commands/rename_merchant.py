"""Change a merchant's name, short name or host."""

from tenants.management.merchant import MerchantCommand
from tenants.selectors.hosts import primary_host
from tenants.services.merchants import merchant_rename


class Command(MerchantCommand):
    help = __doc__

    def add_more(self, parser) -> None:
        parser.add_argument("--name")
        parser.add_argument("--slug")
        parser.add_argument("--host")

    def work(self, merchant, *, name, slug, host, **options) -> None:
        merchant_rename(merchant, name=name, slug=slug, host=host, actor=self.actor)
        self.stdout.write(f"{merchant.slug} “{merchant.name}” at {primary_host(merchant)}")
