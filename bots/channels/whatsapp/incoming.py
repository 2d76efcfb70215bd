"""What WhatsApp's webhooks say: a call cut into deliveries, and a delivery as what happened. Pure.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks and the published OpenAPI
description (v23.0). What neither has (hidden phones, edits, echoes) is marked in the README.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from django.utils.translation import gettext_noop as _

from bots.channels.base import (
    AccountChanged,
    BuyerDelete,
    BuyerEdit,
    BuyerMessage,
    Envelope,
    File,
    Moved,
    Occurrence,
    OwnerEcho,
    Reaction,
    Receipt,
    Unsupported,
)
from bots.channels.whatsapp.errors import Then, meaning_of, words_of

log = logging.getLogger(__name__)

KEY_LIMIT = 120
# Ours in `biz_opaque_callback_data`: which message a status is about.
OURS = re.compile(r"message-(\d{1,18})")
_DIGITS = re.compile(r"\d{7,15}")
_MEDIA = {
    "image": "image", "sticker": "image", "audio": "voice", "video": "video", "document": "file",
}  # fmt: skip
_STATES: Mapping[str, Literal["sent", "delivered", "read"]] = {
    "sent": "sent", "delivered": "delivered", "read": "read", "played": "read",
}  # fmt: skip
_ONLY_THERE = {
    "ru": "Сообщение, которое видно только в WhatsApp",
    "en": "A message that only WhatsApp can show",
}
_ORDER = {"ru": "Заказ из каталога WhatsApp:", "en": "An order from the WhatsApp catalogue:"}
# Events of the account we tell of; other fields bring nothing we use.
ACCOUNT_FIELDS = frozenset(
    {"message_template_status_update", "account_update", "phone_number_quality_update"}
)
TEMPLATE_STATES = {
    "APPROVED": "approved", "FLAGGED": "approved", "PENDING": "pending", "IN_APPEAL": "pending",
    "REJECTED": "rejected", "DISABLED": "rejected", "DELETED": "rejected",
    "PENDING_DELETION": "rejected", "PAUSED": "paused", "LIMIT_EXCEEDED": "rejected",
}  # fmt: skip
_TEMPLATE_TOLD = {
    "approved": _("Meta has approved a template"),
    "pending": _("Meta looks at a template"),
    "rejected": _("Meta has rejected a template"),
    "paused": _("Meta has paused a template: buyers complained"),
}
REASONS = {
    "ABUSIVE_CONTENT": _("the text breaks Meta's rules"),
    "INCORRECT_CATEGORY": _("the text is of another category: hand it in as marketing"),
    "TAG_CONTENT_MISMATCH": _("the text is in another language than the one named"),
    "INVALID_FORMAT": _("variables stand wrongly, or too little is said between them"),
    "PROMOTIONAL": _("the text advertises: hand it in as marketing"),
    "SCAM": _("the text looks like fraud to Meta"),
}
_ACCOUNT_LOST = {
    "ACCOUNT_DELETED": _("the WhatsApp account was deleted at Meta"),
    "PARTNER_REMOVED": _("our access to the WhatsApp account was taken away at Meta"),
    "PARTNER_APP_UNINSTALLED": _("our access to the WhatsApp account was taken away at Meta"),
    "DISABLED_UPDATE": _("Meta has locked this account: see what it asks for in Business Manager"),
}
_ACCOUNT_TOLD = {
    "ACCOUNT_VIOLATION": _("Meta says the account broke a rule"),
    "ACCOUNT_RESTRICTION": _("Meta has restricted the account: see Business Manager"),
}


# ── a call → deliveries ──
def envelopes_of(body: Any, *, phone: str, account: str) -> list[Envelope]:
    """One for each message, status and event of all entries. What is not of this number's account
    or of a shape we know is passed over: refused, it would be repeated for a week."""
    found: list[Envelope] = []
    for entry in _objects(_get(body, "entry")):
        for change in _objects(entry.get("changes")):
            kind, value = change.get("field"), change.get("value")
            if not isinstance(kind, str) or not isinstance(value, dict):
                continue
            if kind in ("messages", "smb_message_echoes"):
                if not _is_for(value, phone):
                    log.info("a delivery for another number, passed over")
                    continue
                found += _of_number(kind, value)
            elif kind in ACCOUNT_FIELDS and str(entry.get("id")) == account:
                payload = {"kind": kind, "value": value}
                stamp = json.dumps([entry.get("time"), payload], sort_keys=True)
                found.append(Envelope(_key(kind, _hash(stamp)), "account", payload))
    return found


def foreign_number(body: Any, phone: str) -> str:
    """The end of another number that this call is for, if any: it may be another merchant's."""
    for entry in _objects(_get(body, "entry")):
        for change in _objects(entry.get("changes")):
            value = change.get("value")
            if isinstance(value, dict) and not _is_for(value, phone):
                shown = _get(value.get("metadata"), "display_phone_number")
                if isinstance(shown, str) and _DIGITS.fullmatch(re.sub(r"\D", "", shown)):
                    return "…" + re.sub(r"\D", "", shown)[-4:]
    return ""


def _is_for(value: Mapping[str, Any], phone: str) -> bool:
    return str(_get(value.get("metadata"), "phone_number_id") or "") == phone


def _of_number(kind: str, value: Mapping[str, Any]) -> Iterator[Envelope]:
    contacts = list(_objects(value.get("contacts")))
    name = "echo" if kind == "smb_message_echoes" else "message"
    for message in _objects(value.get("message_echoes" if name == "echo" else "messages")):
        if ident := _text(message.get("id")):
            who = _who(message, contacts, is_echo=name == "echo")
            chat = who.get("user_id") or who.get("wa_id") or "other"
            payload = {"kind": name, "chat": chat, "who": who, "value": message}
            yield Envelope(_key(name[0], ident), chat, payload)
    for status in _objects(value.get("statuses")):
        ident, state = _text(status.get("id")), _text(status.get("status"))
        if ident and state:
            who = _who_of_status(status, contacts)
            chat = who.get("user_id") or who.get("wa_id") or "other"
            payload = {"kind": "status", "chat": chat, "who": who, "value": status}
            yield Envelope(_key("s", ident, state), chat, payload)
    for error in _objects(value.get("errors")):
        payload = {"kind": "error", "value": error}
        yield Envelope(_key("x", _hash(json.dumps(error, sort_keys=True))), "account", payload)


def _who(
    message: Mapping[str, Any], contacts: list[dict[str, Any]], *, is_echo: bool
) -> dict[str, str]:
    """The buyer's ids and names: `user_id` (business-scoped), `wa_id` (the phone, if told)."""
    side = "to" if is_echo else "from"
    phone, user = _text(message.get(side)), _text(message.get(f"{side}_user_id"))
    contact: Mapping[str, Any] = {}
    for one in contacts:
        if (phone and one.get("wa_id") == phone) or (user and one.get("user_id") == user):
            contact = one
            break
    else:
        if len(contacts) == 1 and not is_echo:  # Brazil and Mexico: the ids may differ
            contact = contacts[0]
    profile = contact.get("profile")
    return _told(
        wa_id=phone or _text(contact.get("wa_id")),
        user_id=_text(contact.get("user_id")) or user,
        name=_text(_get(profile, "name")),
        username=_text(_get(profile, "username")),
    )


def _who_of_status(status: Mapping[str, Any], contacts: list[dict[str, Any]]) -> dict[str, str]:
    phone, user = _text(status.get("recipient_id")), _text(status.get("recipient_user_id"))
    for one in contacts:
        if phone and one.get("wa_id") == phone:
            user = user or _text(one.get("user_id"))
    return _told(wa_id=phone, user_id=user)


# ── a delivery → what happened ──
def occurrences_of(payload: Any, *, language: str) -> list[Occurrence]:
    value = payload["value"]
    match payload["kind"]:
        case "message":
            return [_message(value, payload["chat"], payload.get("who", {}), language)]
        case "status":
            return _status(value, payload["chat"], payload.get("who", {}))
        case "echo":
            return [_echo(value, payload["chat"], payload.get("who", {}), language)]
        case "error":
            return [AccountChanged("told", words_of(value) or "an error without words")]
        case "foreign":
            return [
                AccountChanged(
                    "told",
                    _("Messages of another number come to this address and are passed over: "
                      "connect that number, too") + f": {value}",
                )
            ]  # fmt: skip
        case "message_template_status_update":
            return [_template(value)]
        case "account_update":
            return [_account(value)]
        case "phone_number_quality_update":
            return [_quality(value)]
    raise Unsupported(str(payload["kind"])[:60])


def _message(
    message: dict[str, Any], chat: str, who: Mapping[str, str], language: str
) -> Occurrence:
    """Reads: id, timestamp (text, Unix seconds), type and the part of that name, context {id},
    referral."""
    kind = str(message.get("type", ""))
    if message.get("group_id"):
        raise Unsupported("a message in a group")
    if kind == "reaction":
        sign = message["reaction"]
        return Reaction(str(sign["message_id"]), chat, str(sign.get("emoji") or ""))
    if kind == "edit":
        edit = message["edit"]
        inner = edit["message"]
        text, data, _files = _said(str(inner.get("type", "text")), inner, language)
        return BuyerEdit(
            str(edit["original_message_id"]), chat, text,
            data={k: v for k, v in data.items() if k == "location"},
        )  # fmt: skip
    if kind == "revoke":
        return BuyerDelete(str(message["revoke"]["original_message_id"]), chat)
    if kind == "system":
        return _system(message["system"], chat)
    text, data, files = _said(kind, message, language)
    context = message.get("context") or {}
    if product := context.get("referred_product"):
        data["product"] = str(product.get("product_retailer_id", ""))[:100]
    if referral := message.get("referral"):
        data["referral"] = {
            name: str(referral[name])[:500]
            for name in ("source_url", "source_type", "source_id", "headline", "ctwa_clid")
            if referral.get(name)
        }
    ident = str(message["id"])
    phone = who.get("wa_id", "")
    return BuyerMessage(
        external_id=ident,
        chat=chat,
        text="/start" if kind == "request_welcome" else text,
        sent_at=_moment(message),
        name=who.get("name", ""),
        username=who.get("username", ""),
        files=files,
        reply_to=str(context.get("id") or ""),
        payload=_pressed(kind, message),
        is_start=kind == "request_welcome",
        identities=(("phone", f"+{phone}", "shared"),) if _DIGITS.fullmatch(phone) else (),
        data=data,
        callback=ident,  # acknowledged: two ticks and "typing"
    )


def _said(
    kind: str, message: Mapping[str, Any], language: str
) -> tuple[str, dict[str, Any], tuple[File, ...]]:
    """A message as text, what else it tells, and its files."""
    lang = "en" if language.startswith("en") else "ru"
    match kind:
        case "text":
            return str(message["text"]["body"]), {}, ()
        case "image" | "video" | "audio" | "document" | "sticker":
            media = message[kind]
            text = str(media.get("caption") or ("🖼️" if kind == "sticker" else ""))
            return text, {}, (_file(kind, media),)
        case "location":
            place = message["location"]
            found = {"lat": float(place["latitude"]), "lon": float(place["longitude"])}
            title = ", ".join(str(place[n]) for n in ("name", "address") if place.get(n))
            told = f"📍 {found['lat']:.6f}, {found['lon']:.6f}"
            text = "\n".join(filter(None, [title, told]))
            return text, {"location": found, "wordless": "place"}, ()
        case "contacts":
            return "\n".join(_card(one) for one in _objects(message["contacts"])), {}, ()
        case "interactive":
            return _answered(message["interactive"]), {}, ()
        case "button":
            return str(message["button"].get("text") or message["button"]["payload"]), {}, ()
        case "order":
            order = message["order"]
            lines = [
                f"{item['quantity']} × {item['product_retailer_id']}, "
                f"{item['item_price']} {item['currency']}"
                for item in _objects(order.get("product_items"))
            ]
            data = {
                "wordless": "other",
                "order": [
                    {
                        "offer_id": str(item["product_retailer_id"])[:100],
                        "quantity": item["quantity"],
                        "price": str(item["item_price"]),
                        "currency": str(item["currency"])[:3],
                    }
                    for item in _objects(order.get("product_items"))
                ],
            }
            said = [str(order.get("text") or ""), _ORDER[lang], *lines]
            return "\n".join(filter(None, said)), data, ()
        case "request_welcome":
            return "", {}, ()
    # "unsupported" (131051) and whatever comes after our time: a person sees it in the phone.
    return _ONLY_THERE[lang], {"wordless": "other"}, ()


def _answered(part: Mapping[str, Any]) -> str:
    if reply := part.get("button_reply") or part.get("list_reply"):
        return str(reply.get("title") or reply["id"])
    form = part["nfm_reply"]
    return str(form.get("body") or form.get("response_json") or "")[:4000]


def _pressed(kind: str, message: Mapping[str, Any]) -> str:
    if kind == "button":
        return str(message["button"].get("payload") or "")
    if kind == "interactive":
        part = message["interactive"]
        reply = part.get("button_reply") or part.get("list_reply") or {}
        return str(reply.get("id") or "")
    return ""


def _file(kind: str, media: Mapping[str, Any]) -> File:
    return File(
        kind=_MEDIA[kind],
        name=str(media.get("filename") or ""),
        mime=str(media.get("mime_type") or "").partition(";")[0],
        external_id=str(media["id"]),
    )


def _card(contact: Mapping[str, Any]) -> str:
    """A card somebody has shared: never a proof of who writes."""
    name = _get(contact.get("name"), "formatted_name")
    phones = [str(one["phone"]) for one in _objects(contact.get("phones")) if one.get("phone")]
    return ", ".join(filter(None, [str(name or ""), *phones]))


def _system(system: Mapping[str, Any], chat: str) -> Occurrence:
    """The buyer has another number now: `wa_id` is the new one, `user_id` the new scoped id."""
    new = _text(system.get("wa_id"))
    to = _text(system.get("user_id")) or new
    if system.get("type") not in ("user_changed_number", "customer_changed_number") or not to:
        raise Unsupported(f"a system message: {system.get('type')}"[:60])
    return Moved(
        chat, to, identities=(("phone", f"+{new}", "shared"),) if _DIGITS.fullmatch(new) else ()
    )


def _status(status: Mapping[str, Any], chat: str, who: Mapping[str, str]) -> list[Occurrence]:
    state = str(status["status"])
    ours = OURS.fullmatch(str(status.get("biz_opaque_callback_data") or ""))
    about: dict[str, Any] = {
        "external_id": str(status["id"]),
        "chat": chat,
        "message_id": int(ours[1]) if ours else 0,
    }
    if state in _STATES:
        return [Receipt(state=_STATES[state], **about)]
    if state != "failed":
        raise Unsupported(f"a status: {state}"[:60])
    error = next(_objects(status.get("errors")), {})
    words = words_of(error) or _("WhatsApp did not deliver it and gave no reason")
    found = meaning_of(error.get("code"))
    is_gone = found is not None and found.then == Then.GONE
    told: list[Occurrence] = [
        Receipt(state="failed", detail=words, is_unreachable=is_gone, **about)
    ]
    if found is not None and found.then == Then.MERCHANT:
        told.append(AccountChanged("told", words))
    return told


def _echo(
    message: Mapping[str, Any], chat: str, who: Mapping[str, str], language: str
) -> OwnerEcho:
    """Written in the Business app on the phone, beside us."""
    kind = str(message.get("type", ""))
    if kind in ("reaction", "revoke", "edit", "system"):
        raise Unsupported(f"an echo of: {kind}")
    text, _data, files = _said(kind, message, language)
    return OwnerEcho(
        external_id=str(message["id"]),
        chat=chat,
        text=text or ", ".join(file.name or f"[{file.kind}]" for file in files),
        sent_at=_moment(message),
        phone=_plus(who.get("wa_id", "")),
    )


def _template(value: Mapping[str, Any]) -> AccountChanged:
    name = str(value.get("message_template_name") or "")
    lang = str(value.get("message_template_language") or "")
    state = TEMPLATE_STATES.get(str(value.get("event")))
    if not name or state is None:
        raise Unsupported(f"a template's event: {value.get('event')}"[:60])
    told = {"name": name, "language": lang, "state": state, "reason": reason_of(value)}
    return AccountChanged("told", f"{_TEMPLATE_TOLD[state]}: {name} ({lang})", {"template": told})


def reason_of(value: Mapping[str, Any]) -> str:
    """Why a template was rejected; empty where Meta says none."""
    code = str(value.get("reason") or value.get("rejected_reason") or "").upper()
    return REASONS.get(code, "" if code in ("", "NONE") else code)


def _account(value: Mapping[str, Any]) -> AccountChanged:
    event = str(value.get("event"))
    if event == "DISABLED_UPDATE":
        ban = str(_get(value.get("ban_info"), "waba_ban_state") or "")
        if ban == "REINSTATE":
            return AccountChanged("restored", "")
        if ban == "SCHEDULE_FOR_DISABLE":
            return AccountChanged("told", _("Meta is about to lock this account: act now"))
    if event in _ACCOUNT_LOST:
        return AccountChanged("lost", _ACCOUNT_LOST[event])
    if event in _ACCOUNT_TOLD:
        return AccountChanged("told", _ACCOUNT_TOLD[event])
    raise Unsupported(f"the account: {event}"[:60])


def _quality(value: Mapping[str, Any]) -> AccountChanged:
    event, limit = str(value.get("event")), str(value.get("current_limit") or "")
    words = {
        "FLAGGED": _("Buyers complain of this number: its quality is low at Meta"),
        "UNFLAGGED": _("The number's quality is good again at Meta"),
        "DOWNGRADE": _("The number may write to fewer buyers a day"),
        "UPGRADE": _("The number may write to more buyers a day"),
    }.get(event)
    if words is None:
        raise Unsupported(f"the number: {event}"[:60])
    tail = limit.removeprefix("TIER_")
    return AccountChanged("told", f"{words}: {tail}" if tail else words, {"limit": tail})


# ── small ──
def _key(*parts: str) -> str:
    whole = ":".join(parts)
    return whole if len(whole) <= KEY_LIMIT else f"{parts[0]}:{_hash(whole)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _get(node: Any, name: str) -> Any:
    return node.get(name) if isinstance(node, dict) else None


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    return (one for one in node if isinstance(one, dict)) if isinstance(node, list) else iter(())


def _text(node: Any) -> str:
    return node if isinstance(node, str) else ""


def _told(**values: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _plus(phone: str) -> str:
    return f"+{phone}" if _DIGITS.fullmatch(phone) else ""


def _moment(message: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(message["timestamp"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
