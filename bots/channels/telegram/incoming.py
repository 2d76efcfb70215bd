"""Updates as what happened. Pure.

Source: https://core.telegram.org/bots/api (10.x), `Update`: one optional field says the kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext_noop

from bots.channels.base import (
    AccountChanged,
    BuyerDelete,
    BuyerEdit,
    BuyerMessage,
    File,
    Moved,
    Occurrence,
    OwnerEcho,
    Reachable,
    Reaction,
    Unsupported,
)
from bots.channels.telegram.chats import GROUPS, Chat, account_of, group_of

# Asked for by name: "message_reaction" comes to nobody who does not.
ALLOWED_UPDATES = [
    *("message", "edited_message", "callback_query", "my_chat_member", "message_reaction"),
    *("business_connection", "business_message", "edited_business_message"),
    "deleted_business_messages",
]
# "Allows replies only in chats that were active in the last 24 hours" (BusinessBotRights).
BUSINESS_WINDOW_S = 24 * 3600

_FILES = (
    ("photo", "image"),
    ("voice", "voice"),
    ("audio", "voice"),
    ("video", "video"),
    ("video_note", "video"),
    ("live_photo", "video"),
    ("animation", "video"),  # comes with a "document" of the same file
    ("document", "file"),
)
# What people send and only Telegram shows. Other kinds are its own notes (pins, changed titles).
_SHOWN_THERE = frozenset(
    {
        *("story", "rich_message", "checklist", "paid_media", "game", "giveaway", "gift"),
        *("unique_gift", "users_shared", "chat_shared", "web_app_data"),
    }
)
_ONLY_THERE = {
    "ru": "Сообщение, которое видно только в Telegram",
    "en": "A message that only Telegram can show",
}
# What every message has, whatever it holds.
_OF_ANY = frozenset(
    {"message_id", "date", "chat", "from", "reply_to_message", "business_connection_id"}
)
# Gone from a screen once its wish is fulfilled (bots.channels.telegram.keyboards).
PUT_AWAY = {"keyboard": "away"}

CONNECTED = gettext_noop("The bot answers in the account of its owner.")
MUTE = gettext_noop(
    "The bot may not answer in the owner's account: Telegram → Settings → Telegram Business → "
    "Chatbots → allow “Reply to messages”."
)
DISCONNECTED = gettext_noop("The owner has taken the bot out of their account.")


@dataclass(frozen=True)
class Me:
    """The bot, as far as an update has to be read with it. `groups`: it answers in them."""

    id: str
    username: str = ""
    language: str = "ru"
    groups: bool = True


def occurrences(update: dict[str, Any], me: Me) -> list[Occurrence]:
    """Raises Unsupported.

    Reads: message, edited_message and their business kind {message_id, date (Unix seconds, UTC),
    chat, from, text, caption, files, sticker, dice, poll, contact, location, venue, media_group_id,
    reply_to_message, business_connection_id, sender_business_bot, migrate_to_chat_id};
    deleted_business_messages {chat, message_ids}; business_connection {id, user, rights,
    is_enabled}; callback_query {id, data, message}; message_reaction {chat, message_id, user,
    new_reaction}; my_chat_member {chat, new_chat_member}.
    """
    for name in ("message", "business_message"):
        if message := update.get(name):
            return [_message(message, me)]
    for name in ("edited_message", "edited_business_message"):
        if edited := update.get(name):
            return [_edited(edited, me)]
    if deleted := update.get("deleted_business_messages"):
        at = Chat.of_message(deleted)
        return [BuyerDelete(at.ident(one), at.key) for one in deleted["message_ids"]]
    if connection := update.get("business_connection"):
        return _connection(connection)
    if query := update.get("callback_query"):
        return [_pressed(query)]
    if reaction := update.get("message_reaction"):
        return [_reaction(reaction)]
    if member := update.get("my_chat_member"):
        return [_membership(member)]
    raise Unsupported(", ".join(sorted(update.keys() - {"update_id"})))


def chat_of(update: dict[str, Any]) -> str:
    """Whose turn an update waits for. Those of another shape wait for nobody."""
    try:
        for key in (
            *("message", "edited_message", "business_message", "edited_business_message"),
            "deleted_business_messages",
        ):
            if inner := update.get(key):
                return Chat.of_message(inner).key
        if connection := update.get("business_connection"):
            return account_of(connection["id"])
        if query := update.get("callback_query"):
            return _place_of(query).key
        if reaction := update.get("message_reaction"):
            return _member(reaction["chat"], reaction.get("user", {})).key
        if member := update.get("my_chat_member"):
            return str(member["chat"]["id"])
    except (KeyError, TypeError, AttributeError, ValueError):
        pass
    return "other"


def is_overheard(update: dict[str, Any], me: Me) -> bool:
    """People talking to each other in a group: nothing of it is kept."""
    try:
        message = update.get("message") or update.get("edited_message")
        return bool(
            message
            and message["chat"]["type"] in GROUPS
            and "migrate_to_chat_id" not in message
            and not _is_for(message, me)
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        return False


def _message(message: dict[str, Any], me: Me) -> Occurrence:
    chat, at = message["chat"], Chat.of_message(message)
    kind = chat.get("type")
    if new := message.get("migrate_to_chat_id"):
        return Moved(group_of(at.id), group_of(new), is_all=True)
    if kind not in GROUPS and kind != "private":
        raise Unsupported(f"a message in a {kind}")
    if kind in GROUPS and not _is_for(message, me):
        raise Unsupported("said in a group, not to the bot")
    sender = message.get("from", chat)
    said_at = datetime.fromtimestamp(message["date"], UTC)
    files = tuple(_files(message))
    text, data = _said(message, me)
    if at.business and str(sender.get("id", "")) != at.id:
        # Only two are in such a chat; who is not the buyer is the account's owner.
        if "sender_business_bot" in message:
            raise Unsupported("our own message in the owner's account")
        return OwnerEcho(
            at.ident(message["message_id"]),
            at.key,
            text or "📎",
            said_at,
            begins=True,
            name=_name(chat),
        )
    text = _without_name(text, me) if at.member else text
    if not text and not files and not at.member:
        raise Unsupported(", ".join(sorted(message.keys() - _OF_ANY)) or "an empty message")
    is_start = text.split(" ")[0].split("@")[0] == "/start"
    if is_start and " " in text:
        data["deep_link"] = text.partition(" ")[2][:64]
    if at.member:
        data["thread"] = {"message": at.ident(message["message_id"])}
    elif at.is_own and data.get("wordless") in ("phone", "place"):
        data["thread"] = PUT_AWAY
    quoted = message.get("reply_to_message", {}).get("message_id", "")
    return BuyerMessage(
        external_id=at.ident(message["message_id"]),
        chat=at.key,
        # In a group the bot may be called by its name alone.
        text="/start" if is_start else text or ("" if files else "?"),
        sent_at=said_at,
        name=_name(sender),
        username=sender.get("username", ""),
        language=sender.get("language_code", ""),
        files=files,
        reply_to=at.ident(quoted) if quoted else "",
        is_start=is_start,
        identities=() if at.member else tuple(_shared_contact(message)),
        data=data,
        album=str(message.get("media_group_id", "")),
        window_s=BUSINESS_WINDOW_S if at.business else None,
        is_public=bool(at.member),
    )


def _edited(edited: dict[str, Any], me: Me) -> BuyerEdit:
    at = Chat.of_message(edited)
    if at.business and str(edited.get("from", {}).get("id", at.id)) != at.id:
        raise Unsupported("changed by the account's owner")
    text, data = _said(edited, me)
    return BuyerEdit(
        external_id=at.ident(edited["message_id"]),
        chat=at.key,
        text=_without_name(text, me) if at.member else text,
        data={k: v for k, v in data.items() if k == "location"},
    )


def _is_for(message: dict[str, Any], me: Me) -> bool:
    """In a group: by @name, by a reply to the bot, or by a command."""
    sender = message.get("from", {})
    if not me.groups or sender.get("is_bot") or not sender.get("id"):
        return False
    answered = message.get("reply_to_message", {}).get("from", {})
    if str(answered.get("id", "")) == me.id:
        return True
    text = message.get("text") or message.get("caption") or ""
    if text.startswith("/"):
        _, _, name = text.split()[0].partition("@")
        return not name or name.lower() == me.username.lower()
    entities = message.get("entities") or message.get("caption_entities") or []
    if any(str(one.get("user", {}).get("id", "")) == me.id for one in entities):
        return True
    return bool(me.username and re.search(rf"@{re.escape(me.username)}\b", text, re.I))


def _without_name(text: str, me: Me) -> str:
    """What was said to the bot, without its name."""
    if me.username:
        text = re.sub(rf"@{re.escape(me.username)}\b[,:]?", "", text, flags=re.I)
    return text.strip()


def _said(message: dict[str, Any], me: Me) -> tuple[str, dict[str, Any]]:
    """A message as text, and what else it tells. Nothing for a file without a caption.

    A sticker is its emoji; a shared phone, a place and a poll are what one would have written.
    """
    if text := message.get("text") or message.get("caption"):
        return text, {}
    if sticker := message.get("sticker"):
        return sticker.get("emoji") or "🖼️", {}
    if dice := message.get("dice"):
        return dice["emoji"], {}
    if location := message.get("location"):
        found = {"lat": float(location["latitude"]), "lon": float(location["longitude"])}
        venue = message.get("venue", {})
        title = ", ".join(filter(None, [venue.get("title"), venue.get("address")]))
        place = f"📍 {found['lat']:.6f}, {found['lon']:.6f}"
        return "\n".join(filter(None, [title, place])), {"location": found, "wordless": "place"}
    if contact := message.get("contact"):
        phone = _phone(contact)
        if phone and _is_own(message):
            return phone, {"wordless": "phone"}
        return ", ".join(filter(None, [_name(contact), phone])), {}
    if poll := message.get("poll"):
        return "\n".join([poll["question"], *(f"• {o['text']}" for o in poll["options"])]), {}
    if message.keys() & _SHOWN_THERE:
        lang = message.get("from", {}).get("language_code") or me.language
        return _ONLY_THERE["en" if lang.startswith("en") else "ru"], {"wordless": "other"}
    return "", {}


def _place_of(query: dict[str, Any]) -> Chat:
    """Where a button was pressed, by whom."""
    message = query.get("message") or {}
    if "chat" not in message:
        return Chat(str(query["from"]["id"]))
    return Chat.of_message({**message, "from": query["from"]})


def _pressed(query: dict[str, Any]) -> BuyerMessage:
    """A pressed button: its title is what the buyer said, its data the payload."""
    message = query.get("message") or {}
    kind = message.get("chat", {}).get("type", "private")
    if (kind != "private" and kind not in GROUPS) or "data" not in query:
        raise Unsupported("a callback without data or outside a chat")
    at, data = _place_of(query), query["data"]
    title = data
    for row in message.get("reply_markup", {}).get("inline_keyboard", []):
        for button in row:
            if button.get("callback_data") == data:
                title = button.get("text", data)
    sender = query["from"]
    thread = {"thread": {"message": at.ident(message["message_id"])}} if at.member else {}
    return BuyerMessage(
        external_id=f"callback:{query['id']}",
        chat=at.key,
        text=title,
        name=_name(sender),
        username=sender.get("username", ""),
        language=sender.get("language_code", ""),
        payload=data,
        callback=query["id"],
        data=thread,
        window_s=BUSINESS_WINDOW_S if at.business else None,
        is_public=bool(at.member),
    )


def _connection(connection: dict[str, Any]) -> list[Occurrence]:
    """An owner has let the bot into their account, changed what it may, or taken it out."""
    rights = connection.get("rights") or {}
    is_on = bool(connection.get("is_enabled"))
    may = is_on and bool(rights.get("can_reply", connection.get("can_reply")))
    owner = connection["user"]
    told = {
        "owner": _name(owner),
        "username": owner.get("username", ""),
        "is_enabled": is_on,
        "rights": sorted(name for name, given in rights.items() if given is True),
    }
    words = DISCONNECTED if not is_on else CONNECTED if may else MUTE
    return [
        AccountChanged("told", words, {f"business_{connection['id']}": told}),
        Reachable(account_of(connection["id"]), is_reachable=may, is_all=True),
    ]


def _reaction(reaction: dict[str, Any]) -> Reaction:
    if "user" not in reaction:
        raise Unsupported("a reaction of nobody in particular")
    at = _member(reaction["chat"], reaction["user"])
    signs = reaction.get("new_reaction") or []
    # One's own pictures and paid stars have no sign that anybody else could show.
    emoji = signs[-1].get("emoji", "⭐") if signs else ""
    return Reaction(at.ident(reaction["message_id"]), at.key, emoji)


def _member(chat: dict[str, Any], user: dict[str, Any]) -> Chat:
    return Chat.of_message({"chat": chat, "from": user})


def _membership(member: dict[str, Any]) -> Reachable:
    """The buyer blocked us or came back; a group took us in, silenced us or put us out."""
    chat, now = member["chat"], member.get("new_chat_member", {})
    status = now.get("status", "")
    is_in = status not in ("kicked", "left") and not (
        status == "restricted" and now.get("can_send_messages") is False
    )
    kind = chat.get("type", "private")
    if kind in GROUPS:
        return Reachable(group_of(chat["id"]), is_reachable=is_in, is_all=True)
    if kind != "private":
        raise Unsupported(f"membership of a {kind}")
    return Reachable(str(chat["id"]), is_reachable=is_in)


def _name(user: dict[str, Any]) -> str:
    return " ".join(filter(None, [user.get("first_name"), user.get("last_name")]))


def _files(message: dict[str, Any]) -> Iterator[File]:
    for key, kind in _FILES:
        if not (found := message.get(key)):
            continue
        # A photo comes in sizes; the last is the largest.
        one = found[-1] if isinstance(found, list) else found
        yield File(
            kind=kind,
            name=one.get("file_name", ""),
            mime=one.get("mime_type", ""),
            size=one.get("file_size"),
            external_id=one["file_id"],
        )
        return


def _shared_contact(message: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """A phone proves who writes only when Telegram says it is the writer's own."""
    if (contact := message.get("contact")) and _is_own(message) and (phone := _phone(contact)):
        yield "phone", phone, "shared"


def _is_own(message: dict[str, Any]) -> bool:
    """Shared by the person it belongs to; a card somebody else has made may hold any number."""
    owner = message["contact"].get("user_id")
    return (
        owner is not None
        and owner == message.get("from", message["chat"]).get("id")
        and "forward_origin" not in message
        and "via_bot" not in message
    )


def _phone(contact: dict[str, Any]) -> str:
    digits = re.sub(r"\D", "", contact.get("phone_number", ""))
    return f"+{digits}" if digits else ""
