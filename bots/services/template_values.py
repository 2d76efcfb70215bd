"""What the variables of prepared replies stand for: the shop, an order, goods, the buyer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from bots.engine.base import Source, Turn
from bots.models import Conversation
from integrations.models import Order, Variant
from integrations.native.orders import orders_by_owner
from tenants.kernel.context import current_schema
from tenants.kernel.phones import phone_normalised
from tenants.selectors.hosts import brand_of, merchant_of
from tenants.workspace.models import User

_ORDER_WORDS = {
    "ru": {
        "new": "принят", "paid": "оплачен", "assembling": "собирается", "shipped": "в пути",
        "ready": "ждёт в пункте выдачи", "delivered": "доставлен", "cancelled": "отменён",
        "returned": "возвращён",
    },
    "en": {
        "new": "received", "paid": "paid", "assembling": "being packed", "shipped": "on its way",
        "ready": "waiting at the pick-up point", "delivered": "delivered",
        "cancelled": "cancelled", "returned": "returned",
    },
}  # fmt: skip
_MONTHS = {
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "en": "January February March April May June July August September October November December",
}
_SIGNS = {"RUB": "₽", "USD": "$", "EUR": "€", "KZT": "₸"}


def money(amount: Decimal, currency: str) -> str:
    """`1 990 ₽`, `1 990,50 ₽`, `12,50 $`: the number, then the sign."""
    whole, _point, cents = f"{amount:.2f}".partition(".")
    text = f"{int(whole):,}".replace(",", "\u202f")
    return f"{text}{',' + cents if cents != '00' else ''}\u00a0{_SIGNS.get(currency, currency)}"


def day(value: date, lang: str) -> str:
    month = _MONTHS.get(lang, _MONTHS["en"]).split()[value.month - 1]
    return f"{value.day}\u00a0{month}"


def shop_values() -> dict[str, str]:
    merchant = merchant_of(current_schema())
    brand = brand_of(merchant.partner, merchant) if merchant.partner else {}
    return {"shop.name": merchant.name, "shop.email": brand.get("support_email", "")}


def order_values(order: Order, lang: str, *, only_status: bool = False) -> dict[str, str]:
    """`only_status`: what a number and a phone prove is enough for (DESIGN: status and date)."""
    zone = ZoneInfo(merchant_of(current_schema()).time_zone)
    words = _ORDER_WORDS.get(lang, _ORDER_WORDS["en"])
    values = {
        "order.number": order.number,
        "order.status": words.get(order.status) or order.status_text,
        "order.date": day(order.placed_at.astimezone(zone).date(), lang),
    }
    parcel = getattr(order, "parcel", None)
    if parcel is not None and parcel.eta:
        values["order.eta"] = day(parcel.eta, lang)
    if only_status:
        return values
    values["order.sum"] = money(order.sum, order.currency)
    if parcel is not None:
        values |= {
            "order.service": parcel.service,
            "order.track": parcel.track,
            "order.address": parcel.address,
        }
    return values


def product_values(variant: Variant) -> dict[str, str]:
    return {
        "product.name": variant.name,
        "product.price": money(variant.price, variant.currency) if variant.price else "",
        "product.old_price": money(variant.old_price, variant.currency)
        if variant.old_price
        else "",
        "product.url": variant.url or variant.product.url,
        "product.stock": "" if variant.stock is None else str(variant.stock),
        "product.vendor": variant.product.vendor,
        "product.sku": variant.sku,
    }


def _contact_values(name: str, proofs: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    values = {"contact.name": name, "contact.first_name": name.split(" ")[0] if name else ""}
    for kind, value, _proof in proofs:
        if kind in ("phone", "email"):
            values.setdefault(f"contact.{kind}", value)
    return values


def context_for(
    conversation: Conversation,
    *,
    lang: str = "",
    agent: User | None = None,
    order: Order | None = None,
    variant: Variant | None = None,
) -> dict[str, str]:
    """Values for an agent's reply. An agent sees orders anyway, so the buyer's newest is taken."""
    lang = lang or conversation.language
    contact = conversation.contact
    proofs = list(contact.identities.values_list("kind", "value", "proof"))
    order = order or _newest_order(proofs)
    values = {
        **_contact_values(contact.name, proofs),
        **shop_values(),
        "conversation.id": str(conversation.pk),
        "conversation.channel": conversation.channel.name,
    }
    if agent is not None:
        values["agent.name"] = agent.get_short_name()
    if order is not None:
        values |= order_values(order, lang)
    if variant is not None:
        values |= product_values(variant)
    return values


STRONG = frozenset({"code", "shared", "signed", "thread"})


def _newest_order(proofs: Iterable[tuple[str, str, str]]) -> Order | None:
    phones = [phone_normalised(v) for k, v, _p in proofs if k == "phone"]
    emails = [v for k, v, _p in proofs if k == "email"]
    return next(iter(orders_by_owner(filter(None, phones), emails, limit=1)), None)


def turn_values(turn: Turn, names: Iterable[str]) -> tuple[dict[str, str], list[Source]]:
    """Values the bot may say to this buyer, and the records they come from.

    An order is only told of by what the buyer has proven (never by a phone merely typed).
    """
    needed = {name.partition(".")[0] for name in names}
    values = _contact_values(turn.asker.name, turn.asker.proofs) | shop_values()
    sources: list[Source] = []
    if "order" in needed:
        strong = [proof for proof in turn.asker.proofs if proof[2] in STRONG]
        weak = [proof for proof in turn.asker.proofs if proof[2] == "order"]
        order = _newest_order(strong) if strong else _newest_order(weak) if weak else None
        if order is not None:
            values |= order_values(order, turn.lang, only_status=not strong)
            sources.append(Source("order", order.pk, order.number, order.number))
    if "product" in needed:
        found, records = _focus_values(turn)
        values |= found
        sources += records
    return values, sources


def _focus_values(turn: Turn) -> tuple[dict[str, str], list[Source]]:
    """The one product this dialogue is about, as the answerer remembers it."""
    focus = turn.memory.get("focus")
    if turn.memory.get("kind") != "product" or not isinstance(focus, list) or len(focus) != 1:
        return {}, []
    variants = Variant.objects.filter(product=focus[0], is_active=True, product__is_active=True)
    family = list(variants.select_related("product").order_by("pk"))
    if not family:
        return {}, []
    product = family[0].product
    values = product_values(family[0])
    if len(family) > 1:  # only what is true of each of them
        others = [product_values(one) for one in family[1:]]
        values = {
            name: value
            for name, value in values.items()
            if all(other[name] == value for other in others)
        }
        values |= {"product.name": product.name, "product.url": product.url}
    source = Source("product", product.pk, product.external_id, product.name, product.url)
    return values, [source]
