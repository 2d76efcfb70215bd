"""A reply as Cloud API's messages. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bots.channels.base import Button, Call, File, Reply, split_places, split_text
from bots.channels.rendering import card_text

TEXT, CAPTION, BODY = 4096, 1024, 1024
BUTTONS, BUTTON_TITLE, BUTTON_ID = 3, 20, 256
ROWS, ROW_TITLE, ROW_ID = 10, 24, 200
PRODUCTS = 30
# Kinds and sizes WhatsApp shows as such; anything else goes as a document.
_SHOWN = {
    "image": ({"image/jpeg", "image/png"}, 5),
    "voice": (
        {"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/opus"}, 16,
    ),
    "video": ({"video/mp4", "video/3gpp"}, 16),
}  # fmt: skip
_TYPES = {"image": "image", "voice": "audio", "video": "video"}
# A business-scoped id: the country's two letters, perhaps ENT, and letters and digits.
_SCOPED = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_CATALOGUE = re.compile(r"https://wa\.me/c/\d+/?")
# Ours is **bold**, WhatsApp's *bold*; neither goes past the end of a line.
_BOLD = re.compile(r"\*\*(\S(?:[^\n]*?\S)?)\*\*")
_CYRILLIC = re.compile("[А-Яа-яЁё]")
_WORDS = {
    "ru": {"choose": "Выбрать", "ask": "Выберите:", "goods": "Товары"},
    "en": {"choose": "Choose", "ask": "Please choose:", "goods": "Goods"},
}


def calls_of(reply: Reply, *, catalogue: str = "") -> list[Call]:
    """Files first, then goods, then text with what can be chosen under its last part."""
    if reply.template:
        return [_template(reply)]
    calls = []
    text, files = _BOLD.sub(r"*\1*", reply.text), reply.files
    captioned = (
        len(files) == 1 and text and len(text) <= CAPTION and not reply.buttons and not reply.cards
        and file_type(files[0]) != "audio"
    )  # fmt: skip
    for file in files:
        calls.append(_file(reply, file, text if captioned else ""))
    if captioned:
        return calls
    cards, plain = _sorted_cards(reply, catalogue)
    text = "\n\n".join(filter(None, [text, *(card_text(card) for card in plain)]))
    if cards:
        links = [button for button in reply.buttons if button.url]
        rest = tuple(button for button in reply.buttons if not button.url)
        parts = split_text(text, TEXT)
        *before, body = parts or [_words(text)["goods"]]
        if len(body) > BODY:
            before, body = [*before, body], _words(text)["goods"]
        calls += [_text(reply, part) for part in before]
        calls.append(_goods(reply, body, cards, catalogue, links))
        links = [button for button in links if not _CATALOGUE.fullmatch(button.url)]
        if rest or links:
            calls += _chosen(reply, _words(text)["ask"] if rest else "", (*rest, *links))
        return _quoting(reply, calls)
    return _quoting(reply, calls + _chosen(reply, text, reply.buttons))


def _chosen(reply: Reply, text: str, buttons: tuple[Button, ...]) -> list[Call]:
    """A text in parts; buttons, a list or a link under the last."""
    choices = [button for button in buttons if not button.url]
    links = [button for button in buttons if button.url]
    is_link = len(links) == 1 and not choices and len(links[0].title) <= BUTTON_TITLE
    if links and not is_link:
        text = "\n".join(filter(None, [text, *(f"{one.title}: {one.url}" for one in links)]))
    if not choices and not is_link:
        return [_text(reply, part) for part in split_text(text, TEXT)]
    head, body = _last(text)
    words = _words(text or " ".join(button.title for button in buttons))
    body = body or words["ask"]
    if is_link:
        shown = {"display_text": links[0].title, "url": links[0].url}
        action: dict[str, Any] = {"name": "cta_url", "parameters": shown}
        kind = "cta_url"
    elif len(choices) <= BUTTONS and all(len(one.title) <= BUTTON_TITLE for one in choices):
        kind = "button"
        action = {
            "buttons": [
                {"type": "reply", "reply": {"id": ident, "title": title}}
                for ident, title in _named(choices, BUTTON_ID)
            ]
        }
    else:
        kind = "list"
        rows = [{"id": i, "title": t} for i, t in _named(choices[:ROWS], ROW_ID)]
        action = {"button": words["choose"], "sections": [{"rows": rows}]}
    interactive = {"type": kind, "body": {"text": body}, "action": action}
    return [
        *(_text(reply, part) for part in split_text(head, TEXT)),
        _call(reply, "interactive", interactive),
    ]


def _named(choices: list[Button], limit: int) -> list[tuple[str, str]]:
    """Ids and titles; an id that is there twice is refused, so the second is told apart."""
    named: list[tuple[str, str]] = []
    for button in choices:
        ident = (button.payload or button.title)[:limit]
        if any(ident == other for other, _title in named):
            ident = f"{ident[: limit - 4]}#{len(named)}"
        named.append((ident, button.title))
    return named


def _last(text: str) -> tuple[str, str]:
    """What goes before, and what fits into a message with buttons."""
    places = split_places(text, BODY)
    if not places:
        return "", ""
    start, end = places[-1]
    return text[:start], text[start:end]


def _sorted_cards(
    reply: Reply, catalogue: str
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Those WhatsApp knows from the catalogue, and those that are told in words."""
    if not catalogue:
        return [], list(reply.cards)
    known = [card for card in reply.cards if card.get("external_id")][:PRODUCTS]
    return known, [card for card in reply.cards if card not in known]


def _goods(
    reply: Reply, body: str, cards: list[Mapping[str, Any]], catalogue: str, links: list[Button]
) -> Call:
    """One product, several, or the whole catalogue where a button leads to it."""
    ids = [str(card["external_id"]) for card in cards]
    if any(_CATALOGUE.fullmatch(button.url) for button in links):
        interactive: dict[str, Any] = {
            "type": "catalog_message",
            "body": {"text": body},
            "action": {
                "name": "catalog_message",
                "parameters": {"thumbnail_product_retailer_id": ids[0]},
            },
        }
    elif len(ids) == 1:
        interactive = {
            "type": "product",
            "body": {"text": body},
            "action": {"catalog_id": catalogue, "product_retailer_id": ids[0]},
        }
    else:
        title = _words(body)["goods"]
        items = [{"product_retailer_id": ident} for ident in ids]
        interactive = {
            "type": "product_list",
            "header": {"type": "text", "text": title},
            "body": {"text": body},
            "action": {
                "catalog_id": catalogue,
                "sections": [{"title": title, "product_items": items}],
            },
        }
    call = _call(reply, "interactive", interactive)
    # Goods the catalogue does not have are refused: then they are told in words.
    instead = "\n\n".join([body, *(card_text(card) for card in cards)])
    return Call(call.method, call.data, {"instead": instead[:TEXT]})


def _text(reply: Reply, text: str) -> Call:
    return _call(reply, "text", {"body": text, "preview_url": "https://" in text})


def _file(reply: Reply, file: File, caption: str) -> Call:
    kind = file_type(file)
    call = _call(reply, kind, {"caption": caption} if caption else {})
    return Call(
        call.method, call.data, {"stored": file.stored_id, "name": file.name, "mime": file.mime}
    )


def file_type(file: File) -> str:
    """How WhatsApp is to show it: by kind, type and size."""
    mimes, megabytes = _SHOWN.get(file.kind, (set(), 0))
    if file.mime.partition(";")[0] not in mimes or (file.size or 0) > megabytes * 1024 * 1024:
        return "document"
    return _TYPES[file.kind]


def _template(reply: Reply) -> Call:
    """An approved template with its values; the platform knows the text."""
    values = [one_line(value) for value in reply.template.get("values", ())]
    body: dict[str, Any] = {
        "name": reply.template["name"],
        "language": {"policy": "deterministic", "code": reply.template["language"]},
    }
    if values:
        parameters = [{"type": "text", "text": value} for value in values]
        body["components"] = [{"type": "body", "parameters": parameters}]
    return _call(reply, "template", body)


def one_line(value: Any) -> str:
    """A value as a template takes it: no line ends, tabs or rows of blanks, never empty."""
    return " ".join(str(value).split()) or "–"


def _call(reply: Reply, kind: str, content: Mapping[str, Any]) -> Call:
    data: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **addressee(reply.chat),
        "type": kind,
        kind: dict(content),
    }
    if reply.message_id:
        data["biz_opaque_callback_data"] = f"message-{reply.message_id}"
    return Call("messages", data)


def addressee(chat: str) -> dict[str, str]:
    """Who hides the phone is written to by the business-scoped id."""
    return {"recipient": chat} if _SCOPED.fullmatch(chat) else {"to": chat}


def _quoting(reply: Reply, calls: list[Call]) -> list[Call]:
    if not reply.reply_to or not calls:
        return calls
    first, *rest = calls
    data = {**first.data, "context": {"message_id": reply.reply_to}}
    return [Call(first.method, data, first.files), *rest]


def _words(text: str) -> dict[str, str]:
    return _WORDS["ru" if _CYRILLIC.search(text) or not text else "en"]
