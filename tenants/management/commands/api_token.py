"""Print a new API token of a merchant's owner."""

from tenants.kernel.context import merchant_context
from tenants.management.merchant import MerchantCommand
from tenants.services.audit import audit
from tenants.services.merchants import merchant_owner
from tenants.services.tokens import token_create


class Command(MerchantCommand):
    help = __doc__

    def add_more(self, parser) -> None:
        parser.add_argument("--name", default="manage.py api_token")

    def work(self, merchant, *, name, **options) -> None:
        owner = merchant_owner(merchant)
        with merchant_context(merchant.schema_name):
            token = token_create(user=owner, name=name)
            audit("token.created", f"token:{name}", actor=self.actor)
        self.stdout.write(token)
