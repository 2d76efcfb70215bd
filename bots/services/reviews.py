"""A public reply to a marketplace review: rules only, the same for the same review.

Everybody reads it, so it carries no order data, names, links or compensation, and nothing of the
review is repeated: what a stranger wrote is data and never becomes our words. The checks look at
the finished text, so a fault in the rules above cannot publish.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from bots.retrieval.morphology import analyse, is_person_name
from bots.retrieval.text import fold, tokens
from bots.retrieval.text import words as word_list
from integrations.models import Product, Variant

PUBLISH, DRAFT, PERSON = "publish", "draft", "person"
# The shortest limit among the marketplaces we know of.
LENGTH_LIMIT = 1000


@dataclass(frozen=True)
class Review:
    marketplace: str = ""
    rating: int | None = None
    text: str = ""
    pros: str = ""
    cons: str = ""
    product_id: str = ""
    product_name: str = ""

    @property
    def said(self) -> str:
        return "\n".join(filter(None, (self.text, self.pros, self.cons)))


Lines = dict[str, tuple[str, ...]]


# ── What is said ─────────────────────────────────────────────────────────────────────────────
THANKS: Lines = {
    "ru": (
        "Спасибо за отзыв{about}!",
        "Благодарим за отзыв{about}!",
        "Спасибо, что поделились впечатлением{about}!",
    ),
    "en": (
        "Thank you for the review{about}!",
        "Thanks for sharing your impression{about}!",
        "We appreciate your review{about}!",
    ),
}
ABOUT = {"ru": " о товаре «{name}»", "en": " of “{name}”"}
GLAD: Lines = {
    "ru": (
        "Рады, что покупка вам понравилась.",
        "Приятно знать, что вы довольны.",
        "Ваши слова очень важны для нашей команды.",
    ),
    "en": (
        "We are glad you like it.",
        "It is good to know you are happy with it.",
        "Your words mean a lot to our team.",
    ),
}
SORRY: Lines = {
    "ru": (
        "Нам жаль, что покупка не оправдала ожиданий.",
        "Сожалеем, что впечатление оказалось таким.",
    ),
    "en": (
        "We are sorry that it did not meet your expectations.",
        "We are sorry to hear about this experience.",
    ),
}
MIXED: Lines = {
    "ru": ("Нам важно и хорошее, и то, что можно улучшить.",),
    "en": ("Both what is good and what can be better matter to us.",),
}
# Topic → (how it is recognised, praise, complaint). Neither promises nor explains anything.
TOPICS: dict[str, tuple[frozenset[str], dict[str, str], dict[str, str]]] = {
    "size": (
        word_list(
            "размер маломерить большемерить мерить тесный узкий велик маленький size fit "
            "tight small large"
        ),
        {"ru": "Хорошо, что размер подошёл.", "en": "It is good that the size fits."},
        {
            "ru": "Замечание о размере передали тем, кто отвечает за размерную сетку.",
            "en": "We passed your note on the size to those in charge of it.",
        },
    ),
    "delivery": (
        word_list("доставка курьер привезти доставить срок пункт delivery courier shipping arrive"),
        {"ru": "Рады, что с доставкой всё прошло гладко.", "en": "We are glad delivery went well."},
        {
            "ru": "Сожалеем о неудобствах с доставкой.",
            "en": "We are sorry for the trouble with delivery.",
        },
    ),
    "packing": (
        word_list("упаковка упаковать коробка помятый packaging package box"),
        {"ru": "Упаковке уделяем особое внимание.", "en": "We take packing seriously."},
        {
            "ru": "Замечание об упаковке передали на склад.",
            "en": "We passed your note on the packing to the warehouse.",
        },
    ),
    "quality": (
        word_list(
            "качество брак бракованный дефект сломаться сломать порваться царапина дырка "
            "нитка шов треснуть quality defect broken broke torn scratch"
        ),
        {"ru": "Качество для нас на первом месте.", "en": "Quality comes first for us."},
        {
            "ru": "Замечание о качестве передали тем, кто за него отвечает.",
            "en": "We passed your note on the quality to those in charge of it.",
        },
    ),
    "price": (
        word_list("цена дорогой дорого дешевый дешево стоить price expensive cheap"),
        {"ru": "Стараемся, чтобы цена радовала.", "en": "We work to keep the price fair."},
        {"ru": "Мнение о цене учтём.", "en": "We take your view of the price into account."},
    ),
    "look": (
        word_list("цвет красивый оттенок выглядеть дизайн colour color beautiful look design"),
        {"ru": "Здорово, что внешний вид вам по душе.", "en": "Good that you like how it looks."},
        {
            "ru": "Замечание о внешнем виде передали коллегам.",
            "en": "We passed your note on the look to our colleagues.",
        },
    ),
}
CLOSING_GOOD: Lines = {
    "ru": ("Будем рады видеть вас снова.", "Пользуйтесь с удовольствием.", "Ждём вас снова."),
    "en": ("We look forward to seeing you again.", "Enjoy it.", "Come back any time."),
}
CLOSING_BAD: Lines = {
    "ru": (
        "Напишите нам в чат на площадке, чтобы мы разобрались.",
        "Расскажите подробнее в чате с продавцом, и мы во всём разберёмся.",
    ),
    "en": (
        "Write to us in the marketplace's chat so that we can look into it.",
        "Tell us more in the chat with the seller and we will look into it.",
    ),
}

# ── What only a person may answer ────────────────────────────────────────────────────────────
_PERSON = {
    "legal": word_list(
        "суд иск прокуратура роспотребнадзор юрист адвокат мошенник мошенничество обман "
        "обмануть обманщик подделка контрафакт фальшивка развод court lawsuit lawyer fraud scam "
        "fake counterfeit"
    ),
    "harm": word_list(
        "аллергия ожог травма отравление отравиться больница скорая ударить током загореться "
        "взорваться ребенок задохнуться сыпь injury allergy burn burnt poisoned hospital fire "
        "explode rash"
    ),
    "money": word_list("вернуть возврат деньги компенсация refund compensation money возместить"),
    "wrong_item": word_list("перепутать подменить чужой missing wrong недостача недоложить"),
    "abuse": word_list("сука блядь хуй пизда ебать мудак fuck shit bitch asshole"),
}
_INJECTION = re.compile(
    r"игнорируй|забудь (?:все|предыдущ)|систем\w+ (?:промпт|инструкц)|(?:твои|свои) инструкци|"
    r"ignore (?:all|any|the|previous|your)|disregard|system prompt|you are now|как ии|as an ai|"
    r"напиши в ответ|ответь (?:только|словами|фразой)|reply with|repeat after",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"\?|\b(?:подскажите|скажите|как (?:можно|мне)|can you|could you)\b", re.I)
_NEGATIVE = word_list(
    "плохой плохо ужасный ужасно отвратительный разочаровать разочарование зря хуже брак "
    "бракованный сломаться порваться порвать не жаль минус недостаток bad terrible awful poor "
    "disappointed broke broken worst never"
) - {"не"}
_PHONE = re.compile(r"(?:\+?\d[\s()\-]{0,2}){7,}")
_LINK = re.compile(
    r"https?://|www\.|\b[\w-]+\.(?:ru|com|рф|net|org|su|me|shop|io|store|online)\b|@\w|\bt\.me\b",
    re.IGNORECASE,
)
_COMPENSATION = word_list(
    "вернуть возврат компенсация компенсировать возместить возмещение скидка промокод купон "
    "бонус подарок бесплатно бесплатный деньги обмен обменять заменить замена refund discount "
    "coupon voucher bonus gift free compensation compensate replace replacement exchange"
)
_ORDER = re.compile(r"№|#\s?\d|\bзаказ\w*|\border\b|\bтрек\w*|\btracking\b|\d{3,}", re.IGNORECASE)
_PROMISE = re.compile(
    r"\bгарантир\w+|\bобеща\w+|\bобязательно (?:вернем|вернём|заменим|исправим)|\bguarantee\w*|"
    r"\bpromise\w*",
    re.IGNORECASE,
)


def review_preview(review: Review) -> dict[str, Any]:
    """`{"text", "decision", "checks": [{"name", "ok", "detail"}]}`. Nothing is stored or sent."""
    lang = _lang(review.said or review.product_name)
    lemmas = _lemmas(review.said)
    mood = _mood(review, lemmas)
    name = _product_name(review)
    text = _compose(review, lang, mood, lemmas, name)
    checks = checks_of(text, lang, own_name=name)
    if name and not all(check["ok"] for check in checks):
        text = _compose(review, lang, mood, lemmas, "")
        checks = checks_of(text, lang)
    concerns = _concerns(review, lemmas)
    checks += [{"name": f"review_{one}", "ok": False, "detail": ""} for one in concerns]
    return {"text": text, "decision": _decide(mood, checks, concerns), "checks": checks}


def _decide(mood: str, checks: list[dict[str, Any]], concerns: list[str]) -> str:
    if set(concerns) & {*_PERSON, "personal_data"} or mood == "bad":
        return PERSON
    if concerns or mood == "mixed" or not all(check["ok"] for check in checks):
        return DRAFT
    return PUBLISH


def _lang(text: str) -> str:
    cyrillic = len(re.findall("[а-яё]", text.lower()))
    latin = len(re.findall("[a-z]", text.lower()))
    return "en" if latin > cyrillic else "ru"


def _lemmas(text: str) -> set[str]:
    found: set[str] = set()
    for token in tokens(text[:20_000]):
        found.add(token.text)
        found.update(fold(lemma) for lemma in analyse(token.text).lemmas)
    return found


def _mood(review: Review, lemmas: set[str]) -> str:
    is_negative = bool(lemmas & _NEGATIVE) or bool(_complaint(review))
    if review.rating is None:
        return "mixed" if is_negative or not review.said.strip() else "good"
    if review.rating <= 2:
        return "bad"
    if review.rating == 3 or is_negative:
        return "mixed"
    return "good"


_NOTHING = word_list("нет не найти отсутствовать пока ничего нету none no nothing n a na")


def _complaint(review: Review) -> bool:
    """Cons that say something: "нет", "не нашла", "-" do not."""
    found = {analyse(token.text).lemma for token in tokens(review.cons)}
    return bool(found - _NOTHING)


def _concerns(review: Review, lemmas: set[str]) -> list[str]:
    """What in the review calls for a person or a second look; each becomes a failed check."""
    found = [name for name, words in _PERSON.items() if lemmas & words]
    said = review.said
    if _PHONE.search(said) or re.search(r"\S@\S+\.\S", said):
        found.append("personal_data")
    if _INJECTION.search(said):
        found.append("instructions")
    if _LINK.search(said):
        found.append("link")
    if _QUESTION.search(said):
        found.append("question")
    return found


def _product_name(review: Review) -> str:
    """Our own name of the product where we know it; a name that came with the call is not said."""
    if not review.product_id:
        return ""
    variant = (
        Variant.objects.filter(external_id=review.product_id).select_related("product").first()
    )
    product = (
        variant.product
        if variant
        else Product.objects.filter(external_id=review.product_id).first()
    )
    name = " ".join(product.name.split()) if product else ""
    return name if 0 < len(name) <= 80 else ""


def _compose(review: Review, lang: str, mood: str, lemmas: set[str], name: str) -> str:
    seed = hashlib.sha256(f"{review.product_id}\n{review.rating}\n{review.said}".encode()).digest()

    def one_of(table: Lines, place: int) -> str:
        return table[lang][seed[place] % len(table[lang])]

    about = ABOUT[lang].format(name=name) if name else ""
    parts = [one_of(THANKS, 0).format(about=about)]
    feelings = {"good": GLAD, "bad": SORRY, "mixed": MIXED}
    parts.append(one_of(feelings[mood], 1))
    topics = [topic for topic in TOPICS.values() if lemmas & topic[0]][:2]
    parts += [(praise if mood == "good" else blame)[lang] for _words, praise, blame in topics]
    parts.append(one_of(CLOSING_GOOD if mood == "good" else CLOSING_BAD, 2))
    return " ".join(parts)


# ── Checks of the finished text ──────────────────────────────────────────────────────────────
def checks_of(text: str, lang: str, *, own_name: str = "") -> list[dict[str, Any]]:
    """Each rule of a public text with its outcome; also for texts that models or people write."""
    bare = text.replace(own_name, " ") if own_name else text
    lemmas = _lemmas(bare)
    compensation = sorted(lemmas & _COMPENSATION)
    names = sorted({t.text for t in tokens(bare) if is_person_name(t.text)})
    results = [
        ("no_order_data", _ORDER.findall(bare)),
        ("no_names", names),
        ("no_links", _LINK.findall(text)),
        ("no_contacts", _PHONE.findall(text)),
        ("no_compensation", compensation),
        ("no_promises", _PROMISE.findall(bare)),
        ("no_markup", re.findall(r"<[a-z/]|\{\{|\]\(", text, re.IGNORECASE)),
        ("length", [f"{len(text)} > {LENGTH_LIMIT}"] if len(text) > LENGTH_LIMIT else []),
        ("language", [] if _lang(bare) == lang else [lang]),
        ("not_empty", [] if text.strip() else ["–"]),
    ]
    return [
        {"name": name, "ok": not found, "detail": ", ".join(map(str, found))[:200]}
        for name, found in results
    ]
