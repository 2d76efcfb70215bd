"""Prepared replies: variables, triggers, schedule.

The language is ours and tiny: `{{contact.name}}`, `{{contact.name|друг}}` (said when the value is
unknown) and `{{ask: new date}}` (typed by the agent). There are no attributes, calls or tags to
reach anything else by. A name we do not know is an error for the author; a value that is missing
keeps the whole text from a buyer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.engine.base import Answer, Claim, Decision, Source, Turn
from bots.models import Attachment, Conversation, Template, TemplateText
from bots.retrieval.morphology import analyse
from bots.retrieval.text import tokens
from bots.retrieval.text import words as fold_words
from bots.selectors.calendars import opening
from bots.selectors.files import sendable
from bots.services.template_intents import INTENTS
from integrations.models import Order, Variant
from integrations.native.orders import orders_by_owner
from tenants.kernel.context import current_schema
from tenants.kernel.forms import is_web_address
from tenants.kernel.phones import phone_normalised
from tenants.selectors.hosts import brand_of, merchant_of
from tenants.workspace.models import StoredFile, User

TEXT_LIMIT, PHRASES_LIMIT, BUTTONS_LIMIT, FILES_LIMIT = 4_000, 50, 10, 10

VARIABLES = {
    "contact.name": gettext_lazy("buyer's name"),
    "contact.first_name": gettext_lazy("buyer's first name"),
    "contact.phone": gettext_lazy("buyer's phone"),
    "contact.email": gettext_lazy("buyer's e-mail"),
    "order.number": gettext_lazy("order number"),
    "order.status": gettext_lazy("order status"),
    "order.sum": gettext_lazy("order sum"),
    "order.date": gettext_lazy("when it was ordered"),
    "order.service": gettext_lazy("delivery service"),
    "order.track": gettext_lazy("track number"),
    "order.eta": gettext_lazy("expected delivery"),
    "order.address": gettext_lazy("delivery address"),
    "product.name": gettext_lazy("product"),
    "product.price": gettext_lazy("price"),
    "product.old_price": gettext_lazy("old price"),
    "product.url": gettext_lazy("product page"),
    "product.stock": gettext_lazy("pieces in stock"),
    "product.vendor": gettext_lazy("brand"),
    "product.sku": gettext_lazy("vendor code"),
    "conversation.id": gettext_lazy("dialogue number"),
    "conversation.channel": gettext_lazy("channel"),
    "shop.name": gettext_lazy("shop"),
    "shop.email": gettext_lazy("shop's e-mail"),
    "agent.name": gettext_lazy("colleague's name"),
}

_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"([a-z]+\.[a-z_]+)(?:\s*\|\s*([^{}|]{0,80}))?")
_ASK = re.compile(r"ask(?:\s*:\s*|\.)([^{}|]{1,60})")


@dataclass(frozen=True)
class Piece:
    """Literal text, a variable, or a value to ask for. `label` is what is asked."""

    kind: str  # text | variable | ask
    text: str
    default: str | None = None


@dataclass(frozen=True)
class Rendered:
    """`text` is empty unless everything is known; `draft` shows gaps for the agent as ⟦…⟧."""

    text: str
    draft: str
    lang: str
    asks: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    buttons: tuple[Mapping[str, str], ...] = ()
    attachments: tuple[int, ...] = ()

    @property
    def is_ready(self) -> bool:
        return not self.asks and not self.missing


class BrokenTemplate(ValueError):
    """The author's mistakes, one sentence each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = list(faults)


# ── The language ─────────────────────────────────────────────────────────────────────────────
@lru_cache(maxsize=2048)
def _parse(text: str) -> tuple[tuple[Piece, ...], tuple[tuple[str, str], ...]]:
    """Pieces, and faults as (code, what): words are given where the language is known."""
    pieces: list[Piece] = []
    faults: list[tuple[str, str]] = []
    end = 0

    def literal(part: str) -> None:
        if part:
            pieces.append(Piece("text", part))
        if "{{" in part or "}}" in part:
            faults.append(("braces", ""))

    for match in _BRACES.finditer(text):
        literal(text[end : match.start()])
        end = match.end()
        inner = " ".join(match[1].split())
        if named := _NAME.fullmatch(inner):
            if named[1] in VARIABLES:
                default = None if named[2] is None else named[2].strip()
                pieces.append(Piece("variable", named[1], default))
                continue
            if named[1].startswith("ask.") and named[2] is None:
                pieces.append(Piece("ask", named[1].removeprefix("ask.").replace("_", " ")))
                continue
        elif asked := _ASK.fullmatch(inner):
            pieces.append(Piece("ask", asked[1].strip()))
            continue
        faults.append(("unknown", inner[:60]))
    literal(text[end:])
    if "\x00" in text:
        faults.append(("nul", ""))
    return tuple(pieces), tuple(faults)


def template_parse(text: str) -> tuple[Piece, ...]:
    """Raises BrokenTemplate, naming every fault at once."""
    pieces, faults = _parse(text)
    if faults:
        raise BrokenTemplate([_fault(code, what) for code, what in dict.fromkeys(faults)])
    return pieces


def _fault(code: str, what: str) -> str:
    if code == "braces":
        return _("Braces do not match: a variable is written {{contact.name}}.")
    if code == "nul":
        return _("The text has a character that cannot be kept (NUL): remove it.")
    near = _nearest(what)
    if near:
        return _("There is no variable “%(what)s”. Did you mean “%(near)s”?") % {
            "what": what,
            "near": near,
        }
    return _("There is no variable “%s”.") % what


def _nearest(what: str) -> str:
    from rapidfuzz import process

    found = process.extractOne(what.split("|")[0].strip().lower(), VARIABLES.keys())
    return found[0] if found and found[1] >= 75 else ""


def variables_of(text: str) -> list[str]:
    """Names used, in order, once each; asked-for values as `ask: …`."""
    names = [
        f"ask: {piece.text}" if piece.kind == "ask" else piece.text
        for piece in template_parse(text)
        if piece.kind != "text"
    ]
    return list(dict.fromkeys(names))


def template_render(
    template: Template,
    lang: str,
    context: Mapping[str, str | None],
    asked: Mapping[str, str] | None = None,
) -> Rendered:
    """The text in `lang` (else the shop's language, else any) with values put in: `text_render`."""
    return replace(
        text_render(_text_of(template, lang), context, asked),
        buttons=tuple(template.buttons or ()),
        attachments=tuple(template.attachments or ()),
    )


def text_render(
    found: TemplateText,
    context: Mapping[str, str | None],
    asked: Mapping[str, str] | None = None,
) -> Rendered:
    """One text with values put in.

    `context`: variable → value; empty means unknown. `asked`: label → what the agent typed.
    Raises BrokenTemplate for a text that should never have been saved.
    """
    asked = asked or {}
    ready, draft, asks, missing = [], [], [], []
    for piece in template_parse(found.text):
        if piece.kind == "text":
            value: str | None = piece.text
        elif piece.kind == "ask":
            value = _flat(asked.get(piece.text))
            if not value:
                asks.append(piece.text)
        else:
            value = _flat(context.get(piece.text))
            if not value and piece.default is not None:
                value = piece.default
            elif not value:
                value = None
                missing.append(piece.text)
        gap = VARIABLES.get(piece.text, piece.text)
        ready.append(value or "")
        draft.append(value if value is not None and (value or piece.kind != "ask") else f"⟦{gap}⟧")
    is_ready = not asks and not missing
    return Rendered(
        text=_apart(_tidy("".join(ready))) if is_ready else "",
        draft=_apart(_tidy("".join(draft))),
        lang=found.lang,
        asks=tuple(dict.fromkeys(asks)),
        missing=tuple(dict.fromkeys(missing)),
    )


def _flat(value: object) -> str:
    """A value is one line of text."""
    text = re.sub(
        r"[ \t\r\n\v\f\x85\u2028\u2029]+", " ", "" if value is None else str(value)
    ).strip()
    return text[:500]


def _apart(text: str) -> str:
    """Values are never markup of ours, nor are a value and what stands beside it."""
    return re.sub(r"(?<=\{)(?=\{)|(?<=\})(?=\})", " ", text)


def _tidy(text: str) -> str:
    """Punctuation left alone by an empty default: `Здравствуйте, !` → `Здравствуйте!`."""
    text = re.sub(r"[ \t]*,[ \t]*(?=[.!?])", "", text)
    text = re.sub(r"[ \t]+(?=[.!?,](?:\s|$))", "", text)
    return re.sub(r"[ \t]{2,}", " ", text).strip()


def _text_of(template: Template, lang: str) -> TemplateText:
    texts = {one.lang: one for one in template.texts.all()}
    if not texts:
        raise BrokenTemplate([_("The template has no text.")])
    own = merchant_of(current_schema()).language
    return texts.get(lang) or texts.get(own) or texts[sorted(texts)[0]]


# ── Values ───────────────────────────────────────────────────────────────────────────────────
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


def _turn_values(turn: Turn, names: Iterable[str]) -> tuple[dict[str, str], list[Source]]:
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


# ── Triggers ─────────────────────────────────────────────────────────────────────────────────
_PHRASE_SHARE = 0.6
_FILLERS = fold_words(
    "а и же ли бы вы я у в на по ну это какой пожалуйста здравствуйте добрый день вечер привет "
    "to a i you please the"
)


def _lemmas(text: str) -> list[str]:
    """Best lemma of every word, fillers dropped unless nothing else is said."""
    found = [(t.text, analyse(t.text).lemma if not t.is_number else t.text) for t in tokens(text)]
    kept = [lemma for word, lemma in found if not {word, lemma} & _FILLERS]
    return kept or [lemma for _word, lemma in found]


@lru_cache(maxsize=4096)
def _phrase(text: str) -> tuple[str, ...]:
    return tuple(_lemmas(text))


def matches(question: Sequence[str], phrase: str) -> float:
    """How much of the question the phrase is, 0 where it is not all in it, in order."""
    words = _phrase(phrase)
    if not words or not question:
        return 0.0
    place = iter(question)
    if not all(any(word == other for other in place) for word in words):
        return 0.0
    return len(words) / len(question)


def triggered(turn: Turn) -> Answer | None:
    """The template that answers this turn, if one does. Nothing is counted or stored here."""
    if not turn.question.strip() or len(turn.question) > 400:
        return None
    question = _lemmas(turn.question)
    templates = [t for t in _with_triggers() if is_on_schedule(t, turn.now)]
    scored = [(_score(template, question), template) for template in templates]
    for score, template in sorted(scored, key=lambda one: -one[0]):
        if score < _PHRASE_SHARE:
            return None
        if (answer := _answer(template, turn)) is not None:
            return answer
    return None


def _with_triggers() -> Iterable[Template]:
    # By hand, once a question: most shops have few of these and most questions meet none.
    return Template.objects.raw(
        "SELECT id, code, name, intents, phrases, buttons, attachments, schedule "
        "FROM bots_template WHERE is_active "
        "AND (phrases <> '[]'::jsonb OR intents <> '[]'::jsonb) ORDER BY id"
    )


def _score(template: Template, question: Sequence[str]) -> float:
    phrases = list(template.phrases or ())
    for intent in template.intents or ():
        phrases += INTENTS.get(intent, ())
    return max(
        (matches(question, phrase) for phrase in phrases if isinstance(phrase, str)), default=0
    )


def _answer(template: Template, turn: Turn) -> Answer | None:
    """None when a value is missing: then the question goes on to the other ways of answering."""
    try:
        names = variables_of(_text_of(template, turn.lang).text)
        values, sources = _turn_values(turn, names)
        rendered = template_render(template, turn.lang, values)
    except BrokenTemplate:
        return None
    if not rendered.is_ready or not rendered.text:
        return None
    return Answer(
        text=rendered.text,
        lang=rendered.lang,
        decision=Decision.ANSWER,
        reason="template",
        sources=(Source("template", template.pk, template.code, template.name), *sources),
        claims=tuple(
            Claim(values[name], name.partition(".")[2], values[name], f"{s.kind}:{s.external_id}")
            for name in names
            for s in sources
            if name.startswith(f"{s.kind}.") and values.get(name)
        ),
        buttons=tuple(buttons_shown(rendered.buttons)),
        provider="template",
        confidence=1.0,
        template_id=template.pk,
    )


def buttons_shown(buttons: Sequence[Mapping[str, str]]) -> list[str | dict[str, str]]:
    """Buttons as an answer carries them: a title to say, or a title and the page it opens."""
    return [
        {"title": one["title"], "url": one["url"]}
        if is_link(one.get("url", ""))
        else str(one["title"])
        for one in buttons
        if one.get("title")
    ]


def is_link(url: str) -> bool:
    """An address every channel takes: http(s), a real host name, nothing odd inside."""
    if len(url) > 500 or not url.isprintable() or set(url) & set(" \"'<>\\`{}"):
        return False
    return is_web_address(url) and "." in (urlsplit(url).hostname or "").strip(".")


def is_on_schedule(template: Template, now: datetime) -> bool:
    """`{"from", "to": dates, "weekdays": [0…6], "only": "open" | "closed"}`, shop's time."""
    schedule = template.schedule or {}
    if not schedule:
        return True
    zone = merchant_of(current_schema()).time_zone
    today = now.astimezone(ZoneInfo(zone)).date()
    if (start := schedule.get("from")) and today.isoformat() < start:
        return False
    if (end := schedule.get("to")) and today.isoformat() > end:
        return False
    if (days := schedule.get("weekdays")) and today.weekday() not in days:
        return False
    if only := schedule.get("only"):
        return opening(now, zone)[0] == (only == "open")
    return True


def template_sent(template_id: int, message_id: int | None = None) -> None:
    """Count a use and attach the files; inside the transaction that writes the reply."""
    found = Template.objects.filter(pk=template_id).first()
    if found is None:
        return
    Template.objects.filter(pk=template_id).update(used=F("used") + 1, used_at=timezone.now())
    if message_id is None:
        return
    for stored in StoredFile.objects.filter(pk__in=found.attachments or ()):
        kind = "image" if stored.mime.startswith("image/") else "file"
        Attachment.objects.create(
            message_id=message_id, file=stored, kind=kind, name=stored.name[:200]
        )


# ── Saving ───────────────────────────────────────────────────────────────────────────────────
@dataclass
class _Faults:
    by_field: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, message: str) -> None:
        self.by_field.setdefault(name, []).append(message)


def template_clean(data: Mapping[str, Any]) -> dict[str, Any]:
    """Check what an author wrote. Raises ValidationError by field, every fault at once."""
    faults = _Faults()
    clean = dict(data)
    if "texts" in data:
        clean["texts"] = _clean_texts(data["texts"], faults)
    if "phrases" in data:
        clean["phrases"] = _clean_phrases(data["phrases"], faults)
    if "intents" in data:
        unknown = [str(one) for one in data["intents"] if one not in INTENTS]
        if unknown:
            faults.add("intents", _("There is no intent “%s”.") % "”, “".join(unknown))
    if "buttons" in data:
        clean["buttons"] = _clean_buttons(data["buttons"], faults)
    if "schedule" in data:
        clean["schedule"] = _clean_schedule(data["schedule"] or {}, faults)
    if "attachments" in data:
        ids = [one for one in data["attachments"] if isinstance(one, int)]
        known = set(sendable().filter(pk__in=ids).values_list("pk", flat=True))
        if len(known) != len(data["attachments"]) or len(known) > FILES_LIMIT:
            faults.add("attachments", _("A file of the list is not there."))
    if faults.by_field:
        raise ValidationError(faults.by_field)
    return clean


def _clean_texts(texts: Mapping[str, str], faults: _Faults) -> dict[str, str]:
    clean = {lang: text.strip() for lang, text in texts.items() if text.strip()}
    if not clean:
        faults.add("texts", _("Write the text in at least one language."))
    for lang, text in clean.items():
        if not re.fullmatch(r"[a-z]{2,3}", lang):
            faults.add("texts", _("“%s” is not a language code.") % lang[:20])
        if len(text) > TEXT_LIMIT:
            faults.add("texts", _("A text is longer than %s characters.") % TEXT_LIMIT)
        try:
            template_parse(text)
        except BrokenTemplate as exc:
            for fault in exc.faults:
                faults.add("texts", f"{lang}: {fault}")
    return clean


def _clean_phrases(phrases: Sequence[str], faults: _Faults) -> list[str]:
    clean = list(dict.fromkeys(" ".join(str(one).split()) for one in phrases))
    clean = [one for one in clean if one]
    if len(clean) > PHRASES_LIMIT or any(len(one) > 200 for one in clean):
        faults.add(
            "phrases", _("At most %s phrases of at most 200 characters each.") % PHRASES_LIMIT
        )
    for one in clean:
        if not _phrase(one):
            faults.add("phrases", _("“%s” holds no word.") % one[:40])
    return clean


def _clean_buttons(buttons: Sequence[Any], faults: _Faults) -> list[dict[str, str]]:
    clean = []
    for one in buttons:
        one = {"title": one} if isinstance(one, str) else one
        title = " ".join(str(one.get("title", "")).split()) if isinstance(one, Mapping) else ""
        if not title or len(title) > 64:
            faults.add("buttons", _("A button needs a title of at most 64 characters."))
            continue
        url = str(one.get("url") or "").strip()
        if url and not is_link(url):
            faults.add(
                "buttons", _("A button's address is a whole one, like https://shop.ru/size.")
            )
        clean.append({"title": title, **({"url": url} if url else {})})
    if len(clean) > BUTTONS_LIMIT:
        faults.add("buttons", _("At most %s buttons.") % BUTTONS_LIMIT)
    return clean


def _clean_schedule(schedule: Mapping[str, Any], faults: _Faults) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for name in ("from", "to"):
        if value := schedule.get(name):
            try:
                clean[name] = date.fromisoformat(str(value)).isoformat()
            except ValueError:
                faults.add("schedule", _("“%s” is not a date like 2026-12-01.") % value)
    if "from" in clean and "to" in clean and clean["from"] > clean["to"]:
        faults.add("schedule", _("The first day is after the last."))
    if days := schedule.get("weekdays"):
        if not isinstance(days, list) or not all(one in range(7) for one in days):
            faults.add("schedule", _("Weekdays are numbers: 0 is Monday, 6 is Sunday."))
        else:
            clean["weekdays"] = sorted(set(days))
    if only := schedule.get("only"):
        if only not in ("open", "closed"):
            faults.add("schedule", _("“only” is open or closed."))
        clean["only"] = only
    return clean


TEMPLATE_FIELDS = (
    "code", "name", "category", "intents", "phrases", "buttons", "attachments", "schedule",
    "is_active",
)  # fmt: skip


def template_save(data: Mapping[str, Any], *, template: Template | None = None) -> Template:
    """Create or change a template. `data`: TEMPLATE_FIELDS and `texts` {lang: text}.

    Raises ValidationError by field.
    """
    clean = template_clean(data)
    if template is None and "texts" not in clean:
        raise ValidationError({"texts": [_("Write the text in at least one language.")]})
    with transaction.atomic():
        template = template or Template()
        for name in TEMPLATE_FIELDS:
            if name in clean:
                setattr(template, name, clean[name])
        template.full_clean()
        template.save()
        if "texts" in clean:
            template.texts.exclude(lang__in=clean["texts"]).delete()
            for lang, text in clean["texts"].items():
                TemplateText.objects.update_or_create(
                    template=template, lang=lang, defaults={"text": text}
                )
    return template
