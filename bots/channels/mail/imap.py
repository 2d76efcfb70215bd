"""Reading a mailbox: new letters by UID, nothing in it is changed. RFC 3501."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tenants.kernel.errors import NeedsMerchant, NotFound, RetryLater
from tenants.kernel.guard import AddressRefused
from tenants.kernel.mail import mail_socket

VENDOR = "imap"
TIMEOUT_S = 20.0
AT_ONCE = 50
LETTER_BYTES = 30 * 1024 * 1024
# Of a larger one only so much is read: the words stand first, the rest is files.
HEAD_BYTES = 512 * 1024
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Mailbox:
    host: str
    port: int
    security: str  # tls | starttls
    username: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    ca_bundle: str = ""


@dataclass(frozen=True)
class Fetched:
    validity: int
    uid: int
    content: bytes
    is_whole: bool


def tls(ca_bundle: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_bundle:
        context.load_verify_locations(cadata=ca_bundle)
    return context


class _Imap(imaplib.IMAP4):
    def _create_socket(self, timeout: float | None) -> socket.socket:
        return mail_socket(self.host, self.port, timeout)


class _ImapTls(imaplib.IMAP4_SSL):
    ssl_context: ssl.SSLContext

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = mail_socket(self.host, self.port, timeout)
        return self.ssl_context.wrap_socket(plain, server_hostname=self.host)


@contextmanager
def opened(box: Mailbox) -> Iterator[tuple[imaplib.IMAP4, int]]:
    """The folder, read only, and its UIDVALIDITY. Raises VendorError in words."""
    client: imaplib.IMAP4 | None = None
    about: dict[str, Any] = {"vendor": VENDOR, "operation": "read"}
    try:
        context = tls(box.ca_bundle)
        if box.security == "tls":
            client = _ImapTls(box.host, box.port, ssl_context=context, timeout=TIMEOUT_S)
        else:
            client = _Imap(box.host, box.port, timeout=TIMEOUT_S)
            client.starttls(context)
        _log_in(client, box)
        kind, _said = client.select(_quoted(box.folder), readonly=True)
        if kind != "OK":
            raise NeedsMerchant("the mailbox has no such folder", **about)
        yield client, _number(client.response("UIDVALIDITY")[1])
    except AddressRefused as exc:
        raise NeedsMerchant(f"the mail server's address is not usable ({exc})", **about) from exc
    except ssl.SSLCertVerificationError as exc:
        raise NeedsMerchant(
            "the mail server's certificate is not valid for its name", **about
        ) from exc
    except ssl.SSLError as exc:
        raise NeedsMerchant(
            "encryption with the mail server failed: check port and encryption", **about
        ) from exc
    except (imaplib.IMAP4.error, OSError, EOFError, ValueError) as exc:
        raise RetryLater(f"no connection to the mail server ({_short(exc)})", **about) from exc
    finally:
        if client is not None:
            with suppress(imaplib.IMAP4.error, OSError, EOFError):
                client.logout()


def _log_in(client: imaplib.IMAP4, box: Mailbox) -> None:
    try:
        client.login(box.username, box.password)
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, UnicodeEncodeError) as exc:
        said = _short(exc)
        if "UNAVAILABLE" in said or "try again" in said.lower():
            raise
        raise NeedsMerchant(
            f"the mail server refuses the user name or the password ({said})",
            vendor=VENDOR,
            operation="login",
        ) from exc


def _short(exc: BaseException) -> str:
    text = exc.args[0] if exc.args else ""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(exc)
    return " ".join(words.split())[:120] or type(exc).__name__


def _quoted(folder: str) -> str:
    """A folder's name as IMAP writes it: modified UTF-7 in quotes (RFC 3501 §5.1.3)."""
    coded = ""
    for run, plain in re.findall(r"([^\x20-\x7e]+)|([\x20-\x7e])", folder):
        if run:
            packed = run.encode("utf-7").decode().removeprefix("+").removesuffix("-")
            coded += f"&{packed.replace('/', ',')}-"
        else:
            coded += "&-" if plain == "&" else plain
    return '"' + coded.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _number(answer: Any) -> int:
    found = re.search(rb"\d+", answer[0]) if answer and answer[0] else None
    return int(found[0]) if found else 0


def fetch_new(box: Mailbox, cursor: dict[str, Any]) -> tuple[list[Fetched], dict[str, Any]]:
    """Letters that came since the cursor, at most AT_ONCE, and the cursor after them.

    At first: none, only where the end is. With another UIDVALIDITY the numbers mean nothing: what
    came since the day before the last look is read anew (its Message-ID tells it from news).
    """
    today = datetime.now(UTC).date()
    with opened(box) as (client, validity):
        known = cursor.get("validity") == validity
        if "validity" not in cursor:
            uids = _search(client, "ALL")
            return [], {"validity": validity, "uid": max(uids, default=0), "day": str(today)}
        if known:
            last = int(cursor.get("uid", 0))
            uids = [uid for uid in _search(client, f"UID {last + 1}:*") if uid > last]
        else:
            last = 0
            since = datetime.fromisoformat(cursor.get("day", str(today))) - timedelta(days=1)
            day = f"{since.day:02}-{_MONTHS[since.month - 1]}-{since.year}"
            uids = _search(client, f"SINCE {day}")
        found = []
        for uid in sorted(uids)[:AT_ONCE]:
            last = uid
            if letter := _fetch(client, validity, uid):
                found.append(letter)
        if not known and not uids:
            last = max(_search(client, "ALL"), default=0)
    return found, {"validity": validity, "uid": last, "day": str(today)}


def fetch_one(box: Mailbox, validity: int, uid: int) -> bytes:
    """A letter seen before. Raises NotFound where it is gone."""
    with opened(box) as (client, now):
        letter = _fetch(client, validity, uid) if now == validity else None
    if letter is None:
        raise NotFound("the letter is no longer in the mailbox", vendor=VENDOR)
    return letter.content


def _search(client: imaplib.IMAP4, what: str) -> list[int]:
    kind, said = client.uid("SEARCH", what)
    if kind != "OK":
        raise imaplib.IMAP4.error("the search was refused")
    return [int(one) for line in said if line for one in line.split() if one.isdigit()]


def _fetch(client: imaplib.IMAP4, validity: int, uid: int) -> Fetched | None:
    kind, said = client.uid("FETCH", str(uid), "(RFC822.SIZE)")
    size = 0
    for line in said if kind == "OK" else ():
        if isinstance(line, bytes) and (found := re.search(rb"RFC822\.SIZE (\d+)", line)):
            size = int(found[1])
    is_whole = size <= LETTER_BYTES
    part = "BODY.PEEK[]" if is_whole else f"BODY.PEEK[]<0.{HEAD_BYTES}>"
    kind, said = client.uid("FETCH", str(uid), f"({part})")
    if kind != "OK":
        raise imaplib.IMAP4.error("the letter was not given")
    for piece in said:
        if isinstance(piece, tuple):
            return Fetched(validity, uid, piece[1], is_whole)
    return None  # gone meanwhile
