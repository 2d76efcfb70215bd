"""Create a merchant and print one JSON line: {"host", "token", "bot_id"}."""

import json

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from bots.models import Bot
from tenants.kernel.context import merchant_context
from tenants.models import Partner
from tenants.selectors.hosts import primary_host
from tenants.services.merchants import merchant_create, merchant_owner
from tenants.services.tokens import token_create


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser) -> None:
        parser.add_argument("--slug", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--partner", help="the partner's short name; the platform by default")
        parser.add_argument("--host", default="", help="<slug>.<partner's host> by default")
        parser.add_argument("--email", required=True)
        parser.add_argument("--password", required=True)
        parser.add_argument("--language", default="")

    def handle(self, *args, slug, name, partner, host, email, password, language, **options):
        try:
            merchant = merchant_create(
                slug=slug,
                name=name,
                partner=Partner.objects.get(slug=partner) if partner else None,
                host=host,
                email=email,
                password=password,
                language=language,
                actor="manage.py create_merchant",
            )
        except Partner.DoesNotExist:
            raise CommandError(f"There is no partner {partner}.") from None
        except ValidationError as exc:
            faults = "; ".join(
                f"{field}: {' '.join(said)}" for field, said in exc.message_dict.items()
            )
            raise CommandError(faults) from None
        owner = merchant_owner(merchant)
        with merchant_context(merchant.schema_name):
            token = token_create(user=owner, name="create_merchant")
            bot_id = Bot.objects.order_by("pk").values_list("pk", flat=True).first()
        line = {"host": primary_host(merchant), "token": token, "bot_id": bot_id}
        self.stdout.write(json.dumps(line))
