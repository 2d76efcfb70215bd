from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from integrations.models import Order


def order_by_number(number: str) -> Order | None:
    """The order with this number. Whose it is, is for the caller to ask before telling anything."""
    return _full().filter(number__iexact=number.strip().lstrip("#№ ")).first()


def orders_by_owner(
    phones: Iterable[str] = (), emails: Iterable[str] = (), *, number: str = "", limit: int = 5
) -> list[Order]:
    """Newest orders placed with any of these phones (E.164) or e-mails; only the one with this
    `number` where it is given."""
    who = Q()
    if found := [phone for phone in phones if phone]:
        who |= Q(phone__in=found)
    if mails := [email.lower() for email in emails if email]:
        who |= Q(email__in=mails)
    if not who:
        return []
    if number:
        who &= Q(number=number)
    return list(_full().filter(who).order_by("-placed_at", "-pk")[:limit])


def _full() -> QuerySet[Order]:
    return Order.objects.select_related("parcel").prefetch_related("lines")
