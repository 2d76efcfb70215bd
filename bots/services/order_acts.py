"""What an agent does with a buyer's order: tells where it is, notes a return or a repeat.

Each is looked at first, with the words a buyer would read, and done once by its key. An order is
reached only through what its buyer has proven (bots.selectors.people.order_seen).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.answerer.orders import status_told
from bots.answerer.phrases import money
from bots.engine.base import Source
from bots.engine.facts import Record, check_claims
from bots.models import Conversation, Message
from bots.selectors.people import order_seen
from bots.services import messages
from bots.services.conversations import reply_send
from bots.services.speaking import open_again
from bots.services.translate import buyer_language
from integrations.models import Order, OrderRequest
from integrations.services.order_requests import (
    NotPossible,
    OrderChanged,
    Plan,
    order_mark,
    request_add,
    request_plan,
)
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import User

STATUS = "status"
KINDS = (STATUS, *OrderRequest.Kind.values)
# An order that the shop has not told anything new about for so long may stand elsewhere by now.
STALE = timedelta(days=3)
# What the buyer reads. No promise: what comes of it is for the shop to say.
TEXTS = {
    "return": {
        "ru": "Приняли заявку на возврат по заказу {number}: {lines}. Стоимость товаров: {sum}.",
        "en": "We have noted your return of order {number}: {lines}. Value of the goods: {sum}.",
    },
    "repeat": {
        "ru": "Записали повтор заказа {number}: {lines}. Стоимость товаров без доставки: {sum}.",
        "en": "We have noted order {number} once more: {lines}. Goods without delivery: {sum}.",
    },
}


class NoSuchOrder(RuleBroken):
    """Not there, somebody else's, or not proven to be theirs: all read alike."""

    code = "no_order"
    status = 404


def order_look(
    *, user: User, talk: Conversation, number: str, kind: str, wanted: Mapping[int, Decimal] | None
) -> dict[str, Any]:
    """What would be done: goods and sums, doubts, the buyer's words, and the order's mark.

    Raises NoSuchOrder, NotPossible.
    """
    order = _order(user, talk, number)
    plan = None if kind == STATUS else request_plan(order, kind, wanted)
    text, _records, _source = _words(talk, order, plan)
    doubts = list(plan.doubts) if plan else []
    if kind == STATUS and timezone.now() - order.updated_at > STALE:
        doubts.append(_("The shop has not told of this order for more than three days."))
    return {
        "number": order.number,
        "kind": kind,
        "status": order.status,
        "status_text": order.status_text,
        "currency": order.currency,
        "text": text,
        "doubts": doubts,
        "mark": order_mark(order),
        "updated_at": order.updated_at,
        "sum": str(plan.sum) if plan else str(order.sum),
        "lines": [
            {
                "line": one.line,
                "name": one.name,
                "qty": f"{one.qty.normalize():f}",
                "most": f"{one.most.normalize():f}",
                "price": str(one.price),
                "was": str(one.was),
                "sum": str(one.sum),
                "is_sold": one.is_sold,
            }
            for one in (plan.lines if plan else ())
        ],
    }


def order_act(
    *,
    user: User,
    talk: Conversation,
    number: str,
    kind: str,
    wanted: Mapping[int, Decimal],
    mark: str,
    text: str,
    note: str,
    client_key: str,
) -> dict[str, Any]:
    """Do it: `{"request", "message", "is_new"}`. `text` goes to the buyer; without one a request
    is only noted. All of it or nothing; the same key gives the first result.

    Raises: NoSuchOrder, OrderChanged, NotPossible, and what `reply_send` raises.
    """
    order = _order(user, talk, number)
    text = text.strip()
    if kind == STATUS:
        if not text:
            raise NotPossible(_("There is nothing to send."))
        sent = Message.objects.filter(conversation=talk, client_key=client_key).first()
        if sent is None and order_mark(order) != mark:
            raise OrderChanged(_("The order has changed meanwhile: look at it again."))
        reply = _reply(talk, user, text, client_key, _meta(talk, order, None, text))
        return {"request": None, "message": reply[0], "is_new": reply[1]}
    with transaction.atomic():
        # The words rest on what is left to ask for before it is asked.
        meta: dict[str, Any] = {}
        if text and not OrderRequest.objects.filter(client_key=client_key).exists():
            meta = _meta(talk, order, request_plan(order, kind, wanted), text)
        asked = request_add(
            order_id=order.pk, kind=kind, wanted=wanted, mark=mark, note=note,
            client_key=client_key, conversation=talk.pk, by=user,
        )  # fmt: skip
        if asked.is_new:
            _line(asked.request, f"order_{kind}", str(user))
        message = _reply(talk, user, text, client_key, meta)[0] if text else None
    return {"request": asked.request, "message": message, "is_new": asked.is_new}


def _order(user: User, talk: Conversation, number: str) -> Order:
    order = order_seen(user, talk, number)
    if order is None:
        raise NoSuchOrder(_("There is no such order of this buyer, or it is not proven."))
    return order


def _reply(
    talk: Conversation, user: User, text: str, key: str, meta: dict[str, Any]
) -> tuple[Message, bool]:
    done = reply_send(conversation_id=talk.pk, agent=user, text=text, client_key=key, meta=meta)
    return done.message, done.is_new


def _words(
    talk: Conversation, order: Order, plan: Plan | None
) -> tuple[str, list[Record], list[Source]]:
    lang = "en" if buyer_language(talk).startswith("en") else "ru"
    told = status_told(order, lang)
    if plan is None:
        return told.text, told.records, told.sources
    goods = "; ".join(
        one.name if one.qty == 1 else f"{one.name} × {one.qty.normalize():f}" for one in plan.chosen
    )
    text = TEXTS[plan.kind][lang].format(
        number=order.number, lines=goods, sum=money(plan.sum, order.currency)
    )
    fields = {
        "number": order.number,
        "lines": [one.name for one in plan.chosen],
        "qty": [float(one.qty) for one in plan.chosen],
        "sum": plan.sum,
    }
    return text if plan.chosen else "", [Record(f"order:{order.number}", "", fields)], told.sources


def _meta(talk: Conversation, order: Order, plan: Plan | None, text: str) -> dict[str, Any]:
    """What the words rest on, where they are the record's own; a person answers for their own."""
    words, records, sources = _words(talk, order, plan)
    if text != words:
        return {}
    bound, _unbound = check_claims(text, records)
    return {"sources": [vars(one) for one in sources], "claims": [vars(one) for one in bound]}


def _line(one: OrderRequest, code: str, name: str, key: str = "") -> None:
    """A line in the thread where it was asked."""
    talk = Conversation.objects.locked().filter(pk=one.conversation or 0).first()
    if talk is None:
        return
    if talk.episode_id is None:
        open_again(talk)
        talk.save(update_fields=["status", "episode"])
    if key and Message.objects.filter(conversation=talk, client_key=key).exists():
        return
    request = {
        "id": one.pk, "order": one.order.number, "sum": str(one.sum), "currency": one.currency
    }  # fmt: skip
    messages.system_line(talk, code, client_key=key, name=name, request=request)


def request_told(pk: int) -> None:
    """What became of a request stands in the thread where it was asked, once."""
    one = OrderRequest.objects.select_related("order").filter(pk=pk).first()
    if one is None or one.conversation is None or one.state == OrderRequest.State.OPEN:
        return
    with transaction.atomic():
        code = f"order_{one.kind}_{one.state}"
        _line(one, code, one.answer, key=f"order-request-{one.pk}")
