"""E-mails in the name of a brand, through its own server where it has one.

A merchant's server comes first, else its partner's, else the platform's (EMAIL_URL). Through the
platform's server every letter is from DEFAULT_FROM_EMAIL: an address that was typed proves nothing,
so it is where answers go (Reply-To), never the sender. A server's own sender is allowed or refused
by that server.

A server that does not take a letter loses nothing: the letter goes through the platform's server at
once; the brand's page and home page say what is wrong; and the server is left alone for REST_S.
Where the platform's server fails, too, the caller is told (MailFailed) and tries again or says so.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from dataclasses import dataclass
from datetime import timedelta
from email.utils import formataddr, parseaddr
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from tenants.kernel.context import PUBLIC, merchant_context, release_connection
from tenants.kernel.guard import AddressRefused
from tenants.kernel.mail import MailAccount, Smtp, SmtpTls
from tenants.kernel.secrets import Unreadable, seal, unseal
from tenants.models import Brand, MailServer, Merchant, Partner
from tenants.selectors.hosts import brand_of

log = logging.getLogger(__name__)

TIMEOUT_S = 10
REST_S = 600
ANSWER_SHOWN = 160


class MailFailed(OSError):
    """No server took the letter. The message is for a person and holds no secret."""


@dataclass(frozen=True)
class House:
    """In whose name a letter goes: a partner's, or one of its merchants'."""

    partner: Partner
    merchant: Merchant | None = None

    @property
    def brand(self) -> dict[str, str]:
        return brand_of(self.partner, self.merchant)


def mail_send(house: House, *, to: str, subject: str, text: str) -> None:
    """Send a plain-text letter. Waits for a server: not inside a transaction. Raises MailFailed."""
    brand = house.brand
    name = brand.get("sender_name") or brand.get("name", "")
    own = server_of(house)
    answers = answers_to(house)
    if own is not None and not _rests(own):
        try:
            _through(own, to, subject, text, name=name, answers=answers)
        except MailFailed as exc:
            _note(own, str(exc))
        else:
            _note(own, "")
            return
    answers = answers or (own.sender if own else "")
    letter = EmailMessage(
        subject,
        text,
        formataddr((name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1])),
        [to],
        reply_to=[answers] if answers else None,
    )
    try:
        letter.send()
    except OSError as exc:
        log.error("the platform's mail server does not take letters: %s", exc)
        raise MailFailed(in_words(exc, settings.EMAIL_HOST or "")) from exc


def answers_to(house: House) -> str:
    """Where answers to a brand's letters go: its own address before its partner's; "" for none."""
    brands = [house.partner.brand]
    if house.merchant is not None and house.merchant.brand is not None:
        brands.insert(0, house.merchant.brand)
    return next((a for b in brands for a in (b.sender_email, b.support_email) if a), "")


def server_of(house: House) -> MailServer | None:
    """The server a house's letters go through: the merchant's, else the partner's."""
    brands = [house.partner.brand_id]
    if house.merchant is not None and house.merchant.brand_id:
        brands.insert(0, house.merchant.brand_id)
    with merchant_context(PUBLIC):
        found = {server.brand_id: server for server in MailServer.objects.filter(brand__in=brands)}
    return next((found[pk] for pk in brands if pk in found), None)


def account_of(merchant: Merchant) -> MailAccount | None:
    """The same server for whoever sends letters of the merchant's by itself: a channel."""
    server = server_of(House(merchant.partner, merchant)) if merchant.partner else None
    if server is None:
        return None
    try:
        password = unseal(_key(server.brand_id), server.sealed) if server.sealed else ""
    except Unreadable:
        return None
    return MailAccount(
        host=server.host,
        port=server.port,
        security=server.security,
        username=server.username,
        password=password,
        sender=server.sender,
    )


def _rests(server: MailServer) -> bool:
    at = server.fault_at
    return bool(server.fault and at and at > timezone.now() - timedelta(seconds=REST_S))


def _note(server: MailServer, fault: str) -> None:
    """Keep what is wrong with a server, or that it works again."""
    if not fault and not server.fault:
        return
    server.fault, server.fault_at = fault[:300], timezone.now() if fault else None
    with merchant_context(PUBLIC):
        MailServer.objects.filter(pk=server.pk).update(fault=server.fault, fault_at=server.fault_at)


# ── One server ───────────────────────────────────────────────────────────────────────────────
def mail_server_save(brand: Brand, *, password: str = "", **values: Any) -> MailServer:
    """Keep a brand's server; nothing is called. An empty password keeps the stored one.

    A stored password is for one server: with another host or user name it has to be given anew.
    Raises: ValidationError, by field.
    """
    with merchant_context(PUBLIC), transaction.atomic():
        server = MailServer.objects.select_for_update().filter(brand=brand).first()
        server = server or MailServer(brand=brand)
        before = (server.host, server.username)
        for name, value in values.items():
            setattr(server, name, value.strip() if isinstance(value, str) else value)
        server.host = server.host.lower().rstrip(".")
        if password:
            server.sealed = seal(_key(brand.pk), password)
        elif server.sealed and (server.host, server.username) != before:
            raise ValidationError(
                {"password": _("Another server or name: give the password, too.")}
            )
        if not server.username:
            server.sealed = ""
        elif not server.sealed:
            raise ValidationError({"password": _("A user name needs its password.")})
        if server.username and server.security == MailServer.Security.NONE:
            raise ValidationError(
                {"security": _("A password is never sent unencrypted: choose STARTTLS or TLS.")}
            )
        server.fault, server.fault_at = "", None
        server.full_clean()
        server.save()
    return server


def mail_server_remove(brand: Brand) -> None:
    """Letters go through the partner's or the platform's server again."""
    with merchant_context(PUBLIC):
        MailServer.objects.filter(brand=brand).delete()


def mail_server_try(server: MailServer, house: House, *, to: str) -> None:
    """Send a test letter through this server alone. Raises MailFailed in words."""
    brand = house.brand
    name = brand.get("sender_name") or brand.get("name", "")
    text = _("This letter came through the mail server %(server)s. It works.\n") % {
        "server": str(server)
    }
    try:
        _through(server, to, _("Test letter of %(brand)s") % {"brand": brand["name"]}, text,
                 name=name, answers=answers_to(house))  # fmt: skip
    except MailFailed as exc:
        _note(server, str(exc))
        raise
    _note(server, "")


def _key(brand_id: int) -> str:
    return f"brand:{brand_id}"


def _through(
    server: MailServer, to: str, subject: str, text: str, *, name: str, answers: str
) -> None:
    letter = EmailMessage(
        subject,
        text,
        formataddr((name, server.sender)),
        [to],
        reply_to=[answers] if answers else None,
    )
    try:
        password = unseal(_key(server.brand_id), server.sealed) if server.sealed else ""
    except Unreadable as exc:
        raise MailFailed(_("The stored password cannot be read. Type it again.")) from exc
    letter.connection = get_connection(
        f"{__name__}.GuardedSmtp",
        host=server.host,
        port=server.port,
        # Empty would mean the platform's own.
        username=server.username,
        password=password,
        use_tls=server.security == MailServer.Security.STARTTLS,
        use_ssl=server.security == MailServer.Security.TLS,
        timeout=TIMEOUT_S,
    )
    release_connection()
    try:
        letter.send()
    except (OSError, UnicodeError) as exc:
        log.warning("mail server %s: %s", server, type(exc).__name__)
        raise MailFailed(in_words(exc, str(server))) from exc


def in_words(exc: Exception, server: str) -> str:
    """What went wrong with a mail server, and what to do."""
    said = _said(exc)
    if isinstance(exc, smtplib.SMTPAuthenticationError):
        text = _("%(server)s refuses the user name or the password. Check both; some services "
                 "want a password made for programs.")  # fmt: skip
    elif isinstance(exc, smtplib.SMTPNotSupportedError):
        text = _("%(server)s does not offer this encryption or a log-in. Choose another way of "
                 "encryption.")  # fmt: skip
    elif isinstance(exc, smtplib.SMTPSenderRefused):
        text = _("%(server)s refuses the sender's address. It must be one of this account.")
    elif isinstance(exc, smtplib.SMTPRecipientsRefused):
        text = _("%(server)s refuses the recipient's address.")
    elif isinstance(exc, ssl.SSLCertVerificationError):
        text = _("The certificate of %(server)s is not valid for this name.")
    elif isinstance(exc, ssl.SSLError):
        text = _("Encryption with %(server)s failed. Port 465 wants TLS from the start, port 587 "
                 "wants STARTTLS.")  # fmt: skip
    elif isinstance(exc, AddressRefused):
        text = _("%(server)s is not an address we may connect to.")
    elif isinstance(exc, TimeoutError):
        text = _("%(server)s does not answer. Check the port and the way of encryption.")
    elif isinstance(exc, smtplib.SMTPServerDisconnected):
        text = _("%(server)s hung up. Check the port and the way of encryption.")
    elif isinstance(exc, smtplib.SMTPException):
        text = _("%(server)s did not take the letter.")
    else:
        text = _("No connection to %(server)s. Check the name and the port.")
    text %= {"server": server}
    return f"{text} {_('It said: %(words)s') % {'words': said}}" if said else text


def _said(exc: Exception) -> str:
    """The server's own words, short and on one line."""
    words: bytes | str
    if isinstance(exc, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(exc.recipients.values()), (0, b""))
    elif isinstance(exc, smtplib.SMTPResponseException):
        code, words = exc.smtp_code, exc.smtp_error
    elif isinstance(exc, AddressRefused):
        return str(exc)
    else:
        return ""
    text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    return " ".join(f"{code} {text}".split())[:ANSWER_SHOWN]


# ── The way out ──────────────────────────────────────────────────────────────────────────────
class GuardedSmtp(EmailBackend):
    """Django's own, with the guard of every outgoing connection."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return SmtpTls if self.use_ssl else Smtp
