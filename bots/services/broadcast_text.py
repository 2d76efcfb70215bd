"""What a broadcast says to one buyer: language, values, the law's marks, the way to refuse more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bots.channels.base import Button, ChannelManifest, Reply
from bots.channels.rendering import degraded, fits
from bots.models import Broadcast, Channel, Conversation, TemplateText
from bots.selectors.advertising import is_marked, marked
from bots.selectors.sendable import manifest_of
from bots.services.delivery import button_of
from bots.services.template_samples import SAMPLES
from bots.services.template_text import BrokenTemplate, buttons_shown, text_of, text_render
from bots.services.template_values import STRONG, order_values, shop_values
from integrations.models import Order
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of

# A broadcast speaks for the shop and to whom it does not talk just now: nothing of a product in
# focus, of a colleague, nothing to be typed.
ABOUT_BUYER = ("contact.name", "contact.first_name", "conversation.channel")
ABOUT_SHOP = ("shop.name", "shop.email")
ABOUT_ORDER = (
    "order.number", "order.status", "order.date", "order.eta", "order.sum", "order.service",
    "order.track", "order.address",
)  # fmt: skip
REFUSE_PAYLOAD = "unsubscribe:"
REFUSE = {"ru": "Отписаться", "en": "Unsubscribe"}
REFUSE_BY_WORD = {
    "ru": "Не присылать больше: ответьте «стоп».",
    "en": "Reply “stop” to get no more of these.",
}


@dataclass(frozen=True)
class Content:
    """`text` is empty where a value is unknown: `missing` names them."""

    text: str
    lang: str
    buttons: tuple[Any, ...] = ()
    files: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()


def variables_for(broadcast_kind: str, who: str) -> tuple[str, ...]:
    is_tied = who in ("orders", "requests")
    return (*ABOUT_BUYER, *ABOUT_SHOP, *(ABOUT_ORDER if is_tied else ()))


def source_of(broadcast: Broadcast, lang: str) -> tuple[str, str, list[Any], list[int]]:
    """The text in a language (else the shop's own, else any), that language, buttons and files."""
    if broadcast.template is not None:
        found = text_of(broadcast.template, lang)
        return (
            found.text, found.lang, list(broadcast.template.buttons or ()),
            list(broadcast.template.attachments or ()),
        )  # fmt: skip
    texts = {key: text for key, text in broadcast.texts.items() if str(text).strip()}
    own = merchant_of(current_schema()).language
    chosen = next((one for one in (lang, own, *sorted(texts)) if one in texts), "")
    return texts.get(chosen, ""), chosen or lang, list(broadcast.buttons), list(broadcast.files)


def content_for(broadcast: Broadcast, conversation: Conversation, order: Order | None) -> Content:
    """For one buyer, with what may be told to them."""
    lang = conversation.language
    values = values_of(conversation)
    if order is not None:
        proofs = set(conversation.contact.identities.values_list("proof", flat=True))
        values |= order_values(order, lang, only_status=not proofs & STRONG)
    return content(broadcast, lang, values)


def values_of(conversation: Conversation) -> dict[str, str]:
    name = conversation.contact.name
    return {
        "contact.name": name,
        "contact.first_name": name.split(" ")[0] if name else "",
        "conversation.channel": conversation.channel.name,
        **shop_values(),
    }


def content(broadcast: Broadcast, lang: str, values: Mapping[str, str]) -> Content:
    text, lang, buttons, files = source_of(broadcast, lang)
    rendered = text_render(TemplateText(lang=lang, text=text), values)
    return Content(
        text=rendered.text,
        lang=lang,
        buttons=tuple(buttons_shown(buttons)),
        files=tuple(files),
        missing=(*rendered.missing, *rendered.asks),
    )


def dressed(broadcast: Broadcast, said: Content, manifest: ChannelManifest) -> Content:
    """As this channel gets it: advertising with its marks and the way to refuse more."""
    if not broadcast.is_advertising:
        return said
    text = marked(said.text, broadcast.ad) if is_marked() else said.text
    words = "en" if said.lang.startswith("en") else "ru"
    button = {"title": REFUSE[words], "payload": f"{REFUSE_PAYLOAD}{broadcast.pk or 0}"}
    with_button = (*said.buttons, button)
    if fits(tuple(button_of(one) for one in with_button), manifest):
        return Content(text, said.lang, with_button, said.files)
    return Content(f"{text}\n\n{REFUSE_BY_WORD[words]}", said.lang, said.buttons, said.files)


def shown(said: Content, manifest: ChannelManifest) -> tuple[str, tuple[Button, ...]]:
    """What the buyer sees of it there."""
    reply = Reply("", said.text, buttons=tuple(button_of(one) for one in said.buttons))
    seen = degraded(reply, manifest)
    return seen.text, seen.buttons


def languages_of(broadcast: Broadcast) -> Sequence[str]:
    if broadcast.template is not None:
        return sorted(one.lang for one in broadcast.template.texts.all())
    return sorted(lang for lang, text in broadcast.texts.items() if str(text).strip())


@dataclass(frozen=True)
class Preview:
    """As one channel shows it in one language, with values of an invented buyer."""

    channel: int
    channel_name: str
    lang: str
    text: str
    buttons: tuple[Button, ...]
    size: int
    limit: int
    faults: tuple[str, ...] = ()


def previews(broadcast: Broadcast, channels: Sequence[Channel]) -> list[Preview]:
    """In every language and channel; what cannot be read yet comes with its faults."""
    found = []
    for lang in languages_of(broadcast):
        sample = {**SAMPLES["en" if lang.startswith("en") else "ru"], **shop_values()}
        for channel in channels:
            manifest = manifest_of(channel)
            if manifest is None:
                continue
            values = {**sample, "conversation.channel": channel.name}
            try:
                said = dressed(broadcast, content(broadcast, lang, values), manifest)
            except BrokenTemplate as broken:
                faults = tuple(broken.faults)
                found.append(Preview(channel.pk, channel.name, lang, "", (), 0, 0, faults))
                continue
            text, buttons = shown(said, manifest)
            found.append(
                Preview(
                    channel.pk, channel.name, lang, text, buttons,
                    manifest.text_unit.size(text), manifest.text_limit,
                )
            )  # fmt: skip
    return found
