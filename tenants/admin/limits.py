"""What the first page says of a plan: a merchant's own month, and a partner's merchants'."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from tenants.admin.home import Notice, notifier
from tenants.kernel.context import merchant_context
from tenants.models import Merchant
from tenants.selectors.scope import is_boss, scope_of
from tenants.services import limits
from tenants.services.limit_letters import NEAR, REACHED
from tenants.workspace.models import AuditEntry

SHOWN = 5


@notifier("merchant")
def own_month(request: HttpRequest) -> Iterator[Notice]:
    """For everybody who works here: the bot answers otherwise past the limit."""
    now = limits.use(limits.DIALOGUES)
    words = {"used": now.have, "limit": now.most}
    if now.is_spent:
        yield Notice(
            _("The plan's %(limit)s dialogues of this month are used up (%(used)s so far). The bot "
              "answers without a language model and calls people more often; no buyer is turned "
              "away. A larger plan lifts this.") % words,
            level="late",
        )  # fmt: skip
    elif now.is_near:
        yield Notice(
            _("%(used)s of the plan's %(limit)s dialogues of this month are used. Past that the "
              "bot answers without a language model until the month ends.") % words
        )  # fmt: skip


@notifier("platform")
def merchants_months(request: HttpRequest) -> Iterator[Notice]:
    """Merchants in scope that were told this month and are still near their limit."""
    if not is_boss(request):
        return
    since = timezone.now().replace(day=1, hour=0, minute=0, second=0) - timedelta(days=1)
    told = AuditEntry.objects.filter(action__in=[NEAR, REACHED], at__gte=since)
    slugs = {target.removeprefix("merchant:") for target in told.values_list("target", flat=True)}
    shops = Merchant.objects.filter(slug__in=slugs, state=Merchant.State.ACTIVE).order_by("name")
    if (scope := scope_of(request)) is not None:
        shops = shops.filter(partner_id=scope)
    for shop in shops[:SHOWN]:
        with merchant_context(shop.schema_name):
            now = limits.use(limits.DIALOGUES)
        if now.is_near:
            yield Notice(
                _("“%(name)s” has used %(used)s of the %(limit)s dialogues of its plan this month.")
                % {"name": shop.name, "used": now.have, "limit": now.most},
                reverse("platform:tenants_merchant_change", args=[shop.pk]),
                _("Look at it"),
                "late" if now.is_spent else "waiting",
            )
