"""Sending one letter through a mail server. RFC 5321."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from bots.channels.base import Unreachable
from bots.channels.mail.imap import tls
from tenants.kernel.errors import NeedsMerchant, OutcomeUnknown, Rejected, RetryLater
from tenants.kernel.guard import AddressRefused
from tenants.kernel.mail import MailAccount, Smtp, SmtpTls

VENDOR = "smtp"
TIMEOUT_S = 20.0
# A server that asks to come again later means minutes (greylisting, RFC 6647).
LATER_S = 300.0
# Enhanced status codes (RFC 3463) of a mailbox that is not there.
_NO_MAILBOX = re.compile(r"\b5\.1\.(1|2|3|6|10)\b|\b5\.2\.1\b")


@contextmanager
def connected(account: MailAccount, ca_bundle: str = "") -> Iterator[smtplib.SMTP]:
    """Logged in. Nothing is sent before: whatever fails here may be tried again."""
    about: dict[str, Any] = {"vendor": VENDOR, "operation": "connect"}
    server: smtplib.SMTP | None = None
    try:
        context = tls(ca_bundle)
        if account.security == "tls":
            server = SmtpTls(account.host, account.port, timeout=TIMEOUT_S, context=context)
        else:
            server = Smtp(account.host, account.port, timeout=TIMEOUT_S)
            if account.security == "starttls":
                server.starttls(context=context)
        server.ehlo_or_helo_if_needed()
        if account.username:
            if account.security == "none":
                raise NeedsMerchant("a password is never sent unencrypted", **about)
            server.login(account.username, account.password)
    except AddressRefused as exc:
        raise NeedsMerchant(f"the mail server's address is not usable ({exc})", **about) from exc
    except smtplib.SMTPAuthenticationError as exc:
        if 400 <= exc.smtp_code < 500:
            raise RetryLater(_said(exc), **about) from exc
        raise NeedsMerchant(
            f"the mail server refuses the user name or the password ({_said(exc)})", **about
        ) from exc
    except smtplib.SMTPNotSupportedError as exc:
        raise NeedsMerchant(
            "the mail server does not offer this encryption or a log-in", **about
        ) from exc
    except ssl.SSLCertVerificationError as exc:
        raise NeedsMerchant(
            "the mail server's certificate is not valid for its name", **about
        ) from exc
    except ssl.SSLError as exc:
        raise NeedsMerchant(
            "encryption with the mail server failed: check port and encryption", **about
        ) from exc
    except (OSError, ValueError) as exc:
        raise RetryLater(f"no connection to the mail server ({_said(exc)})", **about) from exc
    else:
        yield server
    finally:
        if server is not None:
            with suppress(OSError):
                server.quit()


def deliver(
    account: MailAccount, letter: EmailMessage, *, sender: str, to: str, ca_bundle: str = ""
) -> None:
    """Raises VendorError by consequence; Unreachable for a mailbox that is not there."""
    about: dict[str, Any] = {"vendor": VENDOR, "operation": "send"}
    content = letter.as_bytes(policy=SMTP)
    with connected(account, ca_bundle) as server:
        try:
            _expect(server.mail(sender, _options(server, sender, to, len(content))), "sender")
            _expect(server.rcpt(to), "recipient")
        except smtplib.SMTPServerDisconnected as exc:
            raise RetryLater("the mail server hung up", **about) from exc
        except OSError as exc:
            raise RetryLater(f"no answer in time ({_said(exc)})", **about) from exc
        try:
            answer: tuple[int, bytes | str] = server.data(content)
        except smtplib.SMTPDataError as exc:
            answer = (exc.smtp_code, exc.smtp_error)
        except OSError as exc:
            # The server may have it; the same Message-ID shows most programs that it is one letter.
            raise OutcomeUnknown(f"no answer in time ({_said(exc)})", **about) from exc
        _expect(answer, "letter")


def _options(server: smtplib.SMTP, sender: str, to: str, size: int) -> list[str]:
    options = [f"SIZE={size}"] if server.has_extn("size") else []
    if not (sender.isascii() and to.isascii()):
        if not server.has_extn("smtputf8"):
            raise Rejected("the mail server takes addresses in Latin letters only", vendor=VENDOR)
        server.command_encoding = "utf-8"
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    return options


def _expect(answer: tuple[int, bytes | str], what: str) -> None:
    code, words = answer
    if code < 400:
        return
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    said = " ".join(f"{code} {text}".split())[:160]
    about: dict[str, Any] = {"vendor": VENDOR, "operation": what}
    if code < 500:
        raise RetryLater(
            f"the mail server asks to come again later ({said})", retry_after_s=LATER_S, **about
        )
    if what == "sender":
        raise NeedsMerchant(f"the mail server refuses the sender's address ({said})", **about)
    if what == "recipient" and _NO_MAILBOX.search(said):
        raise Unreachable(f"there is no such mailbox ({said})")
    raise Rejected(f"the mail server does not take the letter ({said})", **about)


def _said(exc: BaseException) -> str:
    if isinstance(exc, smtplib.SMTPResponseException):
        words = exc.smtp_error
        text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
        return " ".join(f"{exc.smtp_code} {text}".split())[:120]
    return " ".join(str(exc).split())[:120] or type(exc).__name__
