"""A plan's limits, asked in one place: `check("channels")` before one more is made."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from tenants.kernel.context import PUBLIC, current_schema, merchant_context
from tenants.kernel.errors import RuleBroken
from tenants.models import Merchant, Plan
from tenants.workspace.models import User

Count = Callable[[], int]
_counts: dict[str, Count] = {}


class LimitReached(RuleBroken):
    """`limit` and `used` are in the answer, so a page can say both."""

    code = "limit_reached"
    status = 403


def counts(name: str) -> Callable[[Count], Count]:
    """Register what counts a limit's use; called inside the merchant. `name` is a field of Plan."""
    Plan._meta.get_field(name)

    def add(function: Count) -> Count:
        _counts[name] = function
        return function

    return add


def limit(name: str) -> int:
    """The current merchant's limit by its plan."""
    schema = current_schema()
    with merchant_context(PUBLIC):
        plan = Plan.objects.filter(merchant__schema_name=schema).first()
        if plan is None:
            raise Merchant.DoesNotExist(f"{schema} has no plan")
    return getattr(plan, name)


def used(name: str) -> int:
    return _counts[name]()


def check(name: str, *, adding: int = 1) -> None:
    """Raises LimitReached when `adding` more would be too many for the merchant's plan."""
    most, have = limit(name), used(name)
    if have + adding > most:
        raise LimitReached(
            _("Your plan allows %(limit)s, and %(used)s are in use.")
            % {"limit": most, "used": have},
            name=name,
            limit=most,
            used=have,
        )


@counts("agents")
def _people() -> int:
    return User.objects.filter(is_active=True).count()
