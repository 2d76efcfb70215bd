"""What a reply claims, and whether a record says so. Deterministic: no model judges a model.

Everything a buyer could hold a shop to is found in the text: numbers in digits and in words,
prices, percentages, dates, times, sizes, links, e-mails, phones, street addresses, promises. Each
is bound to a record that says the same, or reported as unbound; then a person looks at the reply.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from bots.engine.base import Claim
from bots.retrieval.morphology import analyse, is_russian
from bots.retrieval.text import fold


@dataclass(frozen=True)
class Record:
    """Something a reply may rest on. `source` is "kind:external_id", as in Claim.

    `fields` are values of a row: Decimal (money and measures), int, date, time, str, lists of
    these. `text` is read like a reply: what it says may be repeated.
    """

    source: str
    text: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fact:
    """`value` is a normal form: two facts of a kind say the same when their values are equal."""

    text: str
    kind: str
    value: str
    start: int
    end: int
    unit: str = ""


# ── Patterns, tried in this order over a folded text ─────────────────────────────────────────
_NUM = r"\d{1,3}(?: \d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?"
_LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>\"'()]+|"
    r"(?<![\w@.])(?:[a-zа-я0-9-]+\.)+(?:ru|рф|com|org|net|io|shop|store|su|by|kz|me|info|app|dev|"
    r"online|site|pro|example)(?:/[^\s<>\"'()]*)?(?![\w-])"
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.])(?:\+ ?|8[ (-])?\d[\d ()-]{8,16}\d(?![\w])")
_MONTHS = (
    [
        "январ",
        "феврал",
        "март",
        "апрел",
        "ма[йя](?!\\w)",
        "июн",
        "июл",
        "август",
        "сентябр",
        "октябр",
        "ноябр",
        "декабр",
    ],
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
)
_RU_MONTH = r"(?:январ|феврал|март|апрел|ма[йя](?!\w)|июн|июл|август|сентябр|октябр|ноябр|декабр)"
_EN_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DATES = [
    re.compile(r"(?<!\d)(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})(?!\d)"),
    re.compile(
        r"(?<![\d.])(?P<d>\d{1,2})\.(?P<m>\d{2})(?:\.(?P<y>\d{4}|\d{2}))?(?![\d.]*\d)(?!\w)"
    ),
    re.compile(
        rf"(?<!\d)(?P<d0>\d{{1,2}}) ?(?:-|и|до|по|to|and) ?(?P<d>\d{{1,2}})(?:th|st|nd|rd)? "
        rf"(?:of )?(?P<m>{_RU_MONTH}\w*|{_EN_MONTH}\b)(?: (?P<y>\d{{4}}))?"
    ),
    re.compile(
        rf"(?<!\d)(?P<d>\d{{1,2}})(?:-?го|th|st|nd|rd)? (?:of )?"
        rf"(?P<m>{_RU_MONTH}\w*|{_EN_MONTH}\b)(?:,? (?P<y>\d{{4}}))?"
    ),
    re.compile(
        rf"\b(?P<m>{_EN_MONTH})\.? (?P<d>\d{{1,2}})(?:th|st|nd|rd)?(?:,? (?P<y>\d{{4}}))?\b"
    ),
]
_TIME = re.compile(
    r"(?<![\d:])(\d{1,2}):(\d{2})(?![\d:])(?: ?(am|pm))?|(?<![\d:])(\d{1,2}) ?(am|pm)\b"
)
_MONEY_WORD = (
    r"(?:₽|руб(?:\.|л\w*)?(?!\w)|р(?:\.|(?!\w))|rub(?:les?|\b)|\$|usd|долл\w*|€|eur\w*|евро|"
    r"тенге|₸|бел\. руб\w*|byn|kzt|£|gbp|коп(?:\.|е\w*)|cents?\b|dollars?\b)"
)
_THOUSANDS = r"(?: ?(?P<k>тыс(?:\.|яч\w*)?|т\.(?= ?р)|k(?!\w)|к(?!\w)|млн|million|thousand))?"
_PRICE = re.compile(rf"(?<![\w.,])(?P<n>{_NUM}){_THOUSANDS} ?(?P<c>{_MONEY_WORD})")
_PRICE_BEFORE = re.compile(rf"(?P<c>[$€£₽]|rub ?|usd ?|eur ?)(?P<n>{_NUM})(?![\w])")
_PERCENT = re.compile(rf"(?<![\w.,])(?P<n>{_NUM}) ?(?:%|процент\w*|percent)")
_LETTER_SIZE = re.compile(r"(?<![\w-])(?P<s>[2-6]?x{1,4}[sl]|[2-6]xl|[sml])(?![\w'-])")
_SIZE = re.compile(
    rf"(?<!\w)(?:размер\w*|size(?:s|d)?|р-р)[ :]{{1,2}}(?P<s>{_NUM})(?:(?: ?[/-] ?)(?P<t>{_NUM}))?"
)
_NUMBER = re.compile(
    rf"(?<![\w])(?P<n>{_NUM})(?P<k> ?(?:тыс\.?|тысяч\w*|млн|million|thousand)(?!\w))?"
)
_CODE = re.compile(r"(?<!\w)(?=[\w-]*\d)(?=[\w-]*[a-zа-я])[\w]+(?:-[\w]+)*(?!\w)")
_ADDRESS = re.compile(
    r"(?<!\w)(?:ул(?:\.|иц\w+)|пр(?:-т|осп\.|оспект\w*)|пер(?:\.|еул\w+)|пл(?:\.|ощад\w+)|"
    r"наб(?:\.|ережн\w+)|б-р|бульвар\w*|шоссе|street|avenue|lane|road)"
    r" ?(?P<name>[a-zа-я][\w-]*(?: [a-zа-я][\w-]*)?)"
    r"|(?P<name2>[a-z][\w-]+) (?:street|avenue|lane|road|st\.|ave\.)(?!\w)"
)
_LIST_MARK = re.compile(r"(?m)^\s*\d{1,2}[.)] ")

# A promise by what it promises: the record has to promise the same thing.
_PROMISES: dict[str, re.Pattern[str]] = {
    "free": re.compile(
        r"бесплатн\w*|безвозмездн\w*|даром\b|за (?:наш|свой) сч[ее]т|без доплат\w*|\bfree\b|"
        r"(?:at )?no (?:extra )?(?:cost|charge)|on us\b|без оплаты"
    ),
    "guarantee": re.compile(
        r"гарантир\w*|обеща\w*|ручаемся|guarante\w*|promis\w*|100 ?%|точно (?:привез|достав|буд|верн)\w*"
    ),
    "warranty": re.compile(r"гаранти(?:я|и|ю|ей|йн\w*)(?!\w)|warrant\w*"),
    "refund": re.compile(
        r"верн[её]м (?:вам )?(?:все )?(?:деньги|средства|сумму|полную)|деньги (?:вам )?верн\w*|"
        r"возместим|возвратим|возмещени\w*|компенс\w*|refund\w*|reimburs\w*|money back|compensat\w*"
    ),
    "exchange": re.compile(
        r"(?:об|за|по)меняем|заменим|will (?:exchange|replace)|replace (?:it|your)"
    ),
    "discount": re.compile(
        r"скидк\w*|промокод\w*|купон\w*|discount\w*|promo ?code\w*|coupon\w*|кешб[эе]к\w*|"
        r"кэшб[эе]к\w*|cashback|в подарок|подарим|as a gift"
    ),
    "deliver": re.compile(
        r"(?:привез|достав|отправ|отгруз)(?:[её]м|им)\b|(?:we(?:'ll| will)|will be) (?:deliver|ship|"
        r"send|bring)\w*"
    ),
    "reserve": re.compile(
        r"отлож(?:им|ил)\w*|зарезервир\w*|заброниров\w*|reserved? (?:it )?for you"
    ),
}

_UNITS: dict[str, str] = {}
for _family, _names in {
    "day": "день дн сутки сут day d",
    "hour": "час ч hour h hr",
    "minute": "минута мин minut min",
    "week": "неделя нед week",
    "month": "месяц мес month",
    "year": "год год. лет лета year",
    "cm": "сантиметр см cm centimet",
    "mm": "миллиметр мм mm",
    "m": "метр м m meter metr",
    "km": "километр км km kilomet",
    "kg": "килограмм кг kg kilogram kilo",
    "g": "грамм г гр g gram",
    "l": "литр л l liter litr",
    "ml": "миллилитр мл ml",
    "w": "ватт вт w watt",
    "degree": "градус degre °",
    "piece": "штука шт piec pcs item",
    "pair": "пара pair",
    "bonus": "балл бонус point bonus",
}.items():
    _UNITS |= dict.fromkeys(_names.split(), _family)

_WORDS_RU = {
    word: str(value)
    for value, word in enumerate(
        ["три", "четыре", "пять", "шесть", "семь", "восемь", "девять", "десять", "одиннадцать", "двенадцать", "тринадцать", "четырнадцать", "пятнадцать", "шестнадцать", "семнадцать", "восемнадцать", "девятнадцать", "двадцать"],
        3,
    )
} | {
    "два": "2", "двое": "2", "оба": "2", "полтора": "1.5", "тридцать": "30", "сорок": "40",
    "пятьдесят": "50", "шестьдесят": "60", "семьдесят": "70", "восемьдесят": "80",
    "девяносто": "90", "сто": "100", "двести": "200", "триста": "300", "пятьсот": "500",
    "тысяча": "1000",
}  # fmt: skip
_WORDS_EN = {
    word: str(value)
    for value, word in enumerate(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"],
        2,
    )
} | {
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80",
    "ninety": "90", "hundred": "100", "thousand": "1000", "fortnight": "14",
}  # fmt: skip
_WORD = re.compile(r"[a-zа-я]+")
_NEXT_WORD = re.compile(
    r" ?-?(?:(?:рабочих|календарных|полных|working|business|calendar) )?([a-zа-я°]+)"
)
_JOINED = re.compile(r" ?(?:-|,|до|или|и|по|to|or|and|/|x) ?|\.\.\.?")


def decimal_of(text: str) -> str:
    """ "3 990,00" → "3990": the value of a number however it is written."""
    try:
        number = Decimal(text.replace(" ", "").replace(",", "."))
    except InvalidOperation:
        return text
    return _plain(number)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _scaled(number: str, thousands: str | None) -> str:
    value = Decimal(decimal_of(number))
    if thousands:
        value *= 1_000_000 if thousands.strip().startswith(("млн", "million")) else 1000
    return _plain(value)


def facts_in(text: str) -> list[Fact]:
    """Every claim of a text, in its order."""
    return list(_facts_in(text))


@lru_cache(maxsize=1024)
def _facts_in(text: str) -> tuple[Fact, ...]:
    folded = fold(text)
    if len(folded) != len(text):  # a rare letter folds to another length: places are then folded
        text = folded
    finder = _Finder(text, folded)
    finder.run()
    return tuple(sorted(finder.facts, key=lambda fact: fact.start))


class _Finder:
    def __init__(self, text: str, folded: str) -> None:
        self.text, self.rest = text, folded
        self.folded = folded
        self.facts: list[Fact] = []

    def run(self) -> None:
        self._each(_EMAIL, "email", lambda m: m.group())
        self._each(_LINK, "link", lambda m: _link(m.group()))
        self._each(_LIST_MARK, "", lambda m: "")
        for pattern in _DATES:
            self._each(pattern, "date", _date)
        self._each(_PHONE, "phone", _phone)
        self._each(_TIME, "time", _time)
        self._each(_PRICE, "price", lambda m: _scaled(m["n"], m["k"]), unit=_currency)
        self._each(_PRICE_BEFORE, "price", lambda m: decimal_of(m["n"]), unit=_currency)
        self._each(_PERCENT, "percent", lambda m: decimal_of(m["n"]))
        for match in list(_SIZE.finditer(self.rest)):
            for name in ("s", "t"):
                if match[name]:
                    self._add("size", decimal_of(match[name]), *match.span(name))
        self._each(_LETTER_SIZE, "size", lambda m: m["s"].upper(), group="s", guard=_is_size)
        self._each(_CODE, "code", lambda m: m.group(), guard=lambda m, _: not _is_measure(m))
        self._each(_NUMBER, "number", lambda m: _scaled(m["n"], m["k"]), unit=self._unit_after)
        self._words()
        self._each(_ADDRESS, "address", lambda m: _street(m["name"] or m["name2"]), keep=True)
        for key, pattern in _PROMISES.items():
            self._each(pattern, "promise", lambda m, key=key: key, keep=True, over=self.folded)
        self._share_units()

    def _each(
        self,
        pattern: re.Pattern[str],
        kind: str,
        value: Any,
        *,
        unit: Any = None,
        group: str | int = 0,
        guard: Any = None,
        keep: bool = False,
        over: str = "",
    ) -> None:
        for match in list(pattern.finditer(over or self.rest)):
            if guard and not guard(match, self.text):
                continue
            found = value(match)
            if found is None:
                continue
            for one in found if isinstance(found, list) else [found]:
                self._add(
                    kind, one, *match.span(group), unit=unit(match) if unit else "", keep=keep
                )

    def _add(
        self, kind: str, value: str, start: int, end: int, *, unit: str = "", keep: bool = False
    ) -> None:
        if kind:
            self.facts.append(Fact(self.text[start:end].strip(), kind, value, start, end, unit))
        if not keep:
            self.rest = f"{self.rest[:start]}{chr(1) * (end - start)}{self.rest[end:]}"

    def _unit_after(self, match: re.Match[str]) -> str:
        following = _NEXT_WORD.match(self.rest, match.end())
        return _unit(following.group(1)) if following else ""

    def _words(self) -> None:
        for match in list(_WORD.finditer(self.rest)):
            word = match.group()
            value = _WORDS_EN.get(word)
            if value is None and is_russian(word) and len(word) > 2:
                value = _WORDS_RU.get(analyse(word).lemma)
            if value is not None:
                self._add("number", value, *match.span(), unit=self._unit_after(match))

    def _share_units(self) -> None:
        """ "от 2 990 до 5 990 ₽", "1–2 дня": the first has the kind and unit of the second."""
        ordered = sorted(self.facts, key=lambda fact: fact.start)
        for first, second in zip(reversed(ordered[:-1]), reversed(ordered[1:]), strict=True):
            current = self.facts[self.facts.index(second)] if second in self.facts else None
            if current is None:
                current = next(f for f in self.facts if f.start == second.start)
            if (
                first.kind == "number"
                and not first.unit
                and current.kind in ("number", "price", "percent", "size")
                and _JOINED.fullmatch(self.folded[first.end : current.start])
            ):
                self.facts[self.facts.index(first)] = Fact(
                    first.text, current.kind, first.value, first.start, first.end, current.unit
                )


def _unit(word: str) -> str:
    if word in _UNITS:
        return _UNITS[word]
    found = analyse(word)
    return next((_UNITS[lemma] for lemma in found.lemmas if lemma in _UNITS), "")


def _link(text: str) -> str:
    plain = re.sub(r"^(?:https?://)?(?:www\.)?", "", text.rstrip(".,;:!?)»\"'"))
    return plain.rstrip("/")


def _phone(match: re.Match[str]) -> str | None:
    digits = re.sub(r"\D", "", match.group())
    if not 10 <= len(digits) <= 13:
        return None
    # "5 000 12 000 300" is no phone: phones start with +, 7 or 8, or have brackets or dashes.
    if not re.match(r"\+|[78]|\(", match.group()) and not re.search(r"[()-]", match.group()):
        return None
    return digits[-10:]


def _date(match: re.Match[str]) -> list[str] | None:
    groups = match.groupdict()
    month = _month(groups["m"])
    days = [int(day) for name in ("d0", "d") if (day := groups.get(name))]
    if not month or any(not 1 <= day <= 31 for day in days):
        return None
    year = groups.get("y") or ""
    if len(year) == 2:
        year = f"20{year}"
    return [f"{year}-{month:02}-{day:02}" if year else f"{month:02}-{day:02}" for day in days]


def _month(text: str) -> int | None:
    if text.isdigit():
        return int(text) if 1 <= int(text) <= 12 else None
    for names in _MONTHS:
        for number, name in enumerate(names, 1):
            if re.match(name, text):
                return number
    return None


def _time(match: re.Match[str]) -> str | None:
    hour = int(match[1] or match[4])
    minute = int(match[2] or 0)
    half = match[3] or match[5]
    if half == "pm" and hour < 12:
        hour += 12
    if hour > 24 or minute > 59:
        return None
    return f"{hour:02}:{minute:02}"


def _currency(match: re.Match[str]) -> str:
    word = match["c"].strip()
    for start, code in (
        ("₽", "RUB"), ("р", "RUB"), ("rub", "RUB"), ("$", "USD"), ("usd", "USD"), ("дол", "USD"),
        ("dol", "USD"), ("€", "EUR"), ("eur", "EUR"), ("евро", "EUR"), ("тенге", "KZT"),
        ("₸", "KZT"), ("kzt", "KZT"), ("бел", "BYN"), ("byn", "BYN"), ("£", "GBP"), ("gbp", "GBP"),
    ):  # fmt: skip
        if word.startswith(start):
            return code
    return word[:3]


def _is_size(match: re.Match[str], text: str) -> bool:
    """ "L" is a size in capitals; "s" and "m" in running text are not."""
    return len(match["s"]) > 1 or text[match.start() : match.end()].isupper()


def _is_measure(match: re.Match[str]) -> bool:
    """ "30см", "5-го", "2-х": a number, not a model's name."""
    parts = re.fullmatch(r"(\d+)-?([a-zа-я]{1,3})", match.group())
    if parts is None:
        return False
    return _unit(parts[2]) != "" or "-" in match.group() or parts[2] in ("th", "st", "nd", "rd")


def _street(name: str) -> str:
    words = [analyse(word).lemma for word in name.split()[:2] if len(word) > 2]
    return words[0] if words else name


# ── Binding ──────────────────────────────────────────────────────────────────────────────────
def facts_of(record: Record) -> list[Fact]:
    """What a record says: its text, and its fields by their types."""
    found = facts_in(record.text) if record.text else []
    for name, value in record.fields.items():
        found += _field_facts(name, value)
    return found


def _field_facts(name: str, value: Any) -> Iterator[Fact]:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, Decimal):
        yield Fact(str(value), "price", _plain(value), 0, 0)
    elif isinstance(value, int | float):
        yield Fact(str(value), "number", _plain(Decimal(str(value))), 0, 0)
    elif isinstance(value, datetime):
        yield Fact(str(value), "date", value.date().isoformat(), 0, 0)
        yield Fact(str(value), "time", f"{value:%H:%M}", 0, 0)
    elif isinstance(value, date):
        yield Fact(str(value), "date", value.isoformat(), 0, 0)
    elif isinstance(value, time):
        yield Fact(str(value), "time", f"{value:%H:%M}", 0, 0)
    elif isinstance(value, str):
        yield Fact(value, "code", fold(value).strip(), 0, 0)
        yield Fact(value, "size", value.strip().upper(), 0, 0)
        yield from facts_in(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _field_facts(str(key), inner)
    elif isinstance(value, Iterable):
        for inner in value:
            yield from _field_facts(name, inner)


def says(fact: Fact, other: Fact) -> bool:
    """Does a record's fact say the same as a reply's?"""
    if fact.kind in ("promise", "email", "link", "phone", "percent"):
        return fact.kind == other.kind and (
            fact.value == other.value
            or (fact.kind == "link" and other.value.startswith(f"{fact.value}/"))
        )
    if fact.kind == "price":
        if other.kind == "price":
            return fact.value == other.value and (
                not fact.unit or not other.unit or fact.unit == other.unit
            )
        return other.kind == "number" and not other.unit and fact.value == other.value
    if fact.kind == "date":
        return other.kind == "date" and _same_day(fact.value, other.value)
    if fact.kind == "time":
        return (other.kind == "time" and fact.value == other.value) or (
            other.kind == "number"
            and other.unit in ("", "hour")
            and fact.value == f"{other.value:0>2}:00"
        )
    if fact.kind == "size":
        return other.kind in ("size", "number") and fact.value == other.value.upper()
    if fact.kind == "code":
        return other.kind in ("code", "size") and fact.value in (
            other.value, fold(other.value)
        )  # fmt: skip
    if fact.kind == "address":
        return other.kind == "address" and fact.value == other.value
    if other.kind in ("number", "size", "price"):
        return fact.value == other.value and (
            not fact.unit
            or not other.unit
            or fact.unit == other.unit
            or (other.kind == "price" and False)
        )
    if other.kind == "time":
        return fact.unit in ("", "hour") and other.value == f"{fact.value:0>2}:00"
    return other.kind == "code" and fact.value == other.value


def _same_day(one: str, other: str) -> bool:
    return one[-5:] == other[-5:] and (len(one) == 5 or len(other) == 5 or one == other)


def check_claims(text: str, records: Iterable[Record]) -> tuple[list[Claim], list[Claim]]:
    """(bound, unbound) claims of a text. An unbound one has no source: the reply is not proven.

    A fact is bound by the first record that says it, so put the likeliest record first.
    """
    known = [(record, facts_of(record)) for record in records]
    bound: list[Claim] = []
    unbound: list[Claim] = []
    seen: set[tuple[str, str, str]] = set()
    for fact in facts_in(text):
        if (key := (fact.kind, fact.value, fact.unit)) in seen:
            continue
        seen.add(key)
        source = _source(fact, known)
        claim = Claim(fact.text, fact.kind, fact.value, source or "")
        (bound if source else unbound).append(claim)
    return bound, unbound


def _source(fact: Fact, known: Sequence[tuple[Record, list[Fact]]]) -> str | None:
    for record, facts in known:
        if any(says(fact, other) for other in facts):
            return record.source
        if fact.kind == "code" and _has_word(record, fact.value):
            return record.source
    return None


def _has_word(record: Record, code: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(code)}(?!\w)", fold(record.text)))
