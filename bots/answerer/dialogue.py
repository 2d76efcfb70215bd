"""One turn: what is wanted, which questions it holds, and the finished answer."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

from bots.answerer import intents, orders, persons
from bots.answerer.comparing import named_by
from bots.answerer.finding import answer_question, merged, remember
from bots.answerer.goods import answer_one
from bots.answerer.listing import ask_back
from bots.answerer.naming import Meant, is_attribute, resolve
from bots.answerer.part import Asked, Part
from bots.answerer.phrases import say
from bots.engine import texts
from bots.engine.base import Answer, Decision, Reason, Turn
from bots.engine.facts import check_claims
from bots.retrieval.query import Query, understand
from bots.retrieval.repair import ENGLISH
from bots.retrieval.text import fold, words
from bots.retrieval.vocabulary import Vocabulary, vocabulary
from integrations.models import Product

log = logging.getLogger(__name__)


QUESTIONS = 3  # of one message


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


_TOPICS: dict[str, re.Pattern[str]] = {
    "complaint": re.compile(r"(?!)"),  # read by persons.is_complaint
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
    if persons.wants_person(query.text, query.lemmas) or (
        memory.get("offered") and persons.is_yes(query.text)
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
    if persons.is_complaint(query.text):
        return _hand_over(Reason.COMPLAINT, lang)
    for topic in turn.bot.get("handover_topics") or ():
        if _is_topic(str(topic), query):
            return _hand_over(Reason.POLICY, lang)
    if persons.is_abuse(query.text) and sum(t.is_present for t in query.terms) < 2:
        return _hand_over(Reason.ABUSE, lang)
    if (
        orders.is_about_order(query.text, memory)
        or orders.is_order_follow_up(query.text, memory)
        or orders.own_number(query.text, turn.asker)
    ):
        if turn.is_public:
            return Part(say("order_public", lang), reason="small_talk")
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


def _answer_all(
    text: str, turn: Turn, memory: dict[str, Any], lang: str, words_known: Vocabulary
) -> Part:
    chosen = _chosen_option(text, memory, lang, words_known)
    if chosen is not None:
        return chosen
    questions = _questions(text, words_known, turn.lang)
    parts: list[tuple[str, Part]] = []
    for question in questions[:QUESTIONS]:
        part = answer_question(question, turn, memory, lang, words_known)
        memory = {**memory, **part.memory}
        parts.append((question, part))
    if len(parts) == 1 and parts[0][1].decision == Decision.REFUSE:
        if (last := _question_alone(questions[0], words_known, lang)) != questions[0]:
            part = answer_question(last, turn, dict(turn.memory), lang, words_known)
            if part.decision == Decision.ANSWER:
                return part
        if named := _of_what_was_named(text, turn, lang, words_known):
            return named
    if len(parts) > 1 and all(p.decision == Decision.REFUSE for _, p in parts):
        # Cut apart nothing fits; whole it may.
        part = answer_question(" ".join(questions), turn, dict(turn.memory), lang, words_known)
        if part.decision != Decision.REFUSE:
            return part
    return _joined(parts, lang)


def _questions(text: str, words_known: Vocabulary, lang: str) -> list[str]:
    """Questions of a message; pieces without a matter of their own stay with their neighbour."""
    repaired = understand(text, words_known, lang).text
    pieces = intents.split_questions(
        intents.without_greeting(repaired), is_compared=intents.wish(repaired).compare
    )
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


def _of_what_was_named(text: str, turn: Turn, lang: str, words_known: Vocabulary) -> Part | None:
    """ "Муж увидел куртку «Маяк» и просит такую же, сколько она стоит?": the jacket's price."""
    clauses = [one for one in _CLAUSE_ENDS.split(intents.without_greeting(text)) if one.strip()]
    asking = next((one for one in reversed(clauses) if intents.is_question(one)), "")
    if len(clauses) < 2 or not intents.has_pronoun(asking):
        return None
    beside = " ".join(one for one in clauses if one is not asking)
    before = understand(beside, words_known, lang)
    meant = resolve(Asked(before, intents.wish(beside), lang, {}))
    if len(meant.hits) != 1 or not meant.is_named:
        return None
    product = meant.products[0]
    named = {"focus": [product.pk], "kind": "product", "product_name": product.name}
    part = answer_question(asking, turn, {**turn.memory, **named}, lang, words_known)
    return part if part.decision == Decision.ANSWER else None


_CLAUSE_ENDS = re.compile(r"[,.;!?)\n]+\s*")


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
        scored = [(named_by(product, terms), product) for product in products]
        best = max(score for score, _ in scored)
        if best <= 0:
            return None
        left = [product for score, product in scored if score >= best - 1e-9]
        if len(left) > 1 and len(left) < len(products):
            exact = [p for p in left if fold(p.name) == fold(text)]
            left = exact or left
    pending = understand(str(memory.get("pending") or ""), words_known, lang)
    wish = intents.wish(f"{pending.text} {query.text}")
    asked = Asked(merged(query, pending, 1.0), wish, lang, memory)
    if len(left) > 1:
        return ask_back(left, asked) if len(left) < len(products) else None
    meant = Meant([], True, set(), 1.0, [], is_focus=True)
    unsaid = [t for t in asked.query.terms if is_attribute(t) or not named_by(left[0], [t])]
    asked.query.terms = unsaid
    part = answer_one(left[0], asked, meant) or answer_one(
        left[0], replace(asked, query=replace(asked.query, terms=[])), meant
    )
    return remember(part, asked, pending.text) if part else None


_ORDINALS = (
    (1, words("первый первая первое первую 1 first")),
    (2, words("второй вторая второе вторую 2 second")),
    (3, words("третий третья третье третью 3 third")),
)


def _ordinal(text: str) -> int:
    said = fold(text).strip(" .!)")
    return next((number for number, names in _ORDINALS if said in names), 0)


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
