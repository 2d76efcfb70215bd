"""Print a new API token of a merchant's owner, or of a partner's."""

from django.core.management.base import CommandError

from tenants.kernel.context import PUBLIC, merchant_context
from tenants.management.merchant import MerchantCommand
from tenants.models import Partner
from tenants.services.audit import audit
from tenants.services.limit_letters import partner_staff
from tenants.services.merchants import merchant_owner
from tenants.services.tokens import token_create


class Command(MerchantCommand):
    help = __doc__

    def add_arguments(self, parser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--merchant", metavar="S", help="its short name")
        whose.add_argument("--partner", metavar="S", help="its short name")
        parser.add_argument("--name", default="manage.py api_token")

    def handle(self, *args, partner: str | None = None, **options) -> None:
        if partner is None:
            super().handle(*args, **options)
            return
        with merchant_context(PUBLIC):
            found = Partner.objects.filter(slug=partner).first()
            if found is None:
                raise CommandError(f"There is no partner {partner}.")
            user = partner_staff(found).order_by("pk").first()
            if user is None:
                raise CommandError(f"{partner} has nobody who sets things up: invite somebody.")
            self._make(user, options["name"])

    def work(self, merchant, *, name, **options) -> None:
        owner = merchant_owner(merchant)
        with merchant_context(merchant.schema_name):
            self._make(owner, name)

    def _make(self, user, name: str) -> None:
        token = token_create(user=user, name=name)
        audit("token.created", f"token:{name}", actor=self.actor)
        self.stdout.write(token)
