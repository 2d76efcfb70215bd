"""E-mail: letters in by IMAP or a service's calls, out by SMTP. One conversation per sender."""

from __future__ import annotations

import hmac
import logging
import mimetypes
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate
from hashlib import blake2b, sha256
from typing import Any

from bots.channels.base import (
    DELIVERED,
    BuyerMessage,
    Call,
    ChannelAdapter,
    Check,
    Envelope,
    File,
    Inbound,
    Occurrence,
    Receipt,
    Reply,
    Sent,
    SignatureMismatch,
    Unsupported,
    split_text,
)
from bots.channels.mail.hooks import SERVICES, address_in
from bots.channels.mail.imap import Mailbox, fetch_new, fetch_one
from bots.channels.mail.letter import ADDRESS_LENGTH, Letter, file_of, is_proven, letter_of
from bots.channels.mail.manifest import MANIFEST
from bots.channels.mail.post import connected, deliver
from tenants.kernel.errors import NeedsMerchant, Rejected
from tenants.kernel.files import file_bytes
from tenants.kernel.mail import MailAccount

log = logging.getLogger(__name__)

DEFAULTS = {one.name: one.default for one in MANIFEST.settings}
QUOTED_KEPT = 10_000
REFERENCES_KEPT = 12
ID_LENGTH = 120
UID = "uid"  # in what a poll gives: UIDVALIDITY and UID
SUBJECT = {"ru": "Сообщение от магазина", "en": "A message from the shop"}
_KEY = re.compile(r"^[\w.-]{1,100}$", re.ASCII)
_OURS = re.compile(r"^<(m\d+\.\d+)\.([0-9a-f]{16})@")
_ADDRESS = re.compile(r"^[^\s@<>,;]{1,64}@[^\s@<>,;]+\.[^\s@<>,;]+$")


class Mail(ChannelAdapter):
    manifest = MANIFEST

    # ── in ──
    def verify(self, request: Inbound) -> None:
        service = SERVICES.get(self._setting("incoming"))
        if service is None:
            raise SignatureMismatch("letters of this mailbox are fetched")
        service.verify(request, self.config.secrets.get("hook_secret", ""))

    def envelopes(self, request: Inbound) -> list[Envelope]:
        """A letter of a poll is read at once, its files stay in the mailbox. A service's call is
        kept as it came and read by a worker."""
        service = SERVICES.get(self._setting("incoming"))
        if service is None:
            return self._fetched(request)
        event = request.json()
        key, sender, answers_to = service.about(event)
        chat = self._chat(address_in(sender), address_in(answers_to))
        if not _KEY.match(key) or not chat:
            return []  # no letter of somebody; asked again it would be the same
        return [Envelope(key, chat, {"event": event, "key": key, "chat": chat})]

    def _fetched(self, request: Inbound) -> list[Envelope]:
        uid = request.headers[UID]
        try:
            letter = letter_of(request.body)
        except ValueError:
            log.warning("channel %s: letter %s cannot be read", self.config.channel_id, uid)
            return []
        said = self._said(letter, files_at=uid)
        if not said["chat"]:
            return []
        known = f"{said['chat']} {letter.message_id}" if letter.message_id else uid
        key = blake2b(known.encode(), digest_size=20).hexdigest()
        return [Envelope(key, said["chat"], {"letter": {**said, "key": key}})]

    def parse(self, payload: Any) -> list[Occurrence]:
        """Reads: `letter` as `_said` wrote it, or `event` of a service with `key` and `chat`."""
        said = payload.get("letter")
        if said is None:
            letter = letter_of(self._mime(payload))
            said = self._said(letter, files_at=f"{DELIVERED}:{payload['key']}")
            said["is_proven"] = said["is_proven"] and letter.sender == payload["chat"]
            said |= {"key": payload["key"], "chat": payload["chat"]}
        if bounce := said.get("bounce"):
            return [Receipt(bounce["id"].strip("<>"), said["chat"], "failed", bounce["detail"])]
        if said["ignored"]:
            raise Unsupported(said["ignored"])
        return [_message(said)]

    def _mime(self, payload: Any) -> bytes:
        service = SERVICES.get(self._setting("incoming"))
        if service is None:
            raise Unsupported("a call of a service that is not used any more")
        try:
            return service.mime(payload["event"])
        except Unsupported:
            raise
        except Exception as exc:  # anymail and the standard library stumble over odd letters
            raise Unsupported(f"a letter that cannot be read ({type(exc).__name__})") from exc

    def _said(self, letter: Letter, *, files_at: str) -> dict[str, Any]:
        """Everything a worker has to know of a letter, as JSON."""
        chat = self._chat(letter.sender, letter.answers_to)
        is_own = letter.sender == self._address()
        ignored = letter.automatic
        if self._is_ours(letter.message_id) or (is_own and chat == letter.sender):
            ignored = "a letter of our own"
        said: dict[str, Any] = {
            "chat": chat,
            "name": "" if is_own else letter.name,
            "id": letter.message_id,
            "subject": letter.subject,
            "is_answer": letter.is_answer or any(map(self._is_ours, letter.references)),
            "references": list(letter.references[-REFERENCES_KEPT:]),
            "text": letter.text,
            "quoted": letter.quoted[:QUOTED_KEPT],
            "at": letter.sent_at.isoformat() if letter.sent_at else None,
            "is_proven": not is_own and is_proven(letter, self._setting("trusted")),
            "ignored": ignored,
            "files": [
                {"kind": one.kind, "name": one.name, "mime": one.mime, "size": one.size,
                 "at": f"{files_at}:{one.place}"}
                for one in letter.files
            ],
        }  # fmt: skip
        if letter.bounce and self._is_ours(letter.bounce.message_id):
            said["chat"] = letter.bounce.recipient
            said["bounce"] = {"id": letter.bounce.message_id, "detail": letter.bounce.detail}
        return said

    def _chat(self, sender: str, answers_to: str) -> str:
        """The buyer's address. A form of the shop's own site writes in the shop's name."""
        if sender == self._address() and answers_to:
            sender = answers_to
        is_address = _ADDRESS.match(sender) and sender.isprintable()
        return sender if is_address and len(sender) <= ADDRESS_LENGTH else ""

    def poll(self, cursor: dict[str, Any], wait_s: float) -> tuple[list[Inbound], dict[str, Any]]:
        mine = cursor.get("imap", {})
        place = f"{self._setting('imap_host')} {self._user('imap')} {self._setting('imap_folder')}"
        if mine.get("place") != place:
            mine = {}  # another mailbox: its numbers are others
        letters, after = fetch_new(self._mailbox(), mine)
        found = [
            Inbound(one.content, {UID: f"{one.validity}:{one.uid}:{int(one.is_whole)}"})
            for one in letters
        ]
        return found, {**cursor, "imap": {**after, "place": place}}

    def fetch_file(self, file: File) -> bytes:
        """From the mailbox, where the letter lies."""
        validity, uid, is_whole, place = file.external_id.split(":")
        if is_whole != "1":
            raise ValueError("the letter is larger than the 30 MB we fetch")
        return file_of(fetch_one(self._mailbox(), int(validity), int(uid)), int(place))

    def delivered_file(self, payload: Any, part: str) -> bytes:
        return file_of(self._mime(payload), int(part))

    # ── out ──
    def render(self, reply: Reply) -> list[Call]:
        """One letter; a text past the limit goes in several. Files go with the first."""
        footer = self._setting("footer").strip()
        footer = f"\n\n-- \n{footer}" if footer else ""
        thread = reply.thread
        subject = str(thread.get("subject") or "")
        if subject:
            subject = subject if _is_answer(subject) else f"Re: {subject}"
        parts = split_text(reply.text, self.manifest.text_limit - len(footer)) or [""]
        calls = []
        for number, text in enumerate(parts, start=1):
            data: dict[str, Any] = {
                "to": reply.chat,
                "subject": subject or self._first_subject(),
                "text": text + footer,
                "id": self._message_id(f"m{reply.message_id}.{number}"),
                "references": list(thread.get("references") or ()),
                "is_automatic": reply.author != "agent",
            }
            files = [(one.stored_id, one.name, one.mime) for one in reply.files]
            calls.append(Call("letter", data, {"stored": files} if files and number == 1 else {}))
        return calls

    def send(self, call: Call) -> Sent:
        account = self._account()
        sender, to = _wire(account.sender or self._address()), _wire(call.data["to"])
        try:
            letter = self._letter(call, sender, to)
        except (ValueError, IndexError) as exc:
            raise Rejected("this address cannot be written to") from exc
        deliver(account, letter, sender=sender, to=to, ca_bundle=self.config.ca_bundle)
        return Sent(call.data["id"].strip("<>"))

    def _letter(self, call: Call, sender: str, to: str) -> EmailMessage:
        data = call.data
        letter = EmailMessage(policy=SMTP if (sender + to).isascii() else SMTPUTF8)
        name = _line(self._setting("sender_name"))
        letter["From"] = Address(display_name=name, addr_spec=sender)
        letter["To"] = Address(addr_spec=to)
        if sender != _wire(self._address()):
            letter["Reply-To"] = Address(addr_spec=_wire(self._address()))
        letter["Subject"] = _line(data["subject"])
        letter["Date"] = formatdate(usegmt=True)
        letter["Message-ID"] = data["id"]
        if references := data["references"]:
            letter["In-Reply-To"] = references[-1]
            letter["References"] = " ".join(references)
        if data["is_automatic"]:
            # RFC 3834: other robots keep still.
            letter["Auto-Submitted"] = "auto-replied"
            letter["X-Auto-Response-Suppress"] = "All"
        letter.set_content(data["text"].replace("\r\n", "\n") + "\n")
        for stored, name, mime in call.files.get("stored", ()):
            kept, content = file_bytes(stored)
            kind = mime or mimetypes.guess_type(name or kept)[0] or "application/octet-stream"
            main, _, sub = kind.partition("/")
            letter.add_attachment(
                content,
                maintype=main if main not in ("multipart", "message") else "application",
                subtype=sub or "octet-stream",
                filename=_line(name or kept),
            )
        return letter

    # ── account ──
    def connect(self) -> Check:
        """Both servers are tried; nothing is sent and nothing in the mailbox is changed."""
        address, incoming = self._address(), self._setting("incoming")
        if not _ADDRESS.match(address) or len(address) > ADDRESS_LENGTH:
            return Check(ok=False, detail="this is not an e-mail address")
        with connected(self._account(), self.config.ca_bundle):
            pass
        account: dict[str, Any] = {"name": address, "link": f"mailto:{address}"}
        if incoming in SERVICES:
            if len(self.config.secrets.get("hook_secret", "")) < 16:
                return Check(ok=False, detail="the service's secret needs 16 characters or more")
            return Check(ok=True, account={**account, "mode": "webhook"})
        fetch_new(self._mailbox(), {})
        return Check(ok=True, account={**account, "mode": "polling"})

    # ── settings ──
    def _setting(self, name: str) -> str:
        return str(self.config.settings.get(name) or DEFAULTS[name])

    def _address(self) -> str:
        return self._setting("address").strip().lower()

    def _user(self, side: str) -> str:
        return self._setting(f"{side}_user").strip() or self._setting("address").strip()

    def _port(self, side: str) -> int:
        try:
            port = int(float(self._setting(f"{side}_port")))
        except ValueError:
            port = 0
        if not 0 < port < 65536:
            raise NeedsMerchant("this is not a port", vendor=side)
        return port

    def _host(self, side: str) -> str:
        host = self._setting(f"{side}_host").strip().lower()
        if not host:
            raise NeedsMerchant("the mail server's name is missing", vendor=side)
        return host

    def _mailbox(self) -> Mailbox:
        return Mailbox(
            host=self._host("imap"),
            port=self._port("imap"),
            security=self._setting("imap_security"),
            username=self._user("imap"),
            password=self.config.secrets.get("imap_password", ""),
            folder=self._setting("imap_folder"),
            ca_bundle=self.config.ca_bundle,
        )

    def _account(self) -> MailAccount:
        if self._setting("outgoing") == "lent":
            if self.config.mail_server is None:
                raise NeedsMerchant("neither you nor your partner has set up a mail server")
            return self.config.mail_server
        secrets = self.config.secrets
        return MailAccount(
            host=self._host("smtp"),
            port=self._port("smtp"),
            security=self._setting("smtp_security"),
            username=self._user("smtp"),
            password=secrets.get("smtp_password") or secrets.get("imap_password", ""),
        )

    def _first_subject(self) -> str:
        return self._setting("sender_name") or SUBJECT.get(self.config.language, SUBJECT["ru"])

    # ── our own letters ──
    def _message_id(self, name: str) -> str:
        """Always the same for one message, and nobody else can make it."""
        domain = _wire(self._address()).rpartition("@")[2]
        return f"<{name}.{self._tag(name)}@{domain or 'localhost'}>"

    def _tag(self, name: str) -> str:
        secret = self.config.secrets.get("hook", "")
        return hmac.digest(secret.encode(), f"letter:{name}".encode(), sha256).hex()[:16]

    def _is_ours(self, message_id: str) -> bool:
        found = _OURS.match(message_id)
        return found is not None and hmac.compare_digest(self._tag(found[1]), found[2])


def _message(said: dict[str, Any]) -> BuyerMessage:
    text, subject = said["text"], said["subject"]
    if subject and not said["is_answer"] and subject.casefold() not in text[:300].casefold():
        text = f"{subject}\n\n{text}".strip()
    ident = said["id"].strip("<>")
    data: dict[str, Any] = {
        "thread": {
            "subject": subject[:200],
            "references": [*said["references"], *([said["id"]] if said["id"] else [])][
                -REFERENCES_KEPT:
            ],
        }
    }
    if said["quoted"]:
        data["quoted"] = said["quoted"]
    proof = "shared" if said["is_proven"] else "claimed"
    return BuyerMessage(
        external_id=ident if 0 < len(ident) <= ID_LENGTH else said["key"],
        chat=said["chat"],
        text=text,
        sent_at=datetime.fromisoformat(said["at"]) if said["at"] else None,
        name=said["name"],
        files=tuple(
            File(one["kind"], one["name"], one["mime"], one["size"], external_id=one["at"])
            for one in said["files"]
        ),
        identities=(("email", said["chat"], proof),),
        data=data,
    )


def _is_answer(subject: str) -> bool:
    return subject[:4].lower() == "re: " or subject[:3].lower() == "re:"


def _wire(address: str) -> str:
    """An address as mail servers write it: the domain in Latin letters."""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{domain.encode('idna').decode()}"
    except UnicodeError:
        return address


def _line(text: str) -> str:
    """Without what would begin another header."""
    return "".join(c if c.isprintable() else " " for c in text).strip()
