"""Linking a voice assistant's account: an OAuth 2 provider on the merchant's host.

Source: RFC 6749 (authorization code, refresh), RFC 7636 (PKCE, S256 alone), RFC 7009 (revocation).
The buyer proves who they are by a code sent where the shop knows them already: to the e-mail, or
into the messenger that has shared the phone. Tokens are sealed texts; what may be used once, or can
be taken back, has a row of `Setting` (a grant) or a mark in the cache.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import re
import secrets
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.utils.translation import gettext as _

from bots.channels import linked
from bots.channels.base import Reply, ReplyMode, Unreachable
from bots.models import Channel, Contact, Identity
from bots.selectors.sendable import manifest_of
from bots.services.channels import adapter_of
from integrations.models import Order
from tenants.kernel.context import current_schema
from tenants.kernel.errors import VendorError
from tenants.kernel.phones import phone_normalised
from tenants.kernel.store import AWAY
from tenants.selectors.hosts import merchant_of
from tenants.services import throttle
from tenants.services.mail import House, MailFailed, mail_send
from tenants.workspace.models import Setting

log = logging.getLogger(__name__)

STEP_S, CODE_S, ACCESS_S = 600, 120, 3600
REFRESH_S = 180 * 24 * 3600
TRIES = 5
ASKED = throttle.Limit("link-asked", 3, 3600)  # an address that letters go to
ASKING = throttle.Limit("link-asking", 20, 3600)  # whoever asks
_GRANT = "voice-link:"
_CLIENT = re.compile(r"shop-(\d{1,18})")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class Refused(Exception):
    """`code`: as RFC 6749 names it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


# ── clients ──
def client_of(client_id: str) -> Channel | None:
    """The live channel whose platform may link accounts."""
    found = _CLIENT.fullmatch(client_id)
    if found is None:
        return None
    channel = Channel.objects.filter(pk=int(found[1]), state=Channel.State.LIVE).first()
    return channel if channel is not None and redirects_of(channel) else None


def redirects_of(channel: Channel) -> tuple[str, ...]:
    return adapter_of(channel).link_redirects() if manifest_of(channel) else ()


def is_secret_of(channel: Channel, told: str) -> bool:
    ours = adapter_of(channel).link_secret()
    return bool(ours) and hmac.compare_digest(told.encode(), ours.encode())


# ── the buyer proves who they are ──
def code_send(channel: Channel, told: str, *, address: str) -> str:
    """Send a code where the shop knows this e-mail or phone; the step's sealed state either way.

    Whether it is known is not told: neither the answer nor the page differs.
    """
    code = f"{secrets.randbelow(1_000_000):06d}"
    email = told.strip().lower()[:120] if "@" in told else ""
    phone = "" if email else phone_normalised(told)
    who = [("email", email)] if email else [("phone", phone)] if phone else []
    free = throttle.count(ASKING, address or "nobody") <= ASKING.tries
    if who and free and throttle.count(ASKED, f"{current_schema()}:{who[0][1]}") <= ASKED.tries:
        is_sent = _by_letter(email, code) if email else _by_messenger(phone, code)
        who = who if is_sent else []
    else:
        who = []
    nonce = secrets.token_urlsafe(12)
    return linked.made(
        current_schema(), channel.pk, "step", STEP_S, nonce=nonce,
        code=_hash(nonce, code) if who else "", who=who,
    )  # fmt: skip


def _by_letter(email: str, code: str) -> bool:
    """To an address that belongs to an order or has been proven; to no other."""
    is_known = (
        Order.objects.filter(email__iexact=email).exists()
        or Identity.objects.filter(
            kind="email", value__iexact=email, proof__in=Identity.PROVEN
        ).exists()
    )
    if not is_known:
        return False
    merchant = merchant_of(current_schema())
    if merchant.partner is None:
        return False
    subject, text = _("Code to sign in: %s") % code, _text(code)
    try:
        mail_send(House(merchant.partner, merchant), to=email, subject=subject, text=text)
    except MailFailed as exc:
        log.warning("a code to link an account was not sent: %s", exc)
        return False
    return True


def _by_messenger(phone: str, code: str) -> bool:
    """Into the chat that has shared this phone; colleagues do not see it in the thread."""
    contacts = Contact.objects.filter(
        identities__kind="phone",
        identities__value=phone,
        identities__proof=Identity.Proof.SHARED,
        is_reachable=True,
        channel__state=Channel.State.LIVE,
    ).select_related("channel")
    for contact in contacts.order_by("-pk")[:3]:
        adapter = adapter_of(contact.channel)
        if adapter.manifest.reply_mode != ReplyMode.PUSH:
            continue
        try:
            for call in adapter.render(Reply(contact.external_id, _text(code))):
                adapter.send(call)
        except (VendorError, Unreachable) as exc:
            log.warning("a code to link an account was not sent: %s", exc)
            continue
        return True
    return False


def _text(code: str) -> str:
    return _(
        "%(code)s is your code to link a voice assistant with your orders. It works for ten "
        "minutes. If you did not ask for it, tell it to nobody."
    ) % {"code": code}


def code_check(channel: Channel, step: str, code: str) -> list[list[str]]:
    """What is proven by this code. Raises Refused: wrong, too often, too late, or used before."""
    told = linked.read(current_schema(), channel.pk, "step", step)
    if told is None:
        raise Refused("too_late")
    if _count(f"link-try:{told['nonce']}", STEP_S) > TRIES:
        raise Refused("too_often")
    given = _hash(told["nonce"], re.sub(r"\D", "", code))
    if not told["code"] or not hmac.compare_digest(told["code"], given):
        raise Refused("wrong")
    _once(f"link-step:{told['nonce']}", STEP_S, "too_late")
    who: list[list[str]] = told["who"]
    return who


def _hash(nonce: str, code: str) -> str:
    return hashlib.sha256(f"{current_schema()}:{nonce}:{code}".encode()).hexdigest()


# ── OAuth 2 ──
def check_challenge(challenge: str, method: str) -> None:
    """PKCE, where the platform does it: S256 and nothing weaker. Raises Refused."""
    if not challenge and not method:
        return
    if method != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise Refused("invalid_request")


def authorise(channel: Channel, who: list[list[str]], *, redirect_uri: str, challenge: str) -> str:
    """A code for the platform, good for two minutes and once."""
    return linked.made(
        current_schema(), channel.pk, "code", CODE_S, who=who, redirect_uri=redirect_uri,
        challenge=challenge, grant=secrets.token_urlsafe(12),
    )  # fmt: skip


def exchange(channel: Channel, code: str, *, redirect_uri: str, verifier: str) -> dict[str, Any]:
    """Tokens for a code. Raises Refused; a code that comes twice takes its tokens back."""
    told = linked.read(current_schema(), channel.pk, "code", code)
    if told is None or told["redirect_uri"] != redirect_uri:
        raise Refused("invalid_grant")
    if told["challenge"]:
        made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(
            made.rstrip(b"=").decode(), told["challenge"]
        ):
            raise Refused("invalid_grant")
    elif verifier:
        raise Refused("invalid_grant")  # somebody has taken the challenge away
    try:
        _once(f"link-code:{told['grant']}", CODE_S * 2, "invalid_grant")
    except Refused:
        _end(told["grant"])
        raise
    with transaction.atomic():
        return _tokens(channel, told["grant"], told["who"])


def refresh(channel: Channel, token: str) -> dict[str, Any]:
    """New tokens for the newest refresh token; an older one ends the link. Raises Refused."""
    told = linked.read(current_schema(), channel.pk, "refresh", token)
    if told is None:
        raise Refused("invalid_grant")
    with transaction.atomic():
        row = Setting.objects.select_for_update().filter(name=_GRANT + told["grant"]).first()
        if row is not None and row.value["turn"] == told["turn"]:
            return _tokens(channel, told["grant"], told["who"])
        if row is not None:
            row.delete()
    raise Refused("invalid_grant")


def revoke(channel: Channel, token: str) -> None:
    """Take a refresh token back; the access token that is out ends within the hour."""
    told = linked.read(current_schema(), channel.pk, "refresh", token)
    if told is None:
        return
    _end(told["grant"])
    for kind, value in told["who"]:
        # Whoever is linked still proves it anew with the next call.
        Identity.objects.filter(
            contact__channel=channel, kind=kind, value=value, proof=Identity.Proof.CODE
        ).delete()


def _tokens(channel: Channel, grant: str, who: list[list[str]]) -> dict[str, Any]:
    turn = secrets.token_urlsafe(8)
    Setting.objects.update_or_create(
        name=_GRANT + grant, defaults={"value": {"turn": turn, "channel": channel.pk}}
    )
    schema, pk = current_schema(), channel.pk
    return {
        "access_token": linked.made(schema, pk, "access", ACCESS_S, who=who, grant=grant),
        "token_type": "Bearer",
        "expires_in": ACCESS_S,
        "refresh_token": linked.made(
            schema, pk, "refresh", REFRESH_S, who=who, grant=grant, turn=turn
        ),
    }


def _end(grant: str) -> None:
    Setting.objects.filter(name=_GRANT + grant).delete()


def _once(key: str, seconds: int, why: str) -> None:
    """Raises Refused the second time, and where nobody could know."""
    try:
        is_first = cache.add(key, 1, timeout=seconds)
    except AWAY:
        is_first = False
    if not is_first:
        raise Refused(why)


def _count(key: str, seconds: int) -> int:
    try:
        cache.add(key, 0, timeout=seconds)
        return int(cache.incr(key))
    except AWAY:
        return TRIES + 1
