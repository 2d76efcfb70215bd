"""The language of prepared replies: what a text may say, and the text with values put in.

The language is ours and tiny: `{{contact.name}}`, `{{contact.name|друг}}` (said when the value is
unknown) and `{{ask: new date}}` (typed by the agent). There are no attributes, calls or tags to
reach anything else by. A name we do not know is an error for the author; a value that is missing
keeps the whole text from a buyer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.models import Template, TemplateText
from tenants.kernel.context import current_schema
from tenants.kernel.forms import is_web_address
from tenants.selectors.hosts import merchant_of

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
        text_render(text_of(template, lang), context, asked),
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


def text_of(template: Template, lang: str) -> TemplateText:
    texts = {one.lang: one for one in template.texts.all()}
    if not texts:
        raise BrokenTemplate([_("The template has no text.")])
    own = merchant_of(current_schema()).language
    return texts.get(lang) or texts.get(own) or texts[sorted(texts)[0]]


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
