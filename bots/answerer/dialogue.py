"""One turn: what is wanted, where the answer is, and whether it is good enough to be said."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

from bots.answerer import articles, goods, hours, intents, orders
from bots.answerer.part import Asked, Part
from bots.answerer.phrases import say
from bots.engine import texts
from bots.engine.base import Answer, Decision, Reason, Turn
from bots.engine.facts import check_claims
from bots.retrieval.query import Query, Term, understand
from bots.retrieval.repair import ENGLISH
from bots.retrieval.text import fold, words
from bots.retrieval.vocabulary import Vocabulary, vocabulary
from integrations.models import Product

log = logging.getLogger(__name__)

QUESTIONS = 3  # of one message
TOPIC_WORDS = 14
LONGEST = 1500  # characters that are read


def answer(turn: Turn) -> Answer:
    text = (turn.payload or turn.question).strip()[:LONGEST]
    words_known = vocabulary()
    memory = dict(turn.memory)
    whole = understand(text, words_known, turn.lang)
    lang = _language(text, whole, turn.lang)
    part = _settled(text, whole, turn, memory, lang)
    if part is None:
        part = _answer_all(text, turn, memory, lang, words_known)
    part.memory = {
        "offered": part.decision == Decision.REFUSE,
        **part.memory,
    }
    return _finish(part, lang)


def _language(text: str, query: Query, before: str) -> str:
    """The buyer's language; a name or a number alone does not change it."""
    folded = fold(query.text)
    if re.search(r"[а-я]", folded):
        cyrillic = len(re.findall(r"[а-я]", folded))
        latin = len(re.findall(r"[a-z]", folded))
        return "ru" if cyrillic * 2 >= latin or before == "ru" else "en"
    english = [w for w in re.findall(r"[a-z']+", folded) if w in ENGLISH]
    if english and query.lang == "en":
        return "en"
    return before if before in ("ru", "en") else "ru"


# ── What needs no search ─────────────────────────────────────────────────────────────────────
_TOPICS: dict[str, re.Pattern[str]] = {
    "complaint": re.compile(r"(?!)"),  # read by intents.is_complaint
    "wholesale": re.compile(r"\bопт\w*|\bwholesale\b|\bbulk\b"),
    "legal": re.compile(
        r"\bюрист\w*|\bсуд\w{0,2}\b|\bадвокат\w*|\bдоговор\w*|\blawyer\b|\blegal\b"
    ),
    "press": re.compile(r"\bсми\b|\bжурналист\w*|\bинтервью\b|\bpress\b|\bjournalist\b"),
    "job": re.compile(r"\bваканс\w*|\bтрудоустр\w*|\bvacanc\w*|\bjobs?\b"),
    "defect": re.compile(
        r"\bбрак\w*|\bслом\w+|\bдефект\w*|\bпорва\w*|\bdefect\w*|\bbroken\b|\bfaulty\b"
    ),
    "payment": re.compile(r"\bдвойн\w* списан\w*|\bсписал\w* дважды\b|\bcharged twice\b"),
}


def _settled(text: str, query: Query, turn: Turn, memory: dict[str, Any], lang: str) -> Part | None:
    if not text or not re.search(r"\w|[^\x00-\x7f]", text):
        return Part(say("empty", lang), Decision.CLARIFY, "empty")
    if intents.wants_person(query.text, query.lemmas) or (
        memory.get("offered") and intents.is_yes(query.text)
    ):
        return _hand_over(Reason.ASKED, lang)
    if intents.is_injection(query.text) or intents.is_injection(text):
        return Part(
            say("no_obey", lang),
            Decision.REFUSE,
            "injection",
            buttons=[texts.say(texts.CALL_PERSON, lang)],
        )
    if key := intents.small_talk(query.text):
        if key == "empty":
            return Part(say("empty", lang), Decision.CLARIFY, "empty")
        if not (memory.get("options") and key in ("ok",)):
            return Part(_small(key, turn, lang), reason="small_talk")
    if intents.is_complaint(query.text):
        return _hand_over(Reason.COMPLAINT, lang)
    for topic in turn.bot.get("handover_topics") or ():
        if _is_topic(str(topic), query):
            return _hand_over(Reason.POLICY, lang)
    if intents.is_abuse(query.text) and sum(t.is_present for t in query.terms) < 2:
        return _hand_over(Reason.ABUSE, lang)
    if orders.is_about_order(query.text, memory) or orders.is_order_follow_up(query.text, memory):
        return orders.answer(query.text, turn.asker, memory, lang)
    return None


def _small(key: str, turn: Turn, lang: str) -> str:
    if key == "hello" and turn.bot.get("greeting") and lang == turn.bot.get("language", "ru"):
        greeting = str(turn.bot["greeting"])
        return greeting if re.search(r"\w", greeting) else say(key, lang)
    return say(key, lang)


def _is_topic(topic: str, query: Query) -> bool:
    pattern = _TOPICS.get(topic)
    if pattern is not None:
        return bool(pattern.search(fold(query.text)))
    named = [t for t in words(topic.replace("_", " ")) if len(t) > 3]
    lemmas = set(query.lemmas)
    return bool(named) and all(word in lemmas or word in fold(query.text) for word in named)


def _hand_over(reason: Reason, lang: str) -> Part:
    return Part(texts.say(texts.HANDOVER, lang, reason), Decision.HANDOVER, reason)


# ── Questions ────────────────────────────────────────────────────────────────────────────────
def _answer_all(
    text: str, turn: Turn, memory: dict[str, Any], lang: str, words_known: Vocabulary
) -> Part:
    chosen = _chosen_option(text, memory, lang, words_known)
    if chosen is not None:
        return chosen
    questions = _questions(text, words_known, turn.lang)
    parts: list[tuple[str, Part]] = []
    for question in questions[:QUESTIONS]:
        part = _answer_one(question, turn, memory, lang, words_known)
        memory = {**memory, **part.memory}
        parts.append((question, part))
    if len(parts) == 1 and parts[0][1].decision == Decision.REFUSE:
        if (last := _question_alone(questions[0], words_known, lang)) != questions[0]:
            part = _answer_one(last, turn, dict(turn.memory), lang, words_known)
            if part.decision == Decision.ANSWER:
                return part
    if len(parts) > 1 and all(p.decision == Decision.REFUSE for _, p in parts):
        # Cut apart nothing fits; whole it may.
        part = _answer_one(" ".join(questions), turn, dict(turn.memory), lang, words_known)
        if part.decision != Decision.REFUSE:
            return part
    return _joined(parts, lang)


def _questions(text: str, words_known: Vocabulary, lang: str) -> list[str]:
    """Questions of a message; pieces without a matter of their own stay with their neighbour."""
    repaired = understand(text, words_known, lang).text
    pieces = intents.split_questions(intents.without_greeting(repaired))
    joined: list[str] = []
    carry = ""
    for piece in pieces:
        if intents.small_talk(piece) in ("hello", "thanks", "ok", "bye", "how"):
            continue
        query = understand(piece, words_known, lang)
        has_matter = any(
            not t.is_weak and not t.is_number and (t.is_present or t.pos in ("NOUN", "LATN"))
            for t in query.terms
        )
        has_matter = has_matter or intents.wish(query.text).hours
        if len(pieces) > 1 and not intents.is_question(piece):
            has_matter = False  # "Не подошло платье, сколько…": what the question is about
        if not has_matter and joined and not carry:
            joined[-1] = f"{joined[-1]} {piece}"
        elif not has_matter:
            carry = f"{carry} {piece}".strip()
        else:
            joined.append(f"{carry} {piece}".strip())
            carry = ""
    if carry:
        joined.append(carry) if not joined else joined.__setitem__(-1, f"{joined[-1]} {carry}")
    return joined or [text]


def _question_alone(text: str, words_known: Vocabulary, lang: str) -> str:
    """The question of "Меня не будет дома, можно перенести курьера?", without its circumstances.

    Words the articles know are no mere circumstances: "За город поедете? Я за МКАД".
    """
    pieces = intents.split_questions(text)
    asking = [p for p in pieces if intents.is_question(p)]
    if len(asking) != 1:
        return text
    beside = understand(" ".join(p for p in pieces if p != asking[0]), words_known, lang)
    told = any(
        t.is_present and not t.is_weak and t.importance > 0.5 and t.article_rarity < 1
        for t in beside.terms
    )
    return text if told else asking[0]


def _joined(parts: list[tuple[str, Part]], lang: str) -> Part:
    if len(parts) == 1:
        return parts[0][1]
    good = [p for _, p in parts if p.decision in (Decision.ANSWER, Decision.CLARIFY)]
    if not good:
        return parts[0][1]
    whole = replace(good[0], sources=[], records=[], buttons=[], cards=[], memory={})
    lines: list[str] = []
    for question, part in parts:
        if part.decision == Decision.REFUSE:
            lines.append(say("refuse_part", lang, question.rstrip(" ?.!")))
            whole.memory["offered"] = True
            continue
        if part.text not in lines:
            lines.append(part.text)
        whole.sources += [s for s in part.sources if s not in whole.sources]
        whole.records += part.records
        whole.buttons += part.buttons
        whole.cards += part.cards
        whole.memory |= part.memory
    whole.text = "\n\n".join(lines)
    whole.decision = (
        Decision.ANSWER if any(p.decision == Decision.ANSWER for p in good) else Decision.CLARIFY
    )
    whole.confidence = min(p.confidence for p in good)
    return whole


def _chosen_option(
    text: str, memory: dict[str, Any], lang: str, words_known: Vocabulary
) -> Part | None:
    """The answer to our own question "which of these?"."""
    options = memory.get("options")
    if not options:
        return None
    products = list(Product.objects.filter(pk__in=options).prefetch_related("variants"))
    products.sort(key=lambda p: options.index(p.pk))
    query = understand(text, words_known, lang)
    terms = [t for t in query.terms if not t.is_weak]
    if not terms and not (ordinal := _ordinal(text)):
        return None
    if (ordinal := _ordinal(text)) and ordinal <= len(products):
        left = [products[ordinal - 1]]
    else:
        scored = [(_named_by(product, terms), product) for product in products]
        best = max(score for score, _ in scored)
        if best <= 0:
            return None
        left = [product for score, product in scored if score >= best - 1e-9]
        if len(left) > 1 and len(left) < len(products):
            exact = [p for p in left if fold(p.name) == fold(text)]
            left = exact or left
    pending = understand(str(memory.get("pending") or ""), words_known, lang)
    wish = intents.wish(f"{pending.text} {query.text}")
    asked = Asked(_merged(query, pending, 1.0), wish, lang, memory)
    if len(left) > 1:
        return goods.ask_back(left, asked) if len(left) < len(products) else None
    meant = goods.Meant([], True, set(), 1.0, [], is_focus=True)
    unsaid = [t for t in asked.query.terms if goods.is_attribute(t) or not _named_by(left[0], [t])]
    asked.query.terms = unsaid
    part = goods.answer_one(left[0], asked, meant) or goods.answer_one(
        left[0], replace(asked, query=replace(asked.query, terms=[])), meant
    )
    return _remember(part, asked, pending.text) if part else None


_ORDINALS = (
    (1, words("первый первая первое первую 1 first")),
    (2, words("второй вторая второе вторую 2 second")),
    (3, words("третий третья третье третью 3 third")),
)


def _ordinal(text: str) -> int:
    said = fold(text).strip(" .!)")
    return next((number for number, names in _ORDINALS if said in names), 0)


def _named_by(product: Product, terms: list[Term]) -> float:
    lemmas = goods.title_lemmas(product)
    return sum(t.weight for t in terms if any(part in lemmas for key in t.keys for part in key))


# ── One question ─────────────────────────────────────────────────────────────────────────────
def _answer_one(
    text: str,
    turn: Turn,
    memory: dict[str, Any],
    lang: str,
    words_known: Vocabulary,
) -> Part:
    query = understand(text, words_known, turn.lang)
    wish = intents.wish(query.text)
    follows = intents.is_follow_up(query.text)
    if follows and not any(getattr(wish, name) for name in _INHERITED):
        if memory.get("kind") in ("article", "hours"):
            wish = replace(wish, **dict.fromkeys(memory.get("wish") or (), True))  # type: ignore[arg-type]
    asked = Asked(
        query,
        wish,
        lang,
        memory,
        is_follow_up=follows,
        has_pronoun=intents.has_pronoun(query.text),
    )
    part = _from_records(asked, turn)
    if part is None:
        part = _refusal(asked)
    return _remember(part, asked, query.text)


_INHERITED = ("price", "stock", "size", "colour", "hours", "how_long", "where", "when")


def _remember(part: Part, asked: Asked, text: str) -> Part:
    if part.decision in (Decision.ANSWER, Decision.CLARIFY) and part.reason != "small_talk":
        own = " ".join(t.word for t in asked.query.terms[:TOPIC_WORDS])
        part.memory.setdefault("topic", own or asked.memory.get("topic", ""))
        flags = [name for name in _INHERITED if getattr(asked.wish, name)]
        part.memory.setdefault("wish", flags)
    return part


def _refusal(asked: Asked) -> Part:
    return Part(
        say("refuse", asked.lang),
        Decision.REFUSE,
        Reason.NO_KNOWLEDGE,
        buttons=[texts.say(texts.CALL_PERSON, asked.lang)],
        memory={"offered": True},
        confidence=0.0,
    )


def _from_records(asked: Asked, turn: Turn) -> Part | None:
    query, wish = asked.query, asked.wish
    own = [t for t in query.terms if not t.is_weak]
    if wish.compare and (part := _comparison(asked)):
        return part
    if part := _property_of_focus(asked, own, is_sure=True):
        return part
    if asked.focus and asked.memory.get("kind") == "product" and _is_about_focus(asked, own):
        if part := _of_focus(asked):
            return part
    if not own and not wish.hours and not asked.memory.get("topic") and len(query.terms) < 2:
        if wish.price or wish.size or wish.colour:
            return Part(say("which_one", asked.lang), Decision.CLARIFY, "which_product")
        return None
    topical = _with_topic(asked)
    asked.leans = topical is not asked.query
    found = articles.look(asked, topical, len(query.terms))
    if wish.hours and (part := _opening(asked, turn, found)):
        return part
    meant = goods.resolve(asked)
    product_part = _of_goods(asked, meant)
    best = found[0] if found else None
    if product_part is not None and not _article_is_better(asked, meant, best):
        return product_part
    if best is not None and _is_sure(best, asked):
        if articles.is_too_broad(asked, found):
            return articles.ask_back(asked, found)
        part = articles.answer(asked, found, topical)
        return part if part.text.strip() else None
    if product_part is not None and meant.is_named:
        return product_part
    return _property_of_focus(asked, own, is_sure=False)


def _is_sure(best: articles.Found, asked: Asked) -> bool:
    own = [t for t in asked.query.terms if not t.is_weak]
    if asked.wish.concepts and best.matched < 2:
        return False  # "из чего ваша коробка?" asks a property, not about boxes
    if not own and asked.memory.get("kind") == "article":
        return best.hit.coverage >= 0.5
    if not own:
        return best.passage >= 0.95 and best.hit.lang == asked.lang
    return best.is_sure


def _with_topic(asked: Asked) -> Query:
    """The question with the words of the one before it, when it leans on that."""
    topic = str(asked.memory.get("topic") or "")
    own = [t for t in asked.query.terms if not t.is_weak]
    is_short = len(own) <= 1 and len(asked.query.lemmas) <= 2
    leans = asked.is_follow_up or asked.has_pronoun or len(own) == 0 or is_short
    if not topic or not leans or asked.memory.get("kind") not in ("article", "hours", "product"):
        return asked.query
    before = understand(topic, asked.query.vocabulary, asked.query.lang)
    return _merged(asked.query, before, 0.5)


def _merged(query: Query, before: Query, factor: float) -> Query:
    has_place = any(t.is_place for t in query.terms)
    known = {part for t in query.terms for key in t.exact for part in key}
    added = [
        replace(t, weight=t.weight * factor)
        for t in before.terms
        if not any(part in known for key in t.exact for part in key)
        and not (has_place and t.is_place)
        and not (t.is_number and factor < 1)
    ]
    return replace(query, terms=[*query.terms, *added])


def _opening(asked: Asked, turn: Turn, found: list[articles.Found]) -> Part | None:
    """Hours of the people who answer; an article about the shop's hours comes first."""
    found = [one for one in found if "time" in one.kinds]
    best = found[0] if found else None
    about_people = hours.is_about_people(asked.text)
    if best is not None and best.is_sure and not about_people:
        part = articles.answer(asked, found, _with_topic(asked))
        part.memory["kind"] = "article"
        return part
    ours = hours.answer(asked, turn.now)
    if ours is None or (best is not None and best.is_sure and best.coverage > 0.9):
        if best is not None and best.is_sure:
            return articles.answer(asked, found, _with_topic(asked))
        return ours
    own = [t for t in asked.query.terms if not t.is_weak and t.weight > 0.5 and not t.is_present]
    return None if own and not about_people else ours


# ── Goods ────────────────────────────────────────────────────────────────────────────────────
def _is_about_focus(asked: Asked, own: list[Term]) -> bool:
    """The product spoken of last is meant: a pronoun, a bare wish, a colour or a size."""
    naming = [t for t in own if not goods.is_attribute(t)]
    if any(articles.is_policy(t) for t in naming):
        return False  # "а если не подойдёт?": the shop's terms, not the product
    if not own:
        return asked.wish.is_any or asked.wish.about or asked.wish.when or asked.has_pronoun
    if not naming:
        return True
    if asked.has_pronoun:
        return True
    if asked.wish.concepts and len(naming) <= 1:
        return True
    return asked.is_follow_up or asked.wish.plain


def _of_focus(asked: Asked) -> Part | None:
    meant = goods.from_focus(asked)
    if not meant.hits:
        return None
    if len(meant.hits) > 1 and not asked.has_pronoun and not asked.is_follow_up:
        if not asked.wish.is_any and not any(goods.is_attribute(t) for t in asked.query.terms):
            return None
    wish = asked.wish
    if any(t.lemma in _OFF for t in asked.query.terms):
        left = [t for t in asked.query.terms if t.lemma not in _OFF]
        asked = replace(asked, query=replace(asked.query, terms=left))
        wish = replace(wish, price=True)  # "скидка на неё есть?"
    if not (wish.price or wish.stock or wish.size or wish.colour or wish.about):
        inherited = set(asked.memory.get("wish") or ())
        attributes = any(goods.is_attribute(t) for t in asked.query.terms)
        wish = replace(
            wish,
            price="price" in inherited and not attributes,
            stock="stock" in inherited or attributes or wish.when,
        )
    now = replace(asked, wish=wish)
    changed = meant.products[0].pk not in asked.focus
    if changed:
        named = goods.title_lemmas(meant.products[0])
        left = [
            t
            for t in asked.query.terms
            if goods.is_size(t) or not any(part in named for key in t.keys for part in key)
        ]
        if wish.plain:
            old = Product.objects.filter(pk__in=asked.focus).first()
            gone = goods.title_lemmas(old) if old else set()
            left = [
                t for t in left if not any(k[0] in gone for k in t.keys) and t.lemma not in _PLAIN
            ]
        now = replace(now, query=replace(asked.query, terms=left))
        if not (wish.price or wish.stock or wish.size or wish.colour):
            now = replace(now, wish=replace(wish, price=True))
    for product in meant.products[: 1 if changed else 3]:
        single = replace(meant, hits=[h for h in meant.hits if h.product is product])
        if part := goods.answer_one(product, now, single):
            if len(meant.hits) > 1 and not changed and len(asked.focus) > 1:
                continue
            return part
    return None


SHORT = 6  # words of a question that leans on the one before it


def _property_of_focus(asked: Asked, own: list[Term], *, is_sure: bool) -> Part | None:
    """ "состав?", "ноут 16 влезет?" after a product was spoken of: its card answers.

    `is_sure`: only what its named properties say, and nothing a shop's terms are about.
    """
    if not asked.focus or asked.memory.get("kind") != "product":
        return None
    if len(asked.query.lemmas) > SHORT or not (own or asked.wish.concepts):
        return None
    if is_sure and any(t.is_concept or t.pos in ("ADJF", "ADJS", "COMP") for t in own):
        return None  # "а длинный?" is rather another product
    if is_sure and not goods.asks_property(own, asked):
        return None
    product = (
        Product.objects.filter(pk=asked.focus[0], is_active=True)
        .prefetch_related("variants")
        .first()
    )
    if product is None:
        return None
    meant = goods.in_focus(product)
    is_policy = any(articles.is_policy(term) for term in own)
    least = goods.CALLED_SO if is_policy else goods.ASKED_SO if is_sure else 0.0
    if not goods.tells_property(product, asked, meant, least=least):
        return None
    return goods.answer_one(product, asked, meant)


_OFF = words("скидка discount off sale")
_PLAIN = words("обычный простой стандартный без regular plain without")


def _of_goods(asked: Asked, meant: goods.Meant) -> Part | None:
    if not meant.hits:
        return None
    if any(t.is_concept for t in meant.missing) and not asked.wish.is_any:
        return None  # a matter of the shop's terms
    heavy = [
        t
        for t in meant.missing
        if not goods.is_attribute(t) and t.weight >= 0.75 and t.pos in ("NOUN", "LATN", "UNKN")
    ]
    if asked.wish.where and not asked.wish.is_any and not asked.wish.concepts:
        if not _GOODS_WHERE.search(fold(asked.text)):
            return None  # a place is no property of goods
    if len(meant.hits) == 1:
        part = goods.answer_one(meant.products[0], asked, meant)
        if part is None:
            return None
        tells = goods.tells_property(meant.products[0], asked, meant)
        if heavy and meant.coverage < 0.6 and not tells:
            return None
        if _undone(meant) and not asked.wish.price and not asked.wish.stock:
            return None  # what may be done with it is no question about its fields
        return part
    if heavy and meant.coverage < 0.75:
        return None
    wish = asked.wish
    attributes = any(goods.is_attribute(t) for t in asked.query.terms)
    deeds = [
        t
        for t in meant.missing
        if t.pos in ("INFN", "VERB") and not asked.query.vocabulary.count(t.lemma)
    ]
    if deeds and not meant.is_focus:
        return None  # "сколько стоит постричь кота" is no question about goods
    if meant.is_named and len(meant.hits) <= goods.MANY and not wish.search and not wish.cheaper:
        narrowed = _by_attributes(asked, meant)
        if 1 < len(narrowed) <= 3 and not wish.price and (part := _each(asked, meant, narrowed)):
            return part
        if len(narrowed) == 1:
            single = replace(meant, hits=narrowed)
            return goods.answer_one(narrowed[0].product, asked, single)
        return goods.ask_back([h.product for h in narrowed], asked)
    rest = [
        t
        for at, t in enumerate(asked.query.terms)
        if at not in meant.spent
        and not t.is_weak
        and not goods.is_attribute(t)
        and not any(hit.covers(at) for hit in meant.hits)
    ]
    if sum(t.weight for t in rest) > 0.5 * sum(asked.query.terms[at].weight for at in meant.spent):
        return None
    if wish.is_any or wish.search or attributes or wish.about or len(asked.query.terms) <= 2:
        return goods.list_goods(meant.hits, asked)
    return None


_GOODS_WHERE = re.compile(r"[а-я] где (?!купить|взять|найти|посмотреть|забрать|починить|примерить)")


def _undone(meant: goods.Meant) -> bool:
    return any(t.pos == "INFN" for t in meant.missing)


def _each(asked: Asked, meant: goods.Meant, hits: list[Any]) -> Part | None:
    """A property of several that fit equally: told of each, there is nothing to ask back."""
    parts = []
    for hit in hits:
        part = goods.answer_one(hit.product, asked, replace(meant, hits=[hit]))
        if part is None or not goods.tells_property(hit.product, asked, meant):
            return None
        parts.append(part)
    first = parts[0]
    return replace(
        first,
        text="\n".join(part.text for part in parts),
        sources=[s for part in parts for s in part.sources],
        records=[r for part in parts for r in part.records],
        cards=[c for part in parts for c in part.cards],
        memory={**first.memory, "focus": [h.object_id for h in hits]},
    )


def _by_attributes(asked: Asked, meant: goods.Meant) -> list[Any]:
    """Of products that fit equally, those that have the colour or size asked for."""
    fits = [
        hit
        for hit in meant.hits
        if (choice := goods.choose(hit.product, asked, meant.spent)).is_any and choice.fits
    ]
    return fits or meant.hits


def _article_is_better(asked: Asked, meant: goods.Meant, best: articles.Found | None) -> bool:
    if best is None or not best.is_sure:
        return False
    wish = asked.wish
    if wish.how_to and best.in_title and _undone(meant):
        return True
    if best.is_meant and not wish.price and not wish.stock:
        return True
    if wish.size and best.in_title and best.coverage >= meant.coverage:
        return True  # "какой размер на шесть лет?"
    lead = 0.12 if wish.is_any else 0.0
    if asked.leans and asked.memory.get("kind") == "article" and not wish.is_any:
        lead -= 0.3  # "а носки?" after a question about returns
    if meant.is_named and len(meant.hits) == 1:
        lead += 0.1
    if not meant.is_named:
        lead -= 0.05
    return best.coverage > meant.coverage + lead


def _comparison(asked: Asked) -> Part | None:
    """Two products named in one question, or the two spoken of last."""
    folded = asked.text
    sides = [
        s
        for s in re.split(
            r"\s+(?:или|и|от|с|против|vs|versus|or|and|from|with)\s+|[,:;—]\s+", folded
        )
        if s.strip(" ?.!")
    ]
    picked: list[Product] = []
    common = goods.resolve(asked)
    for side in sides:
        query = understand(side, asked.query.vocabulary, asked.query.lang)
        query.terms = [t for t in query.terms if t.lemma not in _COMPARING]
        if not any(not t.is_weak for t in query.terms):
            continue
        own = Asked(query, asked.wish, asked.lang, asked.memory)
        meant = goods.resolve(own)
        if (
            meant.hits
            and meant.is_named
            and len(meant.hits) == 1
            and _is_named_enough(meant, query)
        ):
            product = meant.products[0]
        else:
            product = _in_company(query, asked, picked, common)  # type: ignore[assignment]
        if product is not None and product.pk not in {p.pk for p in picked}:
            picked.append(product)
    if len(picked) == 1 and asked.focus and picked[0].pk not in asked.focus:
        before = Product.objects.filter(pk=asked.focus[0]).prefetch_related("variants").first()
        if before:
            picked.insert(0, before)
    if len(picked) < 2 and 2 <= len(common.hits) <= 3 and common.is_named:
        picked = common.products
    if len(picked) < 2 and len(asked.focus) >= 2 and asked.has_pronoun:
        picked = list(Product.objects.filter(pk__in=asked.focus[:2]).prefetch_related("variants"))
    return goods.compare(picked, asked) if len(picked) >= 2 else None


_COMPARING = words("""
разница отличие отличаться отличать различие различаться сравнить сравнение лучше хороший выбрать
difference differ compare comparison better choose between
""")


def _is_named_enough(meant: goods.Meant, query: Query) -> bool:
    return meant.coverage >= 0.5


def _in_company(
    query: Query, asked: Asked, picked: list[Product], common: goods.Meant
) -> Product | None:
    """ "Тропа Лайт и Лайт 2", "мини и миди": a side that leans on the words of the other."""
    own = [t for t in query.terms if not t.is_weak]
    if not own:
        return None
    whole = [t for t in asked.query.terms if not t.is_weak]
    best: tuple[float, float, Product] | None = None
    from bots.retrieval.ranking import fill, find

    for hit in fill(find(asked.query, "product")[:12], asked.lang):
        product = hit.product
        if product.pk in {p.pk for p in picked}:
            continue
        mine = _named_by(product, own)
        if mine <= 0:
            continue
        rank = (mine, _named_by(product, whole) - 0.05 * len(goods.title_words(product)))
        if best is None or rank > best[:2]:
            best = (*rank, product)
    return best[2] if best else None


# ── The end ──────────────────────────────────────────────────────────────────────────────────
def _finish(part: Part, lang: str) -> Answer:
    """Check every claim against the records; what cannot be proven is not said."""
    claims: tuple[Any, ...] = ()
    if part.records and part.decision in (Decision.ANSWER, Decision.CLARIFY):
        bound, unbound = check_claims(part.text, part.records)
        if unbound:
            log.warning("an answer is not proven: %s", ", ".join(c.kind for c in unbound))
            return Answer(
                say("refuse", lang),
                lang,
                Decision.REFUSE,
                Reason.CHECK,
                buttons=(texts.say(texts.CALL_PERSON, lang),),
                memory={"offered": True},
            )
        claims = tuple(bound)
    memory = dict(part.memory)
    buttons = list(dict.fromkeys(part.buttons))
    if part.decision == Decision.REFUSE and not buttons:
        buttons = [texts.say(texts.CALL_PERSON, lang)]
    return Answer(
        part.text,
        lang,
        part.decision,
        str(part.reason),
        sources=tuple(part.sources),
        claims=claims,
        buttons=tuple(buttons),
        cards=tuple(part.cards),
        memory=memory,
        confidence=round(max(0.0, min(part.confidence, 1.0)), 3),
    )
