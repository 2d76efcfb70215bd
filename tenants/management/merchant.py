"""What the commands about one merchant have in common."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from tenants.kernel.errors import RuleBroken
from tenants.models import Merchant


class MerchantCommand(BaseCommand):
    """`--merchant S`, a short name or a schema; rules broken are told in words."""

    # (merchant, **options): each command names the options it added.
    work: Callable[..., None]

    @property
    def actor(self) -> str:
        return f"manage.py {type(self).__module__.rpartition('.')[2]}"

    def add_arguments(self, parser) -> None:
        parser.add_argument("--merchant", required=True, metavar="S", help="its short name")
        self.add_more(parser)

    def add_more(self, parser) -> None: ...

    def handle(self, *args, merchant: str, **options) -> None:
        rows = Merchant.objects.select_related("partner", "plan")
        found = rows.filter(slug=merchant).first() or rows.filter(schema_name=merchant).first()
        if found is None:
            raise CommandError(f"There is no merchant {merchant}.")
        try:
            self.work(found, **options)
        except RuleBroken as exc:
            raise CommandError(str(exc)) from None
        except ValidationError as exc:
            raise CommandError("; ".join(exc.messages)) from None
