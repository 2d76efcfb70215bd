"""What voice assistants have in common: what a shop is asked aloud, and how a reply sounds.

Adapters turn a platform's call into words, this turns words into speech. Pure; Russian and English.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import escape

from bots.channels.base import Button, Reply
from bots.channels.rendering import card_text
from bots.channels.voice_numbers import digits

__all__ = [
    "INTENTS",
    "Command",
    "Intent",
    "Memory",
    "Spoken",
    "alice_tts",
    "chips",
    "command",
    "digits",
    "on_screen",
    "say",
    "sentence",
    "shortened",
    "speakable",
    "spoken_reply",
    "ssml",
    "voice_language",
]

Command = Literal["", "help", "stop", "repeat", "nudge", "link"]

# A listener keeps about as much in mind.
SENTENCES = 3
SPOKEN_LIMIT = 600


def voice_language(locale: str) -> str:
    """The language our words are in for a platform's locale."""
    return "ru" if locale[:2].lower() in ("ru", "be", "kk", "uk") else "en"


# ── what a shop is asked ──
@dataclass(frozen=True)
class Intent:
    """`says`: what the engine is told, with the slot where one was heard. `samples`: how people
    put it, {slot} where it goes. `chip`: a button under a greeting."""

    code: str
    slot: str
    says: Mapping[str, tuple[str, str]]  # with nothing in the slot, and with something
    samples: Mapping[str, tuple[str, ...]]
    chip: Mapping[str, str]


INTENTS = (
    Intent(
        "order_status",
        "order",
        {
            "ru": ("Где мой заказ?", "Где мой заказ {order}?"),
            "en": ("Where is my order?", "Where is my order {order}?"),
        },
        {
            "ru": (
                "где мой заказ", "где мой заказ {order}", "что с заказом {order}",
                "когда приедет мой заказ", "статус заказа {order}",
            ),
            "en": (
                "where is my order", "where is my order {order}", "track order {order}",
                "what about my order", "status of order {order}", "when will my order arrive",
            ),
        },
        {"ru": "Где мой заказ?", "en": "Where is my order?"},
    ),
    Intent(
        "in_stock",
        "product",
        {
            "ru": ("Что есть в наличии?", "Есть ли в наличии {product}?"),
            "en": ("What is in stock?", "Is {product} in stock?"),
        },
        {
            "ru": ("есть ли в наличии {product}", "есть ли у вас {product}", "что есть в наличии"),
            "en": ("is {product} in stock", "do you have {product}", "do you sell {product}"),
        },
        {"ru": "Что есть в наличии?", "en": "What is in stock?"},
    ),
    Intent(
        "order_again",
        "",
        {
            "ru": ("Хочу повторить прошлый заказ", ""),
            "en": ("I want to order the same again", ""),
        },
        {
            "ru": ("повтори заказ", "закажи то же самое", "повторить прошлый заказ"),
            "en": ("order again", "order the same again", "repeat my last order"),
        },
        {"ru": "Повторить заказ", "en": "Order again"},
    ),
    Intent(
        "hours",
        "",
        {"ru": ("Во сколько вы работаете?", ""), "en": ("What are your opening hours?", "")},
        {
            "ru": ("часы работы", "во сколько вы открываетесь", "вы сейчас открыты"),
            "en": ("opening hours", "when do you open", "are you open now", "when do you close"),
        },
        {"ru": "Часы работы", "en": "Opening hours"},
    ),
    Intent(
        "person",
        "",
        {"ru": ("Позовите человека", ""), "en": ("I want to talk to a person", "")},
        {
            "ru": ("позови человека", "соедини с оператором", "хочу поговорить с человеком"),
            "en": ("call a person", "talk to a human", "let me speak to somebody"),
        },
        {"ru": "Позвать человека", "en": "Call a person"},
    ),
)  # fmt: skip
_BY_CODE = {intent.code: intent for intent in INTENTS}


def sentence(code: str, language: str, slot: str = "") -> str:
    """A platform's recognised intent as a buyer would write it; empty for one we do not know."""
    intent = _BY_CODE.get(code)
    if intent is None:
        return ""
    bare, filled = intent.says["en" if language == "en" else "ru"]
    slot = digits(f"{_CODE_WORD[language]} {slot}", language).split(" ", 1)[1] if slot else ""
    return filled.replace("{" + intent.slot + "}", slot) if slot and filled else bare


_CODE_WORD = {"ru": "заказ", "en": "order"}


def chips(language: str) -> list[str]:
    """What may be asked, as buttons."""
    return [intent.chip[language] for intent in INTENTS]


_COMMANDS: dict[str, dict[Command, re.Pattern[str]]] = {
    "ru": {
        "help": re.compile(
            r"помощь|помоги(?: мне)?|справка|что ты (?:умеешь|можешь)|как (?:тобой )?пользоваться|"
            r"что (?:у тебя )?можно (?:спросить|сказать)|что мне (?:сказать|спросить)"
        ),
        "stop": re.compile(
            r"(?:алиса )?(?:хватит|стоп|выход|выйти|закончи(?:ть|м)?|до свидания|пока|отмена|"
            r"закрой навык|больше ничего(?: не (?:надо|нужно))?|спасибо (?:все|хватит)|это все)"
        ),
        "repeat": re.compile(
            r"(?:повтори(?:те)?|скажи(?:те)?|еще раз|что)(?: (?:пожалуйста|еще раз|ответ|это|"
            r"что ты сказала?|ты сказала?))*"
        ),
        "link": re.compile(
            r"(?:привяж(?:и|ем|ите)|свяж(?:и|ите)|подключи(?:те)?)(?: мой| мою| меня)? "
            r"(?:аккаунт|профиль|учетную запись|заказы)|войти|авторизация|авторизуй меня|вход"
        ),
        "nudge": re.compile(
            r"(?:ну )?(?:что|как)(?: там)?(?: с ответом)?|ну|ну и|готово|уже готово|ответ готов|"
            r"(?:я )?жду|продолж(?:ай|и|айте)|дальше|узнала?|уточнила?|ну что(?: там)? узнала?|"
            r"есть ответ|ну ка(?:к|кой ответ)"
        ),
    },
    "en": {
        "help": re.compile(
            r"help(?: me)?|what can (?:you do|i (?:say|ask))|how does (?:this|it) work|info"
        ),
        "stop": re.compile(
            r"(?:alexa )?(?:stop|exit|quit|cancel|bye|good ?bye|that'?s (?:all|it)|"
            r"never ?mind|no thank(?:s| you)|i'?m done|close)"
        ),
        "repeat": re.compile(
            r"(?:please )?(?:repeat|say)(?: (?:that|it))?(?: again)?(?: please)?|"
            r"what did you say|pardon|again|come again"
        ),
        "link": re.compile(r"(?:link|connect) (?:my )?(?:account|orders)|sign in|log ?in"),
        "nudge": re.compile(
            r"well|and|so|so what|ready|is it ready|are you ready|any news|go on|continue|"
            r"i'?m waiting|what'?s the answer|did you find (?:it|out)|done|still there"
        ),
    },
}
_NOT_A_WORD = re.compile(r"[^\w' ]+")


def folded(text: str) -> str:
    plain = _NOT_A_WORD.sub(" ", text.lower().replace("ё", "е").replace("’", "'"))
    return " ".join(plain.split())


def command(text: str, language: str) -> Command:
    """What an utterance asks of the assistant itself rather than of the shop."""
    if len(text) > 60:
        return ""
    said = folded(text)
    if said == "что":  # alone: not heard well
        return "repeat"
    for name, pattern in _COMMANDS[language].items():
        if pattern.fullmatch(said):
            return name
    return ""


# ── what we say by ourselves ──
_PHRASES = {
    "welcome": {
        "ru": "Здравствуйте! Спросите о заказе, о наличии товара или о часах работы.",
        "en": "Hello! Ask about an order, what is in stock, or our opening hours.",
    },
    "help": {
        "ru": "Я помощник магазина. Спросите, где ваш заказ, есть ли товар в наличии или когда мы "
        "работаем. Скажите «позови человека», и вам ответит сотрудник, или «хватит», чтобы выйти. "
        "О чём рассказать?",
        "en": "I am the shop's assistant. Ask where your order is, whether something is in stock, "
        "or when we are open. Say “call a person” for a colleague, or “stop” to leave. "
        "What would you like to know?",
    },
    "bye": {"ru": "До свидания!", "en": "Goodbye!"},
    "no_match": {
        "ru": "Не расслышала вопрос. Спросите, например: где мой заказ?",
        "en": "Sorry, I did not get that. You can ask, for example: where is my order?",
    },
    "hold": {
        "ru": "Секунду, уточняю. Спросите «ну что?», и я отвечу.",
        "en": "One moment, I am checking. Ask “is it ready?” and I will tell you.",
    },
    "hold_chip": {"ru": "Ну что?", "en": "Is it ready?"},
    "nothing_said": {"ru": "Я ещё ничего не говорила.", "en": "I have not said anything yet."},
    "reprompt": {"ru": "Что ещё подсказать?", "en": "Is there anything else?"},
    "rest_on_screen": {"ru": "Остальное на экране.", "en": "The rest is on the screen."},
    "rest_in_app": {
        "ru": "Подробности в приложении.",
        "en": "The rest is in the app on your phone.",
    },
    "rest_ask": {"ru": "Спросите подробнее, и я продолжу.", "en": "Ask me for more details."},
    "choose": {"ru": "Можно сказать: ", "en": "You can say: "},
    "option": {"ru": "Вариант", "en": "Option"},
    "or": {"ru": " или ", "en": " or "},
    "link": {
        "ru": "Чтобы я видела ваши заказы, войдите по коду: откройте страницу на экране.",
        "en": "To let me see your orders, sign in with a code: open the page on your phone.",
    },
    "linked": {
        "ru": "Готово, теперь я знаю, какие заказы ваши. О каком рассказать?",
        "en": "Done, now I know which orders are yours. Which one shall I look up?",
    },
    "trouble": {
        "ru": "Сейчас не получается ответить. Попробуйте ещё раз чуть позже.",
        "en": "I cannot answer just now. Please try again a little later.",
    },
}


def say(phrase: str, language: str) -> str:
    return _PHRASES[phrase]["en" if language == "en" else "ru"]


# ── how a text sounds ──
@dataclass(frozen=True)
class Spoken:
    text: str
    is_cut: bool = False


_LINK = re.compile(r"\[([^\]\n]{1,200})\]\(([^)\s]{1,2000})\)")
# With the word or two that announce it.
_URL = re.compile(r"(?:\b[\w ]{1,30}: ?)?(?:https?://|www\.)\S+", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^<>]{0,200}>", re.IGNORECASE)
_CODE = re.compile(
    r"\b(заказ\w*|номер\w*|код\w*|трек\w*|order|number|code|tracking)( (?:номер|number))?"
    r" [№#]?([a-zа-я]{0,4})(-?)(\d{2,24})(?![\w-])",
    re.IGNORECASE,
)
_MAIL = re.compile(r"\b([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)")
_MARKS = re.compile(r"\*\*|__|~~|`+|^[ \t]*(?:#{1,6}|>)[ \t]+", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*(?:[-*•–—▪·]|(\d{1,2})[.)])[ \t]+", re.MULTILINE)
# Pictures, arrows, flags and their joiners; figures and currency signs stay.
_PICTURES = re.compile(
    "[\U0001f000-\U0001faff\U0001fb00-\U0001fbff\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf"
    "\u2b00-\u2bff\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\u20e3\ufeff]"
)
_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3}(?:[ \u00a0\u202f\u2009]\d{3})+)(?!\d)")
_MONEY = re.compile(
    r"(?P<before>[$€£₽])?\s?(?<![\w.,])(?P<sum>\d{1,9})(?:[.,](?P<cents>\d{1,2}))?(?!\d)"
    r"(?:[ \u00a0]?(?P<after>₽|руб(?:\.|\b)|р\.|RUB\b|USD\b|EUR\b|GBP\b|[$€£]))?",
    re.IGNORECASE,
)
_NAMES_OF_MONEY: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "ru": {
        "₽": (("рубль", "рубля", "рублей"), ("копейка", "копейки", "копеек")),
        "$": (("доллар", "доллара", "долларов"), ("цент", "цента", "центов")),
        "€": (("евро", "евро", "евро"), ("цент", "цента", "центов")),
        "£": (("фунт", "фунта", "фунтов"), ("пенс", "пенса", "пенсов")),
    },
    "en": {
        "₽": (("ruble", "rubles"), ("kopeck", "kopecks")),
        "$": (("dollar", "dollars"), ("cent", "cents")),
        "€": (("euro", "euros"), ("cent", "cents")),
        "£": (("pound", "pounds"), ("penny", "pence")),
    },
}
_CURRENCY = {"rub": "₽", "руб.": "₽", "руб": "₽", "р.": "₽", "usd": "$", "eur": "€", "gbp": "£"}
_UNITS: dict[str, dict[str, tuple[str, ...]]] = {
    "ru": {
        "кг": ("килограмм", "килограмма", "килограммов"), "г": ("грамм", "грамма", "граммов"),
        "гр": ("грамм", "грамма", "граммов"), "мм": ("миллиметр", "миллиметра", "миллиметров"),
        "см": ("сантиметр", "сантиметра", "сантиметров"), "м": ("метр", "метра", "метров"),
        "км": ("километр", "километра", "километров"), "л": ("литр", "литра", "литров"),
        "мл": ("миллилитр", "миллилитра", "миллилитров"), "шт": ("штука", "штуки", "штук"),
        "мин": ("минута", "минуты", "минут"), "ч": ("час", "часа", "часов"),
        "дн": ("день", "дня", "дней"), "%": ("процент", "процента", "процентов"),
        "°c": ("градус", "градуса", "градусов"), "°": ("градус", "градуса", "градусов"),
    },
    "en": {
        "kg": ("kilogram", "kilograms"), "g": ("gram", "grams"),
        "mm": ("millimeter", "millimeters"),
        "cm": ("centimeter", "centimeters"), "m": ("meter", "meters"), "l": ("liter", "liters"),
        "ml": ("milliliter", "milliliters"), "pcs": ("piece", "pieces"), "lb": ("pound", "pounds"),
        "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "min": ("minute", "minutes"),
        "h": ("hour", "hours"), "hrs": ("hour", "hours"), "%": ("percent", "percent"),
        "°c": ("degree", "degrees"), "°": ("degree", "degrees"),
    },
}  # fmt: skip
_UNIT = {
    lang: re.compile(
        r"(?<![\w.,])(\d{1,7}(?:[.,]\d{1,3})?)[ \u00a0]?("
        + "|".join(sorted(map(re.escape, known), key=len, reverse=True))
        + r")(?![\w°])\.?",
        re.IGNORECASE,
    )
    for lang, known in _UNITS.items()
}
_DAYS = {
    "ru": ("понедельника понедельник", "вторника вторник", "среды среду", "четверга четверг",
           "пятницы пятницу", "субботы субботу", "воскресенья воскресенье"),
    "en": ("Monday Monday", "Tuesday Tuesday", "Wednesday Wednesday", "Thursday Thursday",
           "Friday Friday", "Saturday Saturday", "Sunday Sunday"),
}  # fmt: skip
_SHORT_DAYS = {
    "ru": ("пн", "вт", "ср", "чт", "пт", "сб", "вс"),
    "en": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
}
_DAY_NAMES = {
    "ru": ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_DAY = {
    lang: re.compile(
        rf"(?<!\w)({'|'.join(short)})\.?(?:\s?[–—-]\s?({'|'.join(short)}))?\.?(?!\w)", re.IGNORECASE
    )
    for lang, short in _SHORT_DAYS.items()
}
_HOURS = re.compile(r"(?<![\d:])(\d{1,2})[:.](\d{2})\s?[–—-]\s?(\d{1,2})[:.](\d{2})(?![\d:])")
_PHONE = re.compile(
    r"(?<![\w-])(\+?\d)[ -]?\(?(\d{3})\)?[ -]?(\d{3})[ -]?(\d{2})[ -]?(\d{2})(?![\w-])"
)
_CROSS = re.compile(r"(?<=\d)\s?[×xх*]\s?(?=\d)")
_SHORT = {
    "ru": (
        (re.compile(r"\bи т\.? ?д\."), "и так далее"),
        (re.compile(r"\bи т\.? ?п\."), "и тому подобное"),
        (re.compile(r"\bт\.? ?е\."), "то есть"), (re.compile(r"\bт\.? ?к\."), "так как"),
        (re.compile(r"\bул\. ?"), "улица "), (re.compile(r"\bпр-т\b\.?"), "проспект"),
        (re.compile(r"\bд\. ?(?=\d)"), "дом "), (re.compile(r"\bкорп\. ?"), "корпус "),
        (re.compile(r"\bстр\. ?(?=\d)"), "строение "), (re.compile(r"\bоф\. ?(?=\d)"), "офис "),
        (re.compile(r"\bкв\. ?(?=\d)"), "квартира "), (re.compile(r"\bм\. (?=[А-ЯЁ«])"), "метро "),
        (re.compile(r"\bг\. (?=[А-ЯЁ])"), "город "), (re.compile(r"\bтел\. ?:?"), "телефон "),
        (re.compile(r"№ ?"), "номер "), (re.compile(r" ?& ?"), " и "),
        (re.compile(r"\bр-н\b"), "район"), (re.compile(r"\bмин\. (?=сумм|заказ)"), "минимальная "),
    ),
    "en": (
        (re.compile(r"\be\.g\.,?"), "for example,"), (re.compile(r"\bi\.e\.,?"), "that is,"),
        (re.compile(r"\betc\."), "and so on"), (re.compile(r"\bapprox\."), "about"),
        (re.compile(r"\bNo\. ?(?=\d)|№ ?|# ?(?=\d)"), "number "), (re.compile(r" ?& ?"), " and "),
        (re.compile(r"\bSt\. (?=[A-Z]|$)"), "Street "), (re.compile(r"\bAve\.? "), "Avenue "),
    ),
}  # fmt: skip
_SIZE = re.compile(r"(?<![\w-])(\d?X{1,3}[SL]|[SML])(?![\w'’-]|\.\w)")
_SIZE_NAMES = {
    "ru": {"S": "эс", "M": "эм", "L": "эль"},
    "en": {"S": "small", "M": "medium", "L": "large"},
}
_END = re.compile(r"(?<=[.!?…])[»”\")]*\s+(?=[^a-zа-яё])|\n+")


def speakable(
    text: str, language: str, *, limit: int = SPOKEN_LIMIT, sentences: int = SENTENCES
) -> Spoken:
    """A text as it is said: no links or marks, money and units in words, not for too long."""
    lang = "en" if language == "en" else "ru"
    said = _aloud(text[: limit * 20], lang)
    parts = [part.strip() for part in _END.split(said)]
    parts = [part for part in parts if re.search(r"\w", part)]
    taken, size = list[str](), 0
    for part in parts:
        if taken and (len(taken) >= sentences or size + len(part) + 1 > limit):
            break
        taken.append(_closed(part))
        size += len(taken[-1]) + 1
    out = " ".join(taken)
    is_cut = len(taken) < len(parts)
    if len(out) > limit:
        out, is_cut = shortened(out, limit), True
    return Spoken(out, is_cut)


def _closed(part: str) -> str:
    """A line of a list is a sentence, too."""
    part = part.rstrip(" ;,—–-")
    return part if part[-1:] in ".!?…:" else f"{part}."


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a sentence's end or a word's, with “…” where inside."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    ends = max(head.rfind(mark) for mark in (". ", "! ", "? ", "\n"))
    if ends > limit // 2:
        return head[: ends + 1].rstrip()
    space = head.rfind(" ")
    return (head[:space] if space > limit // 2 else head).rstrip(" ,;:—–-") + "…"


def _aloud(text: str, lang: str) -> str:
    said = _PICTURES.sub("", text.replace("\r", "\n"))
    said = _LINK.sub(r"\1", said)
    said = _TAG.sub(" ", _URL.sub("", said))
    said = _MARKS.sub("", said)
    said = _BULLET.sub(lambda found: f"{found[1]}: " if found[1] else "", said)
    at = " собака " if lang == "ru" else " at "
    dot = " точка " if lang == "ru" else " dot "
    said = _MAIL.sub(lambda found: found[1] + at + found[2].replace(".", dot), said)
    said = _PHONE.sub(lambda found: ", ".join(found.groups()).replace("+", _plus(lang)), said)
    said = _CODE.sub(_code, said)
    said = _THOUSANDS.sub(lambda found: re.sub(r"\D", "", found[1]), said)
    for pattern, words in _SHORT[lang]:
        said = pattern.sub(words, said)
    said = _HOURS.sub(lambda found: _hours(found, lang), said)
    said = _DAY[lang].sub(lambda found: _days(found, lang), said)
    said = _CROSS.sub(" на " if lang == "ru" else " by ", said)
    said = _MONEY.sub(lambda found: _money(found, lang), said)
    said = _UNIT[lang].sub(lambda found: _unit(found, lang), said)
    said = _SIZE.sub(lambda found: _size(found[1], lang), said)
    said = re.sub(r"[<>{}\[\]|_*~`^\\]", " ", said)
    said = re.sub(r"\(\s*\)", "", said)
    said = re.sub(r"[ \t\u00a0\u202f\u2009]+", " ", said)
    return re.sub(r" +([.,!?;:…])", r"\1", said).strip()


def _code(found: re.Match[str]) -> str:
    """A code is read out: letters one by one, long numbers by their figures."""
    figures = found[5] if len(found[5]) < 5 else " ".join(found[5])
    return " ".join([found[1] + (found[2] or ""), *found[3].upper(), figures])


def _plus(lang: str) -> str:
    return "плюс " if lang == "ru" else "plus "


def _counted(count: int, forms: tuple[str, ...]) -> str:
    """The form of a word beside a number."""
    if len(forms) == 2:
        return forms[0] if count == 1 else forms[1]
    if count % 10 == 1 and count % 100 != 11:
        return forms[0]
    if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14):
        return forms[1]
    return forms[2]


def _money(found: re.Match[str], lang: str) -> str:
    sign = found["before"] or found["after"] or ""
    sign = _CURRENCY.get(sign.lower(), sign)
    if not sign:
        return found.group()
    whole, parts = _NAMES_OF_MONEY[lang][sign]
    total = int(found["sum"])
    said = f"{total} {_counted(total, whole)}"
    if found["cents"]:
        cents = int(found["cents"].ljust(2, "0"))
        said += f" {cents} {_counted(cents, parts)}" if cents else ""
    lead = " " if found.group()[:1].isspace() else ""
    return lead + said


def _unit(found: re.Match[str], lang: str) -> str:
    forms = _UNITS[lang][found[2].lower()]
    is_whole = found[1].isdigit()
    if is_whole:
        word = _counted(int(found[1]), forms)
    else:
        word = forms[1] if len(forms) == 3 else forms[-1]
    follows = found.string[found.end() :].lstrip()[:1]
    ends = "." if found.group().endswith(".") and not follows.islower() else ""
    return f"{found[1]} {word}{ends}"


def _hours(found: re.Match[str], lang: str) -> str:
    begins = f"{int(found[1])}:{found[2]}"
    ends = f"{int(found[3])}:{found[4]}"
    return f"с {begins} до {ends}" if lang == "ru" else f"from {begins} to {ends}"


def _days(found: re.Match[str], lang: str) -> str:
    short = _SHORT_DAYS[lang]
    first = short.index(found[1].lower())
    if lang == "en" and found[1] in ("sun", "sat", "mon"):
        return found.group()  # no names of days, in small letters
    if not found[2]:
        return _DAY_NAMES[lang][first]
    begins = _DAYS[lang][first].split()[0]
    ends = _DAYS[lang][short.index(found[2].lower())].split()[1]
    return f"с {begins} по {ends}" if lang == "ru" else f"{begins} to {ends}"


def _size(code: str, lang: str) -> str:
    """“XL” as it is said; a number before it counts the X."""
    count = int(code[0]) if code[0].isdigit() else code.count("X")
    last = _SIZE_NAMES[lang][code[-1]]
    if not count:
        return last
    extra = "икс" if lang == "ru" else "extra"
    return " ".join([extra] * min(count, 4) + [last])


def on_screen(text: str, limit: int) -> str:
    """The reply where it can be read: no marks of **bold**, nothing longer than it may be."""
    plain = _LINK.sub(r"\1: \2", text)
    plain = re.sub(r"\*\*|`", "", plain).strip()
    return shortened(plain, limit)


def spoken_reply(
    reply: Reply,
    language: str,
    *,
    has_screen: bool,
    rest: str,
    numbered: bool = False,
    limit: int = SPOKEN_LIMIT,
) -> Spoken:
    """A whole reply aloud: text, what the cards are, what may be chosen (`numbered`: by its place).
    `rest`: where to find what is not said, a phrase of ours."""
    told = speakable(reply.text, language, limit=limit)
    words = [told.text] if told.text else []
    is_cut = told.is_cut
    for card in reply.cards[:SENTENCES]:
        line = ", ".join(card_text({**card, "url": ""}).splitlines())
        words.append(speakable(line, language, limit=200, sentences=1).text)
    is_cut = is_cut or len(reply.cards) > SENTENCES
    if is_cut:
        words.append(say(rest, language))
    choices = [button.title for button in reply.buttons if not button.url]
    if choices and not has_screen:
        named = [speakable(title, language, sentences=1).text.rstrip(".") for title in choices[:4]]
        if numbered:
            word = say("option", language)
            words += [f"{word} {place}: {name}." for place, name in enumerate(named, start=1)]
        else:
            words.append(say("choose", language) + say("or", language).join(named) + ".")
    return Spoken(shortened(" ".join(filter(None, words)), limit + 300), is_cut)


# ── marks ──
def ssml(text: str) -> str:
    """Speech for Alexa and Dialogflow: escaped, with a breath between sentences."""
    parts = [escape(_printable(part)) for part in _SENTENCE.split(text) if part.strip()]
    return "<speak>" + _BREAK.join(parts) + "</speak>"


_SENTENCE = re.compile(r"(?<=[.!?…]) +(?=[^a-zа-яё])")
_BREAK = '<break time="300ms"/> '
_PAUSE = " sil <[300]> "


def alice_tts(text: str, limit: int) -> str:
    """Speech for Alice: what would be a mark of hers is taken out, sentences get a pause."""
    plain = re.sub(r"[<>\[\]#]", " ", _printable(text)).replace("+", " плюс ")
    plain = re.sub(r" {2,}", " ", plain).strip()
    parts = [part for part in _SENTENCE.split(plain) if part.strip()]
    marked = _PAUSE.join(parts)
    return marked if len(marked) <= limit else shortened(plain, limit)


def _printable(text: str) -> str:
    return "".join(
        one for one in text if one in "\n\t" or (one >= " " and not 0xD800 <= ord(one) < 0xE000)
    )


# ── what a session remembers ──
@dataclass(frozen=True)
class Memory:
    """Kept by the platform between two calls: what was said last and what could be chosen."""

    said: str = ""
    choices: tuple[tuple[str, str], ...] = ()  # title, payload

    @classmethod
    def of(cls, reply: Reply, spoken: str) -> Memory:
        choices = [(b.title, b.payload or b.title) for b in reply.buttons if not b.url]
        return cls(spoken, tuple(choices[:10]))

    @classmethod
    def read(cls, kept: Any) -> Memory:
        """What `packed` wrote; anything else is an empty one."""
        if not isinstance(kept, Mapping):
            return cls()
        said, choices = kept.get("said"), kept.get("choices")
        pairs = choices if isinstance(choices, list) else []
        return cls(
            said if isinstance(said, str) else "",
            tuple(
                (one[0], one[1])
                for one in pairs
                if isinstance(one, list) and len(one) == 2 and all(isinstance(v, str) for v in one)
            ),
        )

    def packed(self, limit_bytes: int) -> dict[str, Any]:
        """As JSON of at most `limit_bytes`: choices first, then as much of the words as fits."""
        choices = [list(one) for one in self.choices]
        while choices and _bytes({"said": "", "choices": choices}) > limit_bytes:
            choices.pop()
        said = self.said
        while said and _bytes({"said": said, "choices": choices}) > limit_bytes:
            said = shortened(said, len(said) * 3 // 4) if len(said) > 20 else ""
        kept: dict[str, Any] = {"said": said} if said else {}
        return kept | ({"choices": choices} if choices else {})

    def payload_of(self, text: str) -> str:
        """Of the choice an utterance names by its title or its place; empty for neither."""
        said = folded(text)
        for title, payload in self.choices:
            if said and said == folded(title):
                return payload
        found = re.fullmatch(r"(?:вариант|номер|option|number)?\s*(\d{1,2})", said)
        place = int(found[1]) if found else 0
        return self.choices[place - 1][1] if 1 <= place <= len(self.choices) else ""


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def choice_buttons(titles: Iterable[str]) -> tuple[Button, ...]:
    """Suggestions that are said as they are."""
    return tuple(Button(title) for title in titles)
