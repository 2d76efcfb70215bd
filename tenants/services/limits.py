"""A plan's limits, asked in one place: `check("channels")` before one more is made.

People, channels and goods beyond the plan are refused in words. Dialogues never are: past the
limit the bot answers without a model, from templates and records, and hands the rest to people
(`is_spent`); merchant and partner are told once a month (services/limit_letters.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _

from tenants.kernel.context import PUBLIC, current_schema, merchant_context
from tenants.kernel.errors import RuleBroken
from tenants.models import Plan
from tenants.workspace.models import User

Count = Callable[[], int]
_counts: dict[str, Count] = {}

DIALOGUES = "conversations_a_month"
# From here on the merchant is warned.
SOFT = 0.8


class LimitReached(RuleBroken):
    """`limit` and `used` are in the answer, so a page can say both."""

    code = "limit_reached"
    status = 403


@dataclass(frozen=True)
class Use:
    """Where a merchant stands. `most` is None without a limit."""

    have: int
    most: int | None

    @property
    def is_spent(self) -> bool:
        return self.most is not None and self.have >= self.most

    @property
    def is_near(self) -> bool:
        return self.most is not None and self.have >= SOFT * self.most


def counts(name: str) -> Callable[[Count], Count]:
    """Register what counts a limit's use; called inside the merchant. `name` is a field of Plan."""
    Plan._meta.get_field(name)

    def add(function: Count) -> Count:
        _counts[name] = function
        return function

    return add


def limit(name: str) -> int | None:
    """The current merchant's limit by its plan; None where it has no plan."""
    schema = current_schema()
    with merchant_context(PUBLIC):
        plan = Plan.objects.filter(merchant__schema_name=schema).first()
    return getattr(plan, name) if plan else None


def used(name: str) -> int:
    return _counts[name]()


def use(name: str) -> Use:
    return Use(used(name), limit(name))


def room(name: str) -> int | None:
    """How many more the plan allows; None for any number."""
    most = limit(name)
    return None if most is None else max(0, most - used(name))


def check(name: str, *, adding: int = 1) -> None:
    """Raises LimitReached when `adding` more would be too many for the merchant's plan.

    Inside a transaction, two who add at once wait for each other.
    """
    most = limit(name)
    if most is None:
        return
    if connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtext(%s))", (f"limit:{current_schema()}:{name}",)
            )
    have = used(name)
    if have + adding > most:
        raise LimitReached(
            _words(name) % {"limit": most, "used": have}, name=name, limit=most, used=have
        )


def _words(name: str) -> str:
    match name:
        case "agents":
            return _("Your plan allows %(limit)s people, and %(used)s are in use. Switch somebody "
                     "off who no longer works here, or ask for a larger plan.")  # fmt: skip
        case "channels":
            return _("Your plan allows %(limit)s channels, and %(used)s are in use. Delete one you "
                     "do not need, or ask for a larger plan.")  # fmt: skip
    return _("Your plan allows %(limit)s, and %(used)s are in use.")


@counts("agents")
def _people() -> int:
    return User.objects.filter(is_active=True).count()
