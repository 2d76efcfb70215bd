"""Returns and repeats of an order: what could be asked, asking it once, and what came of it.

There is no shop to call: a request is a record of ours that a person carries out and settles.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations.models import Order, OrderRequest, Variant
from tenants.kernel import outbox
from tenants.kernel.errors import RuleBroken
from tenants.services.audit import audit
from tenants.workspace.models import User

NOTE_LIMIT = 2000
QTY_AT_MOST = Decimal(1000)
_KIND = OrderRequest.Kind


class OrderChanged(RuleBroken):
    """It is not what was looked at: look again."""

    code = "order_changed"


class NotPossible(RuleBroken):
    code = "order_request"
    status = 400


@dataclass(frozen=True)
class PlanLine:
    """`line` is its place in the order; `most` how many may be asked for."""

    line: int
    offer_id: str
    name: str
    ordered: Decimal
    most: Decimal
    qty: Decimal
    price: Decimal  # as bought; of a repeat as sold today, where the shop still has it
    was: Decimal
    is_sold: bool

    @property
    def sum(self) -> Decimal:
        return (self.qty * self.price).quantize(Decimal("0.01"))


@dataclass(frozen=True)
class Plan:
    """`mark` is of the order as it was looked at."""

    order: Order
    kind: str
    lines: tuple[PlanLine, ...]
    doubts: tuple[str, ...]
    mark: str

    @property
    def chosen(self) -> list[PlanLine]:
        return [line for line in self.lines if line.qty]

    @property
    def sum(self) -> Decimal:
        return sum((line.sum for line in self.chosen), Decimal(0)).quantize(Decimal("0.01"))


def order_mark(order: Order) -> str:
    """The same for as long as the order, its lines and its parcel are the same."""
    parcel = getattr(order, "parcel", None)
    said = [
        *(order.status, order.status_text, str(order.sum), order.currency),
        [[one.offer_id, one.name, str(one.qty), str(one.price)] for one in _lines(order)],
        [parcel.service, parcel.track, str(parcel.eta), parcel.address] if parcel else None,
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def request_plan(order: Order, kind: str, wanted: Mapping[int, Decimal] | None = None) -> Plan:
    """What would be asked. `wanted`: quantity by place; None is everything that may be.

    Raises NotPossible for a return of what is cancelled or back already, and for quantities that
    are not there.
    """
    lines = _of_return(order, wanted) if kind == _KIND.RETURN else _of_repeat(order, wanted)
    return Plan(order, kind, tuple(lines), tuple(_doubts(order, kind, lines)), order_mark(order))


def _lines(order: Order) -> list[Any]:
    return sorted(order.lines.all(), key=lambda one: one.pk)


def _of_return(order: Order, wanted: Mapping[int, Decimal] | None) -> list[PlanLine]:
    if order.status in (Order.Status.CANCELLED, Order.Status.RETURNED):
        raise NotPossible(_("This order is cancelled or returned already."))
    taken: dict[tuple[str, str], Decimal] = {}
    asked = order.requests.filter(kind=_KIND.RETURN).exclude(state=OrderRequest.State.REFUSED)
    for lines in asked.values_list("lines", flat=True):
        for one in lines:
            key = (one["offer_id"], one["name"])
            taken[key] = taken.get(key, Decimal(0)) + Decimal(one["qty"])
    found = []
    for place, one in enumerate(_lines(order)):
        key = (one.offer_id, one.name)
        gone = min(taken.get(key, Decimal(0)), one.qty)
        taken[key] = taken.get(key, Decimal(0)) - gone
        most = one.qty - gone
        qty = most if wanted is None else wanted.get(place, Decimal(0))
        found.append(_line(place, one, most=most, qty=qty, price=one.price, is_sold=True))
    return found


def _of_repeat(order: Order, wanted: Mapping[int, Decimal] | None) -> list[PlanLine]:
    rows = _lines(order)
    ids = {one.offer_id for one in rows if one.offer_id}
    sold = {
        one.external_id: one
        for one in Variant.objects.filter(
            external_id__in=ids, is_active=True, product__is_active=True, currency=order.currency
        )
    }
    found = []
    for place, one in enumerate(rows):
        now = sold.get(one.offer_id)
        has = bool(now and now.is_available and now.stock != 0)
        price = now.price if now and now.price is not None else one.price
        qty = (one.qty if has else Decimal(0)) if wanted is None else wanted.get(place, Decimal(0))
        found.append(_line(place, one, most=QTY_AT_MOST, qty=qty, price=price, is_sold=has))
    if wanted is None and not any(line.qty for line in found):
        # None of it is on sale here: whoever asks decides.
        found = [_line(at, one, most=QTY_AT_MOST, qty=one.qty, price=found[at].price, is_sold=False)
                 for at, one in enumerate(rows)]  # fmt: skip
    return found


def _line(place: int, one: Any, *, most: Decimal, qty: Decimal, price: Decimal, is_sold: bool):
    if not 0 <= qty <= most:
        raise NotPossible(
            _("“%(name)s”: at most %(most)s can be asked for.")
            % {"name": one.name, "most": f"{most.normalize():f}"},
            line=place,
        )
    return PlanLine(place, one.offer_id, one.name, one.qty, most, qty, price, one.price, is_sold)


def _doubts(order: Order, kind: str, lines: Sequence[PlanLine]) -> list[str]:
    said = []
    if kind == _KIND.RETURN and order.status != Order.Status.DELIVERED:
        said.append(_("The order is not marked as received."))
    if kind == _KIND.RETURN and any(line.most < line.ordered for line in lines):
        said.append(_("Part of it is in another return already."))
    if any(line.qty and not line.is_sold for line in lines):
        said.append(_("Some of it is not in stock now, or is no longer known to the catalogue."))
    if any(line.qty and line.price != line.was for line in lines):
        said.append(_("Prices have changed since."))
    return said


@dataclass(frozen=True)
class Asked:
    request: OrderRequest
    is_new: bool


def request_add(
    *,
    order_id: int,
    kind: str,
    wanted: Mapping[int, Decimal],
    mark: str,
    note: str,
    client_key: str,
    conversation: int | None,
    by: User,
) -> Asked:
    """Note it, once by its key. Raises OrderChanged, NotPossible; nothing is kept then."""
    with transaction.atomic():
        # One at a time of an order: what is asked for twice would be taken back twice.
        order = Order.objects.select_for_update(of=("self",)).get(pk=order_id)
        if earlier := OrderRequest.objects.filter(client_key=client_key).first():
            if earlier.order_id != order_id or earlier.user_id != by.pk:
                raise NotPossible(_("This key belongs to another request."))
            return Asked(earlier, is_new=False)
        if order_mark(order) != mark:
            raise OrderChanged(_("The order has changed meanwhile: look at it again."))
        plan = request_plan(order, kind, wanted)
        if not plan.chosen:
            raise NotPossible(_("Choose what it is about."))
        made = OrderRequest.objects.create(
            order=order,
            kind=kind,
            lines=[
                {"offer_id": one.offer_id, "name": one.name, "qty": f"{one.qty.normalize():f}",
                 "price": str(one.price)}
                for one in plan.chosen
            ],
            sum=plan.sum,
            currency=order.currency,
            note=note.strip()[:NOTE_LIMIT],
            conversation=conversation,
            user=by,
            client_key=client_key,
            created_at=timezone.now(),
        )  # fmt: skip
        _tell("order.requested", made)
    return Asked(made, is_new=True)


def request_settle(pk: int, *, by: User, is_done: bool, answer: str = "") -> OrderRequest:
    """It is carried out, or refused. The first word counts."""
    with transaction.atomic():
        one = OrderRequest.objects.select_for_update(of=("self",)).get(pk=pk)
        if one.state != OrderRequest.State.OPEN:
            return one
        one.state = OrderRequest.State.DONE if is_done else OrderRequest.State.REFUSED
        one.answer, one.settled_at = answer.strip()[:300], timezone.now()
        one.save(update_fields=["state", "answer", "settled_at"])
        audit("order_request.settled", f"#{one.pk}", actor=by, state=one.state)
        _tell("order.request_settled", one)
    return one


def _tell(name: str, one: OrderRequest) -> None:
    data = {"order": one.order_id, "request": one.pk}
    outbox.emit(name, key=f"order:{one.order_id}", data=data)
