"""Orders a merchant sends: upserted by number, each bad row told in words, the rest taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from integrations.feeds import values
from integrations.feeds.base import RowRefused
from integrations.models import Order, OrderLine, Parcel, Variant
from tenants.kernel import outbox
from tenants.kernel.context import current_schema
from tenants.kernel.phones import phone_normalised
from tenants.selectors.hosts import merchant_of

CHUNK = 200
LINES_LIMIT = 200

_S = Order.Status
STATUSES = {
    _S.NEW: "new|created|pending|open|unpaid|новый|создан|оформлен|принят|ожидает оплаты|"
    "не оплачен|в обработке|обрабатывается|processing|on hold|подтвержден|confirmed|accepted",
    _S.PAID: "paid|оплачен|оплачено|предоплачен|authorized",
    _S.ASSEMBLING: "assembling|packing|packed|fulfillment|собирается|комплектуется|в сборке|"
    "сборка|собран|упаковывается|упакован|готовится к отправке|preparing|picking",
    _S.SHIPPED: "shipped|in transit|sent|on the way|out for delivery|dispatched|отправлен|в пути|"
    "передан в доставку|доставляется|отгружен|у курьера|передан курьеру|в доставке|on its way",
    _S.READY: "ready|ready for pickup|pickup|arrived|awaiting pickup|готов к выдаче|"
    "в пункте выдачи|ожидает в пункте выдачи|прибыл|прибыл в пункт выдачи|ждет в пункте выдачи|"
    "готов к получению|доставлен в пункт выдачи",
    _S.DELIVERED: "delivered|completed|complete|fulfilled|received|done|closed|доставлен|выполнен|"
    "завершен|получен|выдан|вручен|доставлено|закрыт",
    _S.CANCELLED: "cancelled|canceled|void|failed|rejected|declined|отменен|отмена|отказ|"
    "аннулирован|отклонен|отменено",
    _S.RETURNED: "returned|refunded|return|возврат|возвращен|возвращено|деньги возвращены",
}  # fmt: skip
_BY_WORD = {word: status for status, words in STATUSES.items() for word in words.split("|")}


@dataclass
class OrdersReport:
    """Errors have the shape of a job's: {row, field, message}; rows count from 1."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    @property
    def taken(self) -> int:
        return self.created + self.updated + self.unchanged


@dataclass(frozen=True)
class _Line:
    offer_id: str
    name: str
    qty: Decimal
    price: Decimal


@dataclass(frozen=True)
class _Parsed:
    """One order as it will be kept; equal to what is kept already means nothing to do."""

    number: str
    status: str
    status_text: str
    name: str
    phone: str
    email: str
    sum: Decimal
    currency: str
    placed_at: datetime
    lines: tuple[_Line, ...]
    parcel: tuple[str, str, date | None, str, Decimal | None] | None


def status_of(text: object) -> tuple[str, str]:
    """Our status and, where it is none of ours, the shop's own word."""
    word = values.line(text, 80)
    key = " ".join(word.casefold().replace("ё", "е").replace("_", " ").replace("-", " ").split())
    return (_BY_WORD[key], "") if key in _BY_WORD else (_S.OTHER, word)


def orders_import(rows: Iterable[Mapping[str, Any]]) -> OrdersReport:
    """Take a list of orders as DESIGN's API has them. A number that comes again replaces."""
    report = OrdersReport()
    merchant = merchant_of(current_schema())
    reader = _Reader(merchant.region, merchant.time_zone, merchant.currency)
    waiting: dict[str, _Parsed] = {}
    for row, raw in enumerate(rows, 1):
        try:
            order = reader.order(raw)
        except RowRefused as exc:
            report.errors.append({"row": row, "field": exc.field, "message": exc.message})
            continue
        waiting[order.number] = order
        if len(waiting) >= CHUNK:
            _write(list(waiting.values()), report)
            waiting = {}
    if waiting:
        _write(list(waiting.values()), report)
    return report


def _write(orders: Sequence[_Parsed], report: OrdersReport) -> None:
    with transaction.atomic():
        kept = {
            row.number: row
            for row in Order.objects.filter(number__in=[o.number for o in orders])
            .select_related("parcel")
            .prefetch_related("lines")
        }
        changed = [o for o in orders if o.number not in kept or _kept(kept[o.number]) != o]
        report.created += sum(o.number not in kept for o in changed)
        report.updated += sum(o.number in kept for o in changed)
        report.unchanged += len(orders) - len(changed)
        if not changed:
            return
        now = timezone.now()
        rows = Order.objects.bulk_create(
            [
                Order(
                    **{name: getattr(o, name) for name in _ORDER_FIELDS},
                    number=o.number,
                    updated_at=now,
                )
                for o in changed
            ],
            update_conflicts=True,
            unique_fields=["number"],
            update_fields=[*_ORDER_FIELDS, "updated_at"],
        )
        ids = {row.number: row.pk for row in rows}
        OrderLine.objects.filter(order__in=ids.values()).delete()
        OrderLine.objects.bulk_create(
            OrderLine(
                order_id=ids[o.number],
                offer_id=one.offer_id,
                name=one.name,
                qty=one.qty,
                price=one.price,
            )
            for o in changed
            for one in o.lines
        )
        Parcel.objects.filter(order__in=ids.values()).delete()
        Parcel.objects.bulk_create(
            Parcel(
                order_id=ids[o.number],
                **dict(zip(_PARCEL_FIELDS, o.parcel, strict=True)),
            )
            for o in changed
            if o.parcel
        )
        for o in changed:
            key = ids[o.number]
            outbox.emit("order.changed", key=f"order:{key}", data={"order": key})


_ORDER_FIELDS = (
    "status", "status_text", "name", "phone", "email", "sum", "currency", "placed_at",
)  # fmt: skip
_PARCEL_FIELDS = ("service", "track", "eta", "address", "cost")


def _kept(row: Order) -> _Parsed:
    parcel = getattr(row, "parcel", None)
    lines = sorted(row.lines.all(), key=lambda line: line.pk)
    return _Parsed(
        number=row.number,
        **{name: getattr(row, name) for name in _ORDER_FIELDS},
        lines=tuple(_Line(one.offer_id, one.name, one.qty, one.price) for one in lines),
        parcel=tuple(getattr(parcel, name) for name in _PARCEL_FIELDS) if parcel else None,
    )


class _Reader:
    """One raw order → `_Parsed`, or RowRefused naming the field."""

    def __init__(self, region: str, time_zone: str, currency: str) -> None:
        self._region, self._zone, self._currency = region, ZoneInfo(time_zone), currency

    def order(self, raw: Any) -> _Parsed:
        if not isinstance(raw, Mapping):
            raise RowRefused("", _("An order is an object with fields."))
        number = _number(raw.get("number"))
        lines = self._lines(raw.get("items"))
        parcel = self._parcel(raw.get("delivery"))
        total = _money(raw.get("sum"), "sum")
        if total is None:
            total = sum((one.qty * one.price for one in lines), Decimal(0))
            total = (total + ((parcel[4] if parcel else None) or 0)).quantize(Decimal("0.01"))
        status, status_text = status_of(raw.get("status") or "new")
        return _Parsed(
            number=number,
            status=status,
            status_text=status_text,
            name=_text(raw.get("name"), "name", 120),
            phone=self._phone(raw.get("phone")),
            email=_email(raw.get("email")),
            sum=total,
            currency=values.currency(raw.get("currency") or self._currency),
            placed_at=self._moment(raw.get("created"), "created") or timezone.now(),
            lines=lines,
            parcel=parcel,
        )

    def _phone(self, value: Any) -> str:
        text = _text(value, "phone", 60)
        if not text:
            return ""
        phone = phone_normalised(text, self._region)
        if not phone:
            raise RowRefused("phone", _("“%s” is not a telephone number.") % text)
        return phone

    def _lines(self, value: Any) -> tuple[_Line, ...]:
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > LINES_LIMIT:
            raise RowRefused("items", _("Items are a list of at most %s lines.") % LINES_LIMIT)
        found = []
        for place, raw in enumerate(value, 1):
            at = f"items[{place}]"
            if not isinstance(raw, Mapping):
                raise RowRefused(at, _("A line is an object with name, qty and price."))
            offer_id = _text(raw.get("offer_id"), f"{at}.offer_id", 120)
            name = _text(raw.get("name"), f"{at}.name", 300)
            if not name and offer_id:
                known = Variant.objects.filter(external_id=offer_id).only("name").first()
                name = known.name if known else offer_id
            if not name:
                raise RowRefused(f"{at}.name", _("There is no name."))
            qty = values.decimal(raw.get("qty", 1), f"{at}.qty", money=False)
            if not qty or qty >= 10_000_000:
                raise RowRefused(f"{at}.qty", _("The quantity must be above zero."))
            price = _money(raw.get("price"), f"{at}.price")
            if price is None:
                raise RowRefused(f"{at}.price", _("There is no price."))
            found.append(_Line(offer_id, name, qty.quantize(Decimal("0.001")), price))
        return tuple(found)

    def _parcel(self, value: Any) -> tuple[str, str, date | None, str, Decimal | None] | None:
        if not value:
            return None
        if not isinstance(value, Mapping):
            raise RowRefused("delivery", _("Delivery is an object with service, track and so on."))
        eta = self._moment(value.get("eta"), "delivery.eta")
        found = (
            _text(value.get("service"), "delivery.service", 80),
            _text(value.get("track"), "delivery.track", 80),
            eta.astimezone(self._zone).date() if eta else None,
            _text(value.get("address"), "delivery.address", 400),
            _money(value.get("cost"), "delivery.cost"),
        )
        return found if any(one not in ("", None) for one in found) else None

    def _moment(self, value: Any, name: str) -> datetime | None:
        """ISO 8601, a date, or 25.11.2026 [14:05]; without an offset it is the merchant's time."""
        if value in (None, ""):
            return None
        text = _text(value, name, 60)
        found: datetime | None = None
        try:
            if isinstance(value, int | float) and not isinstance(value, bool):
                found = datetime.fromtimestamp(value, UTC)
            elif (moment := parse_datetime(text)) is not None:
                found = moment
            elif (day := parse_date(text)) is not None:
                found = datetime.combine(day, time())
            else:
                for form in ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y"):
                    try:
                        found = datetime.strptime(text, form)
                        break
                    except ValueError:
                        continue
        except (ValueError, OverflowError, OSError):
            found = None
        if found is None or not 1990 <= found.year <= 2200:
            raise RowRefused(
                name, _("“%s” is not a date: write 2026-11-25 or 2026-11-25T14:05:00+03:00.") % text
            )
        return found if found.tzinfo else found.replace(tzinfo=self._zone)


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        value = ""
    text = values.line(
        int(value) if isinstance(value, float) and value.is_integer() else value, 200
    )
    if not text:
        raise RowRefused("number", _("There is no order number."))
    if len(text) > 64:
        raise RowRefused("number", _("The order number is longer than 64 characters."))
    return text


def _text(value: Any, name: str, limit: int) -> str:
    if isinstance(value, Mapping | list):
        raise RowRefused(name, _("Here a text is expected."))
    return values.line(value, limit)


def _money(value: Any, name: str) -> Decimal | None:
    if isinstance(value, Mapping | list | bool):
        raise RowRefused(name, _("Here an amount is expected."))
    return values.decimal(value, name)


def _email(value: Any) -> str:
    text = _text(value, "email", 300).lower()
    if text:
        try:
            validate_email(text)
        except ValidationError:
            raise RowRefused("email", _("“%s” is not an e-mail address.") % text) from None
        if len(text) > 254:
            raise RowRefused("email", _("“%s” is not an e-mail address.") % text[:40])
    return text
