"""Segments of buyers: conditions on their cards, as queries of `Person`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.db.models import (
    Count,
    DecimalField,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from bots.models import (
    Contact,
    Identity,
    Person,
    Segment,
)
from integrations.models import Order


def of_card(outer: str = "pk") -> Q:
    """Contacts of a card: its own, and those of cards that went into it."""
    return Q(person=OuterRef(outer)) | Q(person__merged_into=OuterRef(outer))


def _proven_values(kind: str) -> QuerySet:
    return Identity.objects.filter(
        Q(contact__person=OuterRef(OuterRef("pk")))
        | Q(contact__person__merged_into=OuterRef(OuterRef("pk"))),
        kind=kind,
        proof__in=Identity.PROVEN,
    ).values("value")


def _orders(of: str) -> Any:
    """How many orders a card has, or for how much: by what is proven only."""
    orders = Order.objects.filter(
        Q(phone__in=_proven_values("phone"), phone__gt="")
        | Q(email__in=_proven_values("email"), email__gt="")
    ).order_by().annotate(one=Value(1)).values("one")  # fmt: skip
    total = Count("pk") if of == "count" else Sum("sum")
    return Coalesce(
        Subquery(orders.annotate(total=total).values("total")[:1], output_field=DecimalField()),
        Value(0),
        output_field=DecimalField(),
    )


_COMPARED = {"is": "exact", "not": "exact", "gte": "gte", "lte": "lte", "contains": "icontains"}


def _compared(expression: Any, op: str, value: Any) -> Q:
    found = Q(pk__in=Person.objects.alias(x=expression).filter(
        **{f"x__{_COMPARED[op]}": value}).values("pk"))  # fmt: skip
    return ~found if op == "not" else found


def _contact_has(**wanted: Any) -> Q:
    return Q(Exists(Contact.objects.filter(of_card(), **wanted)))


DAYS_AT_MOST = 36_500


def _last_seen(op: str, days: Any) -> Q:
    """`lte` 7: seen within a week; `gte` 30: not seen for a month."""
    since = timezone.now() - timedelta(days=min(max(float(days), 0.0), DAYS_AT_MOST))
    recent = _contact_has(conversation__updated_at__gte=since)
    return recent if op == "lte" else ~recent


def _negated(found: Q, op: str) -> Q:
    return ~found if op == "not" else found


# Name → (operators, condition of (operator, value)); `field:<code>` beside them.
CONDITIONS: dict[str, tuple[tuple[str, ...], Callable[[str, Any], Q]]] = {
    "channel": (("is", "not"), lambda op, v: _negated(_contact_has(channel__kind=str(v)), op)),
    "label": (
        ("is", "not"),
        lambda op, v: _negated(_contact_has(conversation__labels__contains=[str(v)]), op),
    ),
    "language": (("is", "not"), lambda op, v: _negated(_contact_has(language=str(v)), op)),
    "last_seen_days": (("lte", "gte"), _last_seen),
    "orders_count": (("gte", "lte", "is"), lambda op, v: _compared(_orders("count"), op, v)),
    "orders_sum": (("gte", "lte", "is"), lambda op, v: _compared(_orders("sum"), op, v)),
    "is_blocked": (
        ("is",),
        lambda op, v: _negated(_contact_has(is_blocked=True), "" if v else "not"),
    ),
}
FIELD_OPERATORS = ("is", "not", "gte", "lte", "contains", "known", "unknown")
NUMBERS = ("last_seen_days", "orders_count", "orders_sum")


def _field(code: str, op: str, value: Any) -> Q:
    cards = Person.objects.filter(Q(pk=OuterRef("pk")) | Q(merged_into=OuterRef("pk")))
    if op in ("known", "unknown"):
        found = Q(Exists(cards.filter(fields__has_key=code)))
        return ~found if op == "unknown" else found
    name = f"fields__{code}"
    if op != "is" and op != "not":
        name = f"{name}__{_COMPARED[op]}"
    return _negated(Q(Exists(cards.filter(**{name: value}))), op)


def segment_condition(conditions: list[dict[str, Any]]) -> Q:
    """All of them. For `Person`; what is not understood is nobody."""
    found = Q()
    for one in conditions:
        name, op, value = str(one.get("field", "")), str(one.get("op", "")), one.get("value")
        if name.startswith("field:") and op in FIELD_OPERATORS:
            found &= _field(name[6:], op, value)
        elif name in CONDITIONS and op in CONDITIONS[name][0]:
            found &= CONDITIONS[name][1](op, value)
        else:
            found &= Q(pk__in=())
    return found


def in_segments(segments: Iterable[int], contact_id: int) -> bool:
    """Whether a contact's person is in one of them: a condition of rules and greetings.

    By their numbers; one that is gone holds nobody.
    """
    found = Segment.objects.filter(pk__in=list(segments))
    person = Person.objects.filter(
        pk__in=Contact.objects.filter(pk=contact_id).values(
            root=Coalesce("person__merged_into", "person")
        )
    )
    return any(person.filter(segment_condition(one.conditions)).exists() for one in found)
