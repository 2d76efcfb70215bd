"""Buyers who come by a browser: who they are to us, what they tell beside their messages.

A visitor is a random name kept by the browser. It becomes a contact with the first thing worth
keeping, so people who only look around leave no row.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from bots.models import Channel, Contact, Identity
from bots.services.consents import PROCESSING, consents_give, wordings_shown
from bots.services.identities import identity_keep
from bots.services.people import people_recognise
from tenants.kernel import outbox
from tenants.kernel.errors import RuleBroken
from tenants.kernel.secrets import Unreadable, seal, unseal

TOKEN_LIFE_S = 400 * 24 * 3600
EVENTS_KEPT = 20
ABOUT = ("page", "title", "referrer", "utm", "cart", "event", "time_zone")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]{2,}")


class ConsentMissing(RuleBroken):
    code = "consent"
    status = 400


class ContactInvalid(RuleBroken):
    """`field`: name | phone | email."""

    code = "contact"
    status = 400


# ── the browser's key ──
def visitor_token(schema: str, channel_id: int) -> tuple[str, str]:
    """(visitor, token) of a new browser. The token is opaque, bound to merchant and channel."""
    visitor = secrets.token_urlsafe(16)
    return visitor, seal(schema, f"visitor|{channel_id}|{visitor}|{int(time.time())}")


def visitor_of(schema: str, channel_id: int, token: object) -> str | None:
    """The visitor a token was made for; None when it is not ours, another channel's, or too old."""
    if not isinstance(token, str) or not 40 < len(token) < 300:
        return None
    try:
        what, channel, visitor, made_at = unseal(schema, token).split("|")
    except (Unreadable, ValueError):
        return None
    if what != "visitor" or channel != str(channel_id):
        return None
    return visitor if time.time() - int(made_at) < TOKEN_LIFE_S else None


# ── the contact ──
def visitor_contact(channel_id: int, visitor: str) -> Contact | None:
    return Contact.objects.filter(channel=channel_id, external_id=visitor).first()


def _made(channel_id: int, visitor: str) -> Contact:
    contact, _new = Contact.objects.get_or_create(channel_id=channel_id, external_id=visitor)
    return contact


def about_of(raw: Any) -> dict[str, Any]:
    """What a page tells of itself, cut to a size and to the names we know."""
    if not isinstance(raw, Mapping):
        return {}
    found: dict[str, Any] = {}
    for name in ABOUT:
        value = raw.get(name)
        if name == "utm" and isinstance(value, Mapping):
            found[name] = {_text(k, 32): _text(v, 120) for k, v in list(value.items())[:10]}
        elif name == "cart" and isinstance(value, Mapping):
            found[name] = _cart(value)
        elif name == "event":
            continue
        elif isinstance(value, str) and value:
            found[name] = _text(value, 500)
    return found


def _text(value: Any, limit: int) -> str:
    return str(value).replace("\x00", "")[:limit]


def _cart(value: Mapping[str, Any]) -> dict[str, Any]:
    items = value.get("items")
    return {
        "items": [
            {k: _text(item[k], 160) for k in ("id", "name", "qty", "price", "url") if k in item}
            for item in (items if isinstance(items, list) else [])[:50]
            if isinstance(item, Mapping)
        ],
        **{k: _text(value[k], 40) for k in ("total", "currency") if k in value},
    }


def visitor_note(channel_id: int, visitor: str, about: Mapping[str, Any]) -> bool:
    """Keep page, referrer, UTM and cart of a known contact. False: nobody wrote from there yet."""
    contact = visitor_contact(channel_id, visitor)
    if contact is None:
        return False
    if any(contact.data.get(k) != v for k, v in about.items()):
        contact.data = {**contact.data, **about}
        contact.save(update_fields=["data"])
    return True


def visitor_event(channel_id: int, visitor: str, name: str, data: Any) -> bool:
    """Keep one of the shop's own events ("viewed", "checkout"); the newest EVENTS_KEPT stay."""
    with transaction.atomic():
        contact = (
            Contact.objects.select_for_update()
            .filter(channel=channel_id, external_id=visitor)
            .first()
        )
        if contact is None:
            return False
        values = data.items() if isinstance(data, Mapping) else ()
        event = {
            "name": _text(name, 60),
            "at": timezone.now().isoformat(),
            "data": {_text(k, 32): _text(v, 160) for k, v in list(values)[:12]},
        }
        events = [*contact.data.get("events", []), event][-EVENTS_KEPT:]
        contact.data = {**contact.data, "events": events}
        contact.save(update_fields=["data"])
    return True


def is_another(channel_id: int, visitor: str, customer: str) -> bool:
    """This browser's buyer is proven to be another customer: a computer that several use."""
    signed = Identity.objects.filter(
        contact__channel=channel_id, contact__external_id=visitor,
        kind=Identity.Kind.CUSTOMER, proof=Identity.Proof.SIGNED,
    )  # fmt: skip
    return signed.exists() and not signed.filter(value=customer[:120]).exists()


def visitor_prove(
    channel_id: int, visitor: str, identities: Iterable[tuple[str, str, str]], name: str = ""
) -> bool:
    """The shop's site has signed who this is. False: nobody wrote from there yet.

    Contacts with the same signed customer id are one person.
    """
    with transaction.atomic():
        contact = visitor_contact(channel_id, visitor)
        if contact is None:
            return False
        fresh = False
        for kind, value, proof in identities:
            fresh = identity_keep(contact, kind, value, proof) or fresh
            if kind == Identity.Kind.CUSTOMER and proof == Identity.Proof.SIGNED:
                people_recognise(contact, value)
        if name and contact.name != name[:120]:
            contact.name, fresh = name[:120], True
            contact.save(update_fields=["name"])
        if fresh:
            outbox.emit(
                "contact.identified", key=f"contact:{contact.pk}", data={"contact": contact.pk}
            )
    return True


def visitor_leave_contact(
    channel_id: int,
    visitor: str,
    *,
    name: str,
    phone: str,
    email: str,
    given: Mapping[str, Any],
    shown: Mapping[str, Any],
    who: str,
    address: str | None,
) -> Contact:
    """The buyer tells how to reach them. `shown`: the version of each consent the page has shown.

    What is typed is claimed, not proven. Raises ConsentChanged, ConsentMissing, ContactInvalid;
    keeps nothing then.
    """
    agreed = wordings_shown(shown, who)
    if given.get(PROCESSING) is not True:
        raise ConsentMissing
    phone = phone_of(phone)
    email = email.strip().lower()[:120]
    if email and not _EMAIL.fullmatch(email):
        raise ContactInvalid(field="email")
    if phone and not 8 <= len(phone) <= 16:
        raise ContactInvalid(field="phone")
    if not phone and not email:
        raise ContactInvalid(field="phone")
    with transaction.atomic():
        contact = _made(channel_id, visitor)
        consents_give(
            contact=contact,
            given={k: v is True for k, v in given.items()},
            shown=agreed,
            address=address,
        )
        for kind, value in ((Identity.Kind.PHONE, phone), (Identity.Kind.EMAIL, email)):
            if value:
                Identity.objects.get_or_create(contact=contact, kind=kind, value=value)
        if name.strip() and not contact.name:
            contact.name = _text(name.strip(), 120)
            contact.save(update_fields=["name"])
        outbox.emit("contact.left", key=f"contact:{contact.pk}", data={"contact": contact.pk})
    return contact


def phone_of(text: str) -> str:
    """Digits with a plus; a Russian 8… or bare ten digits become +7…"""
    digits = "".join(c for c in text if c.isdigit())
    if not digits:
        return ""
    if len(digits) == 11 and digits[0] == "8":
        digits = "7" + digits[1:]
    elif len(digits) == 10:
        digits = "7" + digits
    return f"+{digits}"


def channel_secret(channel_id: int, name: str) -> str:
    """One secret of a channel, opened for the moment it is needed."""
    channel = Channel.objects.only("secrets").filter(pk=channel_id).first()
    return str((channel.secrets or {}).get(name, "")) if channel else ""
