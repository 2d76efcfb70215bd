"""Questions about the buyer's order. Words only: who may know what is the skill's matter."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from bots.answerer.part import Part
from bots.answerer.phrases import HARD, ORDER, ORDER_STATUS, day, money, say
from bots.engine.base import Asker, Decision, Reason
from bots.retrieval.text import fold
from bots.skills.base import PROVEN, Access, NotFound, SkillContext, TooManyAttempts, normal_phone
from bots.skills.order_status.skill import Asked, OrderStatus, result_of
from integrations.models import Order

_PHONE = re.compile(r"(?<![\w-])(?:\+ ?)?\d[\d ()\-]{8,16}\d(?![\w-])")
_ORDER_WORD = r"(?:заказ\w*|посылк\w*|order\w*|parcel|package|отправлени\w*|покупк\w*)"
_NUMBERED = r"(?:заказ\w*|посылк\w*|order\w*|parcel|package|отправлени\w*)"
_NUMBER = re.compile(
    rf"{_NUMBERED}(?:\s+(?:под|за|номер\w*|number|no\.?|is|my))*\s*[:#№-]?\s*(?P<a>(?=[\w-]*\d)[a-zа-я0-9][\w-]{{1,24}})"
    rf"|[#№]\s*(?P<b>(?=[\w-]*\d)[\w-]{{2,25}})"
)
_BARE = re.compile(
    r"^\W*(?:(?:мой|номер|он|это|вот|my|number|is|it's|заказа?|order)\W+)*[#№]?(?P<n>(?=[\w-]*\d)[a-zа-я]{0,4}-?\d[\w-]{1,20})\W*$"
)
_MINE = re.compile(
    rf"\b(?:мо[йяеё]\w*|мою|моих|наш\w*|my|our)\b.{{0,20}}{_ORDER_WORD}|{_ORDER_WORD}.{{0,12}}\b(?:мой|моя|mine)\b"
)
_STATUS = re.compile(
    rf"\bстатус\w*.{{0,20}}{_ORDER_WORD}|{_ORDER_WORD}.{{0,20}}\bстатус|\bгде\b.{{0,16}}\b(?:заказ|посылка)\b|"
    rf"\bчто (?:там )?с (?:моим |нашим )?(?:заказом|посылкой)|\bкогда\b.{{0,24}}\b(?:прид[её]т|приедет|привез\w+|"
    rf"доставят|доедет|получу|будет|ждать)\b.{{0,16}}\b(?:заказ|посылк\w+)\b|\b(?:заказ|посылка)\b.{{0,16}}\b(?:"
    rf"приш[её]л|прид[её]т|приедет|отправ\w+|доставлен\w*|готов\w*|собран|еде?т|задерж\w+|потерял\w*)|"
    rf"\border status\b|\bstatus of\b.{{0,12}}order|\bwhere(?:'s| is| are)\b.{{0,12}}\b(?:order|parcel|package)|"
    rf"\b(?:track|check)\b.{{0,10}}\bmy\b|\bwhen\b.{{0,20}}\bmy (?:order|parcel|package)\b|"
    rf"\bмои заказы\b|\bкакие заказы\b|\bmy orders\b"
)
_GENERAL = re.compile(
    r"\b(?:как|можно ли|можно|хочу|нужно|надо|how (?:do|can|to)|can i|i want to)\b.{0,40}\b(?:отследить|отслеж|отмен\w*|"
    r"измен\w*|помен\w*|добав\w*|убра\w*|удал\w*|оформ\w*|сдела\w*|оплат\w*|перенес\w*|вернуть|отказ\w*|"
    r"объедин\w*|track|cancel|change|add|place|make|pay|return|pick up|collect)|"
    r"\bгде\b.{0,20}\b(?:забрать|получить|забирать|оплатить)\b|\bwhere (?:can|do|should) i\b"
)
_UNWANTED = re.compile(
    r"\b(?:больше|уже|стал\w*) не (?:нуж\w+|надо)\b|\bпередумал\w*|\bотказ\w+|\bотмен\w+|"
    r"\b(?:no longer|don't) (?:need|want)\b|\bcancel\w*|\bchanged my mind\b"
)
_WANTS = (
    ("track", re.compile(r"\bтрек\w*|\btrack\w*|\bномер отправлени\w+|накладн\w+")),
    ("address", re.compile(r"\bадрес\w*|\bкуда\b|\baddress\b|\bwhere to\b|пункт\w*")),
    (
        "lines",
        re.compile(
            r"\bсостав\w*|\bсодержи\w+|\bчто (?:я |там |было )?(?:в|купил\w*|заказ\w*|внутри|лежит)|\bкакие вещи|\bсписок\b|"
            r"\bчто (?:вообще )?(?:мне )?(?:приедет|прид[её]т|едет|отправили)|\bкакие товар\w+|\bwhat(?: is|'s)? in\b|\bcontents?\b|\bitems\b"
        ),
    ),
    (
        "sum",
        re.compile(
            r"\bсумм\w*|\bитог\w*|\bзаплатил\w*|\bк оплате\b|\bсколько (?:он |она )?(?:стоил|вышел|вышло|денег)|\bстоимост\w*|\bсколько стоит\b|\bна сколько\b|\btotal\b|\bhow much\b|\bамount\b"
        ),
    ),
    (
        "placed",
        re.compile(
            r"\bоформ\w+|\bкогда (?:я )?(?:его |её )?(?:заказ|сдел|покуп|куп)\w*|\bдат\w+ (?:заказ|покуп)|\bplaced\b|\bordered\b"
        ),
    ),
    (
        "service",
        re.compile(
            r"\bслужб\w*|\bкем\b|\bчем (?:едет|вез|отправ|достав)\w*|\bкак(?:ой|ая|им|ую) (?:компани|транспорт|достав)\w*|\bперевозч\w*|\bкурьер\w*|\bcarrier\b|\bcourier\b"
        ),
    ),
)


def phone_in(text: str) -> str:
    for match in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if 10 <= len(digits) <= 15 and (phone := normal_phone(match.group())):
            return phone
    return ""


def number_in(text: str, *, is_awaited: bool = False) -> str:
    folded = _PHONE.sub(" ", fold(text))
    if found := _NUMBER.search(folded):
        return (found["a"] or found["b"]).strip("-").upper()
    if is_awaited and (bare := _BARE.match(folded)):
        return bare["n"].upper()
    if is_awaited and (loose := re.search(r"(?<![\w])[a-zа-я]{0,4}-?\d{3,12}(?![\w])", folded)):
        return loose.group().upper()
    return ""


def is_about_order(text: str, memory: dict[str, Any]) -> bool:
    """The buyer's own order rather than how ordering works."""
    folded = fold(text)
    awaiting = memory.get("awaiting")
    if awaiting:
        if awaiting in ("phone", "both") and phone_in(text):
            return True
        if awaiting in ("number", "both") and number_in(text, is_awaited=True) and len(folded) < 60:
            return True
        if re.search(r"не помню|не знаю|забыл|потерял|don't remember|don't know|forgot", folded):
            return True
    if number_in(text) and re.search(_ORDER_WORD, folded):
        return not (_GENERAL.search(folded) and not _STATUS.search(folded))
    if phone_in(text) and re.search(_ORDER_WORD, folded):
        return True
    if _GENERAL.search(folded) or _UNWANTED.search(folded):
        return False
    if _STATUS.search(folded) and (_MINE.search(folded) or not _is_plural_talk(folded)):
        return True
    return bool(
        _MINE.search(folded)
        and re.search(r"\bгде\b|\bкогда\b|статус|трек|\bчто с\b|where|when|track|status", folded)
    )


_LOOSE = re.compile(r"(?<![\w.,-])[a-zа-я]{0,4}-?\d{3,12}(?![\w-])")


def own_number(text: str, asker: Asker) -> str:
    """ "мой 1036 когда привезут": a number that one of a proven buyer's own orders has."""
    loose = {found.upper() for found in _LOOSE.findall(_PHONE.sub(" ", fold(text)))}
    if not loose or not any(proof in PROVEN for _, _, proof in asker.proofs):
        return ""
    own = {order.number.upper() for order in SkillContext(asker, "", 0).own_orders()}
    return min(loose & own, default="")


def _is_plural_talk(folded: str) -> bool:
    """ "Заказы отправляете в выходные?" is about how the shop works."""
    return bool(
        re.search(
            r"\bзаказы\b(?!.{0,20}\bмои)|\borders\b|\bвы (?:отправ|достав)|\bесли\b|\bобычно\b",
            folded,
        )
    ) and not re.search(r"\bмои заказы\b|\bкакие заказы\b|\bmy orders\b", folded)


def is_order_follow_up(text: str, memory: dict[str, Any]) -> bool:
    """ "дайте трек", "а когда привезут" after an order was spoken of."""
    if memory.get("kind") != "order" or not memory.get("order_number"):
        return False
    folded = fold(text)
    return len(folded.split()) <= 7 and bool(
        re.search(
            r"\bкогда\b|\bтрек\w*|\bадрес\w*|\bсумм\w*|\bгде он\b|\bстатус\b|\bприд[её]т\b|\bпривез\w+|\bдостав\w+|\bсостав\b|"
            r"\bwhen\b|\btrack\w*|\baddress\b|\bstatus\b|\btotal\b|\bwhere\b|\bзабрать\b|\bскоро\b",
            folded,
        )
    )


def answer(text: str, asker: Asker, memory: dict[str, Any], lang: str) -> Part:
    awaiting = memory.get("awaiting")
    phone = phone_in(text) or str(memory.get("order_phone") or "")
    number = number_in(text, is_awaited=awaiting in ("number", "both")) or own_number(text, asker)
    if not number and (awaiting == "phone" or is_order_follow_up(text, memory)):
        number = str(memory.get("order_number") or "")
    context = SkillContext(asker, phone, int(memory.get("order_tries") or 0))
    told = {  # type: ignore[var-annotated]
        "kind": "order",
        "order_number": number or memory.get("order_number"),
        "order_phone": phone,
        "focus": [],
        "options": None,
    }
    try:
        if not number:
            return _without_number(text, context, told, lang)
        result = OrderStatus().run(context, Asked(order_number=number[:64]))
    except TooManyAttempts:
        return Part(
            say("order_enough", lang),
            Decision.HANDOVER,
            Reason.IDENTITY,
            memory={**told, "awaiting": None},
        )
    except NotFound:
        told["order_tries"] = context.attempts
        if not context.claimed_phones():
            return Part(
                say("ask_phone", lang),
                Decision.CLARIFY,
                "order_phone",
                memory={**told, "awaiting": "phone"},
            )
        key = (
            "order_none" if context.proven("phone") or context.proven("email") else "order_missing"
        )
        return Part(
            say(key, lang),
            Decision.REFUSE,
            Reason.IDENTITY,
            memory={
                **told,
                "awaiting": "both",
                "offered": True,
                "order_number": None,
                "order_phone": "",
            },
        )
    return _told(result, text, told, lang)


def _without_number(text: str, context: SkillContext, told: dict[str, Any], lang: str) -> Part:
    own = context.own_orders()
    if not own:
        if context.proven("phone") or context.proven("email"):
            return Part(
                say("order_none", lang),
                Decision.REFUSE,
                Reason.IDENTITY,
                memory={**told, "awaiting": "number", "offered": True},
            )
        key = "ask_number" if context.claimed_phones() else "ask_number_phone"
        return Part(
            say(key, lang),
            Decision.CLARIFY,
            "order_number",
            memory={**told, "awaiting": "both" if key != "ask_number" else "number"},
        )
    open_ones = [o for o in own if o.status not in ("delivered", "cancelled", "returned")]
    order = (open_ones or own)[0]
    told["order_number"] = order.number
    return _told(result_of(Access(order, is_full=True)), text, told, lang)


def status_told(order: Order, lang: str) -> Part:
    """Where an order is, for somebody who has proven that it is theirs."""
    return _told(result_of(Access(order, is_full=True)), "", {}, lang)


def _told(result: Any, text: str, told: dict[str, Any], lang: str) -> Part:
    facts, words = result.facts, ORDER["en" if lang == "en" else "ru"]
    folded = fold(text)
    wanted = [name for name, pattern in _WANTS if pattern.search(folded)]
    status = ORDER_STATUS.get(facts["status"], ORDER_STATUS["other"])[lang == "en"]
    if facts["status"] == "other" and facts["status_text"]:
        status = facts["status_text"].lower()
    lines = [words["status"].format(facts["number"], status)]
    is_open = facts["status"] not in ("delivered", "cancelled", "returned")
    if facts["eta"] and is_open:
        lines.append(words["eta"].format(day(date.fromisoformat(facts["eta"]), lang)))
    if facts["is_full"]:
        if "lines" in wanted and facts["lines"]:
            listed = "; ".join(
                name if qty == 1 else f"{name} × {qty.normalize():f}"
                for name, qty, _ in facts["lines"]
            )
            lines.append(words["lines"].format(listed))
        if "placed" in wanted:
            lines.append(words["placed"].format(day(date.fromisoformat(facts["placed"]), lang)))
        if "sum" in wanted:
            lines.append(words["sum"].format(money(facts["sum"], facts["currency"])))
        if facts["track"] and (is_open or "track" in wanted):
            lines.append(
                words["track"].format(facts["track"], facts["service"])
                if facts["service"]
                else words["track_only"].format(facts["track"])
            )
        elif facts["service"] and ("service" in wanted or is_open):
            lines.append(words["service"].format(facts["service"]))
        if facts["address"] and ("address" in wanted or facts["status"] == "ready"):
            lines.append(words["address"].format(facts["address"].rstrip(".")))
    elif wanted and set(wanted) - {"service"}:
        lines.append(say("order_more", lang))
        told["offered"] = True
    return Part(
        " ".join(lines),
        sources=list(result.sources),
        records=list(result.records),
        memory={**told, "awaiting": None, "order_number": facts["number"]},
    )


__all__ = ["HARD", "answer", "is_about_order", "is_order_follow_up", "status_told"]
