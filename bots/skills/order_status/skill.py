"""Where an order is. Status and date for who knows number and phone; the rest after proof."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from bots.skills.base import Access, Record, Skill, SkillContext, SkillResult, Source


class Asked(BaseModel):
    order_number: str = Field(max_length=64, description="As printed in the order e-mail, e.g. 727")


class OrderStatus(Skill[Asked]):
    Args = Asked

    def run(self, context: SkillContext, args: Asked) -> SkillResult:
        """Facts: number, status (our closed list), status_text, eta (ISO 8601 or None), is_full.

        For a proven owner also: service, track, address, sum, currency, lines, placed.
        Raises NotFound alike for missing and foreign orders, TooManyAttempts after guessing.
        """
        return result_of(context.access_order(args.order_number))


def result_of(access: Access) -> SkillResult:
    order = access.order
    parcel = getattr(order, "parcel", None)
    facts: dict[str, Any] = {
        "number": order.number,
        "status": order.status,
        "status_text": order.status_text,
        "eta": parcel.eta.isoformat() if parcel and parcel.eta else None,
        "is_full": access.is_full,
    }
    fields: dict[str, Any] = {"number": order.number, "eta": parcel.eta if parcel else None}
    if access.is_full:
        lines = [(line.name, line.qty, line.price) for line in order.lines.all()]
        facts |= {
            "service": parcel.service if parcel else "",
            "track": parcel.track if parcel else "",
            "address": parcel.address if parcel else "",
            "sum": order.sum,
            "currency": order.currency,
            "lines": lines,
            "placed": order.placed_at.date().isoformat(),
        }
        fields |= {
            "sum": order.sum,
            "placed": order.placed_at.date(),
            "track": facts["track"],
            "service": facts["service"],
            "address": facts["address"],
            "lines": [name for name, _, _ in lines],
            "qty": [float(qty) for _, qty, _ in lines],
            "prices": [price for _, _, price in lines],
        }
    return SkillResult(
        facts,
        (Record(f"order:{order.number}", "", fields),),
        (Source("order", order.pk, order.number, order.number),),
    )
