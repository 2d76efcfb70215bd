"""A letter as its bytes: who wrote, what is new in it, what came along, and why not to answer.

Read with the old, forgiving rules (compat32) and by hand: real letters break every newer one.
Sources: RFC 5322, 2045-2047, 3464 (bounces), 3834 (automatic answers) and 8601
(Authentication-Results).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from email.utils import collapse_rfc2231_value, getaddresses, parsedate_to_datetime

from bots.channels.mail.reading import fold, text_of_html, tidy

TEXT_BYTES = 1024 * 1024
MOST_FILES = 30
MOST_PARTS = 300
ADDRESS_LENGTH = 120
SMALL_PICTURE = 20 * 1024
_ADDRESS = re.compile(r"^[^\s<>()\[\],;:\"@\x00-\x20]{1,64}@[^\s<>()\[\],;:\"@/]{1,253}$")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>")
_RE = re.compile(r"^\s*((re|fwd?|отв|ответ|на|пересл)(\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_ROBOTS = re.compile(
    r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|noreply|donotreply|bounces?)\b",
    re.IGNORECASE,
)
_KINDS = {"image": "image", "audio": "voice", "video": "video"}


@dataclass(frozen=True)
class Part:
    """A file in a letter. `place` finds it again."""

    place: int
    name: str
    mime: str
    size: int

    @property
    def kind(self) -> str:
        return _KINDS.get(self.mime.partition("/")[0], "file")


@dataclass(frozen=True)
class Bounce:
    """A mail server gives a letter of ours back."""

    message_id: str
    recipient: str
    detail: str


@dataclass(frozen=True)
class Letter:
    sender: str = ""
    name: str = ""
    answers_to: str = ""  # Reply-To
    subject: str = ""
    message_id: str = ""
    references: tuple[str, ...] = ()
    sent_at: datetime | None = None
    text: str = ""
    quoted: str = ""
    files: tuple[Part, ...] = ()
    automatic: str = ""  # why no person has written it
    bounce: Bounce | None = None
    results: tuple[str, ...] = field(default=())  # Authentication-Results, the newest first

    @property
    def is_answer(self) -> bool:
        return bool(_RE.match(self.subject))


def letter_of(raw: bytes) -> Letter:
    """Raises ValueError for what is no letter at all."""
    try:
        message = message_from_bytes(raw)
        parts = list(_parts(message))
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError) as exc:
        raise ValueError("this is no letter") from exc
    sender, name = _from(message, "From")
    new, quoted = fold(_text(parts))
    ids = _MESSAGE_ID.findall(_raw(message, "Message-ID"))
    references = [
        *_MESSAGE_ID.findall(_raw(message, "References")),
        *_MESSAGE_ID.findall(_raw(message, "In-Reply-To")),
    ]
    return Letter(
        sender=sender,
        name=name,
        answers_to=_from(message, "Reply-To")[0],
        subject=header(message, "Subject")[:300],
        message_id=ids[0] if ids else "",
        references=tuple(dict.fromkeys(references)),
        sent_at=_date(message),
        text=new,
        quoted=quoted,
        files=tuple(_files(parts))[:MOST_FILES],
        automatic=_automatic(message, sender),
        bounce=_bounce(message, parts),
        results=tuple(_raw(message, "Authentication-Results", n) for n in range(5)),
    )


def file_of(raw: bytes, place: int) -> bytes:
    """The bytes of a Part. Raises ValueError where there is none."""
    for number, part in enumerate(_parts(message_from_bytes(raw))):
        if number == place:
            return _bytes(part)
    raise ValueError("the letter has no such file")


# ── headers ──
def _raw(message: Message, name: str, number: int = 0) -> str:
    """A header as it came, on one line, odd bytes read as well as can be."""
    found = [value for key, value in message.raw_items() if key.lower() == name.lower()]
    if number >= len(found):
        return ""
    value = str(found[number])[:20_000]
    if not value.isascii():
        value = _decoded(value.encode("utf-8", "surrogateescape"), "")
    return " ".join(value.split())


def header(message: Message, name: str) -> str:
    return _words(_raw(message, name))


def _words(value: str) -> str:
    """RFC 2047 words decoded, and nothing that cannot be shown."""
    if "=?" in value:
        try:
            pieces = decode_header(value)
        except (ValueError, LookupError):  # half an encoded word
            pieces = [(value, None)]
        value = "".join(
            piece if isinstance(piece, str) else _decoded(piece, charset or "")
            for piece, charset in pieces
        )
    return "".join(c if c.isprintable() else " " for c in value).strip()


def _from(message: Message, name: str) -> tuple[str, str]:
    """(address in small letters, name) where exactly one is named; else empty."""
    try:
        found = [one for one in getaddresses([_raw(message, name)]) if any(one)]
    except (ValueError, IndexError):
        return "", ""
    if len(found) != 1:
        return "", ""
    words, address = found[0]
    address = address.strip().lower()
    if not _ADDRESS.match(address) or len(address) > ADDRESS_LENGTH or not address.isprintable():
        return "", ""
    return address, _words(words)[:120]


def _date(message: Message) -> datetime | None:
    try:
        found = parsedate_to_datetime(_raw(message, "Date"))
        found = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    now = datetime.now(UTC)
    return min(found, now) if found.year >= 2000 else None


def _automatic(message: Message, sender: str) -> str:
    """Why this was written by a program; empty for a person's letter (RFC 3834 §2)."""
    submitted = _raw(message, "Auto-Submitted").partition(";")[0].strip().lower()
    if submitted and submitted != "no":
        return "an automatic answer"
    if _raw(message, "Return-Path") == "<>":
        return "a letter that nobody can answer"
    if _raw(message, "Precedence").lower() in ("bulk", "junk", "list", "auto_reply"):
        return "a mailing"
    names = {key.lower() for key, _value in message.raw_items()}
    if names & {"x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply"}:
        return "an automatic answer"
    if any(name.startswith("list-") for name in names):
        return "a mailing list"
    if _raw(message, "X-Spam-Flag").upper() == "YES":
        return "spam, says the mail server"
    if message.get_content_type() == "multipart/report":
        return "a report"
    if _ROBOTS.match(sender):
        return "a letter that nobody can answer"
    return ""


# ── parts ──
def _parts(message: Message) -> Iterator[Message]:
    """What is no container, in order; letters inside a letter stay whole."""
    waiting = [message]
    seen = 0
    while waiting and seen < MOST_PARTS:
        part = waiting.pop()
        seen += 1
        inner = part.get_payload()
        is_letter = part.get_content_maintype() == "message" and part is not message
        if isinstance(inner, list) and not is_letter:
            waiting.extend(reversed([one for one in inner if isinstance(one, Message)]))
        else:
            yield part


def _is_file(part: Message) -> bool:
    if part.get_content_maintype() == "text":
        disposition = str(part.get("Content-Disposition", "")).lower()
        plain = part.get_content_subtype() in ("plain", "html")
        return disposition.startswith("attachment") or not plain
    return True


def _text(parts: list[Message]) -> str:
    """The letter's words: its plain text, else its HTML as text."""
    said = [part for part in parts if not _is_file(part)]
    plain = [part for part in said if part.get_content_subtype() == "plain"]
    text = "\n".join(filter(None, (tidy(_text_of(part)) for part in plain)))
    if text:
        return text
    html = [part for part in said if part.get_content_subtype() == "html"]
    return "\n".join(filter(None, (text_of_html(_text_of(part)) for part in html)))


def _bytes(part: Message) -> bytes:
    if part.get_content_maintype() == "message":
        inner = part.get_payload()
        if isinstance(inner, list):
            return b"\n".join(one.as_bytes() for one in inner if isinstance(one, Message))
    try:
        found = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        found = None
    return found if isinstance(found, bytes) else b""


def _text_of(part: Message) -> str:
    try:
        charset = part.get_content_charset() or ""
    except (LookupError, ValueError):
        charset = ""
    return _decoded(_bytes(part)[:TEXT_BYTES], charset).replace("\x00", "")


def _decoded(content: bytes, charset: str) -> str:
    """By the charset that is named, where it is true; else by what Russian letters come in."""
    for name in (charset, "utf-8"):
        if name:
            try:
                return content.decode(name)
            except (LookupError, ValueError):
                continue
    if charset.lower() in ("utf-8", "utf8", "us-ascii"):
        whole = content.decode("utf-8", "replace")
        if whole.count("\ufffd") * 20 < len(whole):  # a few bad bytes, or cut inside a letter
            return whole
    return content.decode("cp1251", "replace")


def _files(parts: list[Message]) -> Iterator[Part]:
    for place, part in enumerate(parts):
        if not _is_file(part) or part.get_content_type() == "message/delivery-status":
            continue
        size = len(_bytes(part))
        is_inline = bool(part.get("Content-ID")) and "attachment" not in str(
            part.get("Content-Disposition", "")
        )
        if not size or (is_inline and size < SMALL_PICTURE):
            continue  # the little pictures of a signature
        yield Part(place, _name(part), part.get_content_type()[:100], size)


def _name(part: Message) -> str:
    try:
        found = part.get_param("filename", header="content-disposition") or part.get_param("name")
        name = _words(collapse_rfc2231_value(found)) if found else ""
    except (LookupError, ValueError, TypeError):
        name = ""
    name = re.split(r"[\\/]", name)[-1]
    if not name and part.get_content_maintype() == "message":
        name = "letter.eml"
    return name[:200]


def _bounce(message: Message, parts: list[Message]) -> Bounce | None:
    """RFC 3464: which letter of ours was given back, and why."""
    if message.get_content_type() != "multipart/report":
        return None
    told: dict[str, str] = {}
    ident = ""
    for part in parts:
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            blocks = part.get_payload()
            for block in blocks if isinstance(blocks, list) else []:
                if isinstance(block, Message):
                    told |= {key.lower(): _words(" ".join(str(v).split())) for key, v in
                             block.items()}  # fmt: skip
        elif kind in ("message/rfc822", "text/rfc822-headers"):
            inner = _bytes(part).decode("utf-8", "replace")
            found = re.search(r"^message-id:\s*(<[^\s<>]{1,250}>)", inner, re.I | re.M)
            ident = found[1] if found else ident
    if told.get("action", "").lower() != "failed" or not ident:
        return None
    recipient = told.get("final-recipient", told.get("original-recipient", ""))
    address = recipient.rpartition(";")[2].strip().strip("<>").lower()
    if not _ADDRESS.match(address):
        return None
    why = told.get("diagnostic-code", "").partition(";")[2].strip() or told.get("status", "")
    return Bounce(ident, address, why[:200])


# ── proof ──
def is_proven(letter: Letter, server: str) -> bool:
    """Whether the shop's own mail server says that the sender's domain has sent it.

    Only the newest Authentication-Results is asked: what stands below it came with the letter.
    """
    told = letter.results[0] if letter.results else ""
    ident, _, results = told.partition(";")
    words = ident.split()
    if not server or not words or words[0].lower() != server.strip().lower():
        return False
    domain = letter.sender.rpartition("@")[2]
    for result in re.sub(r"\([^()]*\)", " ", results).split(";"):
        fields = dict(re.findall(r"([a-z]+(?:\.[a-z]+)?)\s*=\s*\"?([^\s\";]+)", result.lower()))
        if fields.get("dmarc") == "pass" and _is_of(domain, fields.get("header.from", "")):
            return True
        signed = fields.get("header.d") or fields.get("header.i", "").rpartition("@")[2]
        if fields.get("dkim") == "pass" and _is_of(domain, signed):
            return True
        if fields.get("spf") == "pass":
            sent = fields.get("smtp.mailfrom", "").rpartition("@")[2]
            if sent and sent == domain:
                return True
    return False


def _is_of(domain: str, signer: str) -> bool:
    """The sender's domain itself, or the one above it, with at least two names."""
    return signer.count(".") >= 1 and (domain == signer or domain.endswith(f".{signer}"))
