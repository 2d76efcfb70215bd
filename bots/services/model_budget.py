"""A month's money for models: the plan's, or less where the merchant wants less."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from bots.services.desk_settings import setting
from tenants.models import Merchant
from tenants.selectors.plans import plan_of


@dataclass(frozen=True)
class Budget:
    """`plan`, `own`: None where there is no such limit. Amounts are of the merchant's currency."""

    plan: Decimal | None
    own: Decimal | None

    @property
    def limit(self) -> Decimal | None:
        return min((one for one in (self.plan, self.own) if one is not None), default=None)

    @property
    def is_own(self) -> bool:
        """Whether the merchant's own wish is what stops the models."""
        return self.own is not None and (self.plan is None or self.own < self.plan)


def budget_of(merchant: Merchant) -> Budget:
    """Inside the merchant's schema."""
    plan = plan_of(merchant)
    try:
        own = Decimal(str(setting("models")["budget"]))
    except InvalidOperation:  # none was set
        own = None
    return Budget(plan.model_money_a_month if plan else None, own)
