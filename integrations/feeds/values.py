"""Reading single values the way people and programs write them in price lists."""

from __future__ import annotations

import hashlib
import html
import re
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import urlsplit

import nh3
from django.utils.translation import gettext as _

from integrations.feeds.base import RowRefused

NAME_LIMIT, ID_LIMIT, TEXT_LIMIT, URL_LIMIT = 300, 120, 20_000, 600
PARAMS_LIMIT, PARAM_LIMIT, PICTURES_LIMIT = 100, 500, 20

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\u200b\ufffe\uffff\ud800-\udfff]")
_SPACES = re.compile(r"[^\S\n]+")
_BLOCKS = re.compile(
    r"<\s*(?:br|/p|/div|/h[1-6]|/li|/tr|/table|/ul|/ol|p|div|h[1-6]|table|ul|ol|tr)\b[^>]{0,500}>",
    re.IGNORECASE,
)
_LIST_ITEM = re.compile(r"<\s*li\b[^>]{0,500}>", re.IGNORECASE)
_CELL = re.compile(r"<\s*/t[dh]\s*>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!][^>]{0,5000}>")


def line(value: object, limit: int = NAME_LIMIT) -> str:
    """One line of text: no control characters, single spaces, at most `limit` long."""
    if value is None or value == "":
        return ""
    text = str(value)
    if "&" in text:
        text = html.unescape(text)
    if not text.isprintable():
        text = _CONTROL.sub("", text)
    return " ".join(text.split())[:limit].rstrip()


def plain(value: str | None, limit: int = TEXT_LIMIT) -> str:
    """HTML or text → paragraphs of text. Scripts and styles go with what is inside them."""
    text = _CONTROL.sub("", value or "")[: limit * 20]
    if "&lt;" in text and not _TAG.search(text):
        text = html.unescape(text)  # escaped twice, as some shops do
    if _TAG.search(text):
        text = _LIST_ITEM.sub("\n• ", text)
        text = _CELL.sub(" ", _BLOCKS.sub("\n", text))
        text = nh3.clean(text, tags=set(), strip_comments=True)
    text = html.unescape(text).replace("\r", "\n").replace("\xa0", " ")
    lines = [_SPACES.sub(" ", one).strip() for one in text.split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    text = re.sub(r"•\s*\n+\s*", "• ", text)
    return text[:limit].rstrip()


def identifier(value: object, field: str = "id") -> str:
    """An id is compared exactly, so a long one is refused rather than cut."""
    text = line(value, 10_000)
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    if not text:
        raise RowRefused(field, _("There is no id: without it the offer cannot be told apart."))
    if len(text) > ID_LIMIT:
        raise RowRefused(
            field,
            _("The id is longer than %(n)s characters: %(id)s…") % {"n": ID_LIMIT, "id": text[:40]},
        )
    return text


_MONEY_WORDS = re.compile(
    r"(?:^\s*(?:от|from|цена|price)\b[:\s]*)|₽|\$|€|£|₸|руб(?:лей|ля|ль|\.)?|(?<![а-яё])р\.?(?=\s|$)|"
    r"(?<![a-z])(?:rub|rur|usd|eur|kzt|byn|cny)\b|тг\.?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?\d[\d.,]*")


def decimal(value: object, field: str, *, money: bool = True) -> Decimal | None:
    """`1 990,50 ₽`, `1,990.50`, `1.990,50`, `1990` → Decimal; None for an empty value.

    A lone comma before exactly three digits separates thousands in money ("1,990"); a lone dot
    is always the decimal point.
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        text = format(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "f")
    else:
        text = line(value, 200)
    if not text:
        return None
    shown = text[:40]
    text = _MONEY_WORDS.sub("", text.casefold())
    text = re.sub(r"[\s'’_\u00a0\u202f\u2009]", "", text).replace("−", "-").strip()
    text = text.removesuffix(".-").removesuffix(",-")
    if not _NUMBER.fullmatch(text) or len(text) > 40:
        raise RowRefused(field, _("“%s” is not a number.") % shown)
    text = _decimal_point(text, shown, field, money)
    number = Decimal(text)
    if number < 0:
        raise RowRefused(field, _("“%s” is below zero.") % shown)
    if number >= Decimal(10) ** 12:
        raise RowRefused(field, _("“%s” is too large.") % shown)
    if money:
        return number.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return number


def _decimal_point(text: str, shown: str, field: str, money: bool) -> str:
    sign = text[0] if text[0] in "+-" else ""
    body = text.lstrip("+-").rstrip(".,")
    dots, commas = body.count("."), body.count(",")
    if dots and commas:
        thousands = "," if body.rfind(".") > body.rfind(",") else "."
        head, point, tail = body.rpartition("." if thousands == "," else ",")
        groups = head.split(thousands)
        if body.count(point) > 1 or any(len(group) != 3 for group in groups[1:]):
            raise RowRefused(field, _("“%s” is not a number.") % shown)
        return f"{sign}{''.join(groups)}.{tail}"
    mark = "," if commas else "."
    if (dots or commas) > 1:
        groups = body.split(mark)
        if not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:]):
            raise RowRefused(field, _("“%s” is not a number.") % shown)
        return sign + "".join(groups)
    if commas:
        head, _point, tail = body.partition(",")
        if money and len(tail) == 3 and 1 <= len(head) <= 3 and head[0] != "0":
            return sign + head + tail
    return sign + body.replace(",", ".")


_CURRENCIES = {
    "": "RUB", "rub": "RUB", "rur": "RUB", "руб": "RUB", "р": "RUB", "₽": "RUB", "рубль": "RUB",
    "рублей": "RUB", "росруб": "RUB", "643": "RUB", "810": "RUB",
    "usd": "USD", "$": "USD", "840": "USD", "долл": "USD", "доллар": "USD",
    "eur": "EUR", "€": "EUR", "978": "EUR", "евро": "EUR",
    "kzt": "KZT", "₸": "KZT", "тг": "KZT", "тенге": "KZT", "398": "KZT",
    "byn": "BYN", "byr": "BYN", "933": "BYN", "белруб": "BYN",
    "uah": "UAH", "грн": "UAH", "гривна": "UAH", "cny": "CNY", "юань": "CNY", "gbp": "GBP",
    "£": "GBP",
}  # fmt: skip


def currency(value: object, field: str = "currency") -> str:
    """`руб.`, `RUR`, `₽`, `643` → `RUB`; other three Latin letters are taken as they are."""
    shown = line(value, 40)
    key = shown.casefold().rstrip(".").replace(" ", "").replace(".", "")
    if key in _CURRENCIES:
        return _CURRENCIES[key]
    if re.fullmatch(r"[a-z]{3}", key):
        return key.upper()
    raise RowRefused(field, _("“%s” is not a currency we know.") % shown)


_YES = {
    "true", "yes", "y", "да", "д", "1", "+", "есть", "вналичии", "instock", "available", "истина",
    "много",
}  # fmt: skip
_NO = {
    "false", "no", "n", "нет", "н", "0", "-", "–", "—", "нетвналичии", "outofstock", "unavailable",
    "ложь", "подзаказ", "отсутствует", "закончился", "soldout",
}  # fmt: skip


def yes_no(value: object) -> bool | None:
    """None where the word is neither."""
    if isinstance(value, bool):
        return value
    key = re.sub(r"[\s_.]", "", line(value, 60).casefold())
    if key in _YES:
        return True
    return False if key in _NO else None


def stock(value: object, field: str = "stock") -> tuple[int | None, bool | None]:
    """Pieces and availability of `12`, `12 шт`, `> 10`, `есть`, `нет`, empty."""
    text = line(value, 60)
    if not text:
        return None, None
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        word = yes_no(text)
        if word is not None and not text.isdigit():
            return (None, True) if word else (0, False)
        found = re.fullmatch(
            r"(?:[<>≥≤]|более|больше|от)?\s*(-?[\d\s.,]+)\s*(?:\+|шт\.?|штук[аи]?|pcs\.?|уп\.?|пар[аы]?)?",
            text.casefold(),
        )
        if not found:
            raise RowRefused(field, _("“%s” is not a quantity.") % text[:40])
        is_about = text.casefold().startswith((">", "≥", "более", "больше", "от")) or "+" in text
        text = found[1]
    else:
        is_about = False
    if str(text).strip().startswith("-"):
        return 0, False  # warehouses do go below zero; nothing is there to sell
    number = decimal(text, field, money=False)
    pieces = min(int(number or 0), 2_000_000_000)
    return (None if is_about and pieces else pieces), pieces > 0


def web_address(value: object) -> str:
    """An http(s) address, or empty: a wrong link is dropped, the offer stays."""
    text = line(value, 2_000).replace(" ", "%20")
    if text.startswith("//"):
        text = f"https:{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or len(text) > URL_LIMIT:
        return ""
    return text


def add_param(params: dict[str, str], name: object, value: object, unit: str = "") -> None:
    """Several values of one name are joined; the merchant's limits are ours, not the feed's."""
    if not value:
        return
    key, text = line(name, 80), line(value, PARAM_LIMIT)
    if not key or not text or (key not in params and len(params) >= PARAMS_LIMIT):
        return
    unit = line(unit, 20)
    if unit and not text.endswith(unit):
        text = f"{text} {unit}"
    if key in params and text != params[key]:
        text = f"{params[key]}, {text}"[:PARAM_LIMIT]
    params[key] = text


def hash_of(*parts: object) -> str:
    """24 hex digits of whatever is given; equal values, equal digits."""
    joined = "\x1f".join(map(str, parts))
    return hashlib.blake2b(joined.encode("utf-8", "replace"), digest_size=12).hexdigest()
