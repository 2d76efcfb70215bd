"""Web Push: a browser that agreed is told, through its maker's push service.

Sources: RFC 8030 (the call, TTL, Topic, Urgency), RFC 8291 (encryption), RFC 8292 (VAPID).
pywebpush encrypts and py_vapid signs; the call goes out by our own guarded client, since the
address is the browser's word. The signing key is derived from the installation's master key for
each merchant, so it needs no place to lie in, and a merchant's subscription takes nobody else's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import PushSubscription
from tenants.kernel.context import PUBLIC, current_schema
from tenants.kernel.errors import RetryLater, RuleBroken, VendorError
from tenants.kernel.guard import AddressRefused, checked_address
from tenants.kernel.http import outgoing, vendor_errors
from tenants.selectors.hosts import merchant_of, primary_host
from tenants.workspace.models import User

# A push service keeps a message for so long; later it would only disturb.
TTL_S = 600
TOKEN_S = 12 * 3600
BROWSERS_AT_MOST = 12
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


class BrowserRefused(RuleBroken):
    """`field`: endpoint | keys."""

    code = "browser"
    status = 400


class Gone(Exception):
    """The browser is no longer there, or no longer wants to be told."""


# ── The key ──
def _private_key(schema: str) -> ec.EllipticCurvePrivateKey:
    # 48 bytes, so that the remainder is even to 2⁻¹²⁸ (FIPS 186-5, A.2.1).
    raw = HKDF(SHA256(), length=48, salt=b"web-push", info=schema.encode()).derive(
        settings.MASTER_KEY.encode()
    )
    return ec.derive_private_key(int.from_bytes(raw) % (_ORDER - 1) + 1, ec.SECP256R1())


def public_key() -> str:
    """What `PushManager.subscribe` wants as `applicationServerKey`, in base64url."""
    point = _private_key(current_schema()).public_key()
    return _b64(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


# ── Who is told ──
def session_mark(session_key: str | None) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest() if session_key else ""


def subscribe(
    user: User, *, endpoint: str, p256dh: str, auth: str, device: str = "", session: str = ""
) -> PushSubscription:
    """Tell this browser from now on. Whoever had it before is no longer told there."""
    _check(endpoint)
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _bytes(p256dh))
        fits = len(_bytes(auth)) == 16
    except ValueError:
        fits = False
    if not fits:
        raise BrowserRefused(_("The browser's keys are damaged. Allow notices anew."), field="keys")
    secrets: Any = {"endpoint": endpoint, "p256dh": p256dh, "auth": auth}
    with transaction.atomic():
        row, _new = PushSubscription.objects.update_or_create(
            mark=hashlib.sha256(endpoint.encode()).hexdigest(),
            defaults={
                "user": user,
                "secrets": secrets,
                "session": session_mark(session),
                "device": device[:80],
                "failure": "",
            },
        )
        mine = PushSubscription.objects.filter(user=user).order_by("-pk")
        old = mine.values_list("pk", flat=True)[BROWSERS_AT_MOST:]
        PushSubscription.objects.filter(pk__in=list(old)).delete()
    return row


def _check(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        port = parts.port or 443
    except ValueError:
        parts, port = None, 0
    private = settings.ALLOW_PRIVATE_ADDRESSES
    schemes = ("https", "http") if private else ("https",)
    if (
        parts is None
        or not parts.hostname
        or parts.scheme not in schemes
        or parts.username
        or len(endpoint) > 1000
    ):
        raise BrowserRefused(_("This is not an address of a push service."), field="endpoint")
    if private:
        return
    try:
        checked_address(parts.hostname, port)
    except AddressRefused:
        raise BrowserRefused(
            _("This is not an address of a push service."), field="endpoint"
        ) from None


def unsubscribe(user: User, *, endpoint: str = "", pk: int | None = None) -> bool:
    """False where this person has no such browser."""
    mine = PushSubscription.objects.filter(user=user)
    found = (
        mine.filter(pk=pk)
        if pk
        else mine.filter(mark=hashlib.sha256(endpoint.encode()).hexdigest())
    )
    return bool(found.delete()[0])


@receiver(user_logged_out, dispatch_uid="bots.push.left")
def left(request: Any, user: Any, **_more: Any) -> None:
    """Whoever logs out is no longer told in that browser."""
    session = getattr(request, "session", None)
    if session is not None and session.session_key and current_schema() != PUBLIC:
        PushSubscription.objects.filter(session=session_mark(session.session_key)).delete()


# ── The call ──
def send(
    to: PushSubscription, shown: dict[str, Any], *, topic: str = "", urgent: bool = True
) -> None:
    """Hand a message to the browser's push service; nobody on the way can read it.

    Not inside a transaction. Raises Gone (the subscription is removed), RetryLater, VendorError.
    """
    from py_vapid import Vapid02
    from pywebpush import WebPusher

    schema, secrets = current_schema(), to.secrets
    endpoint = secrets["endpoint"]
    parts = urlsplit(endpoint)
    keys = {"p256dh": secrets["p256dh"], "auth": secrets["auth"]}
    body = WebPusher({"endpoint": endpoint, "keys": keys}).encode(
        json.dumps(shown, ensure_ascii=False).encode()
    )["body"]
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int(time.time()) + TOKEN_S,
        "sub": f"https://{primary_host(merchant_of(schema))}",
    }
    headers = {
        **Vapid02(private_key=_private_key(schema)).sign(claims),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(TTL_S),
        "Urgency": "high",
    }
    if topic:
        headers["Topic"] = topic
    try:
        # Telling it again is harmless: the browser shows one notice of a tag.
        with outgoing(vendor="push") as http, vendor_errors("push", "POST"):
            answer = http.post(endpoint, content=body, headers=headers)
            if answer.status_code in (404, 410):
                PushSubscription.objects.filter(pk=to.pk).delete()
                raise Gone
            answer.raise_for_status()
    except RetryLater:
        raise
    except VendorError as exc:
        PushSubscription.objects.filter(pk=to.pk).update(failure=str(exc.detail)[:200])
        raise
    PushSubscription.objects.filter(pk=to.pk).update(ok_at=timezone.now(), failure="")
