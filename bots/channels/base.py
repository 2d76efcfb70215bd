"""What a channel adapter is. A plug-in imports this and `tenants.kernel`, nothing else of ours.

The engine asks the manifest what a channel can do instead of asking its name.
"""

from __future__ import annotations

import hmac
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from tenants.kernel.mail import MailAccount


class ReplyMode(StrEnum):
    PUSH = "push"  # we call the platform when we have something to say
    INLINE = "inline"  # the answer is inside the HTTP response (voice assistants)


class TextUnit(StrEnum):
    """How a platform counts the length of a text."""

    CHARACTERS = "characters"
    UTF16 = "utf16"
    BYTES = "bytes"

    def size(self, text: str) -> int:
        match self:
            case TextUnit.UTF16:
                return len(text.encode("utf-16-le", "surrogatepass")) // 2
            case TextUnit.BYTES:
                return len(text.encode("utf-8", "surrogatepass"))
        return len(text)


class Maturity(StrEnum):
    SIMULATED = "simulated"
    BETA = "beta"
    PROVEN = "proven"


@dataclass(frozen=True)
class Field:
    """One setting a manifest asks for. `kind`: text | secret | url | choice | bool | number."""

    name: str
    title: Any
    kind: str = "text"
    help: Any = ""
    is_required: bool = True
    default: Any = ""
    choices: tuple[tuple[str, Any], ...] = ()


def text_field(name: str, title: Any, **more: Any) -> Field:
    return Field(name, title, "text", **more)


def secret_field(name: str, title: Any, **more: Any) -> Field:
    return Field(name, title, "secret", **more)


@dataclass(frozen=True)
class Step:
    """One step of connecting, as the connection page tells it. `picture`: a static file's path."""

    title: Any
    text: Any = ""
    picture: str = ""
    link: str = ""


@dataclass(frozen=True)
class ChannelManifest:
    key: str
    title: Any
    implementation: str
    settings: tuple[Field, ...] = ()
    icon: str = ""  # a Material Symbols name
    text_limit: int = 4096  # of `text_unit`, a message
    text_unit: TextUnit = TextUnit.CHARACTERS
    reply_mode: ReplyMode = ReplyMode.PUSH
    reply_within_s: float = 20.0
    # Most buttons under a message; 0: none, they become a numbered list (bots.channels.rendering).
    buttons: int = 0
    button_title: int = 64  # characters
    shows_cards: bool = False  # product cards as such; else they become text with a link
    markup: Literal["plain", "html", "markdown"] = "plain"
    files: frozenset[str] = frozenset()  # kinds it can send: image, file, voice, video
    max_file_bytes: int = 20 * 1024 * 1024
    can_edit: bool = False  # our own text, after it was sent
    can_delete: bool = False
    # How long after sending that works; None: for ever.
    edit_within_s: int | None = None
    delete_within_s: int | None = None
    # We may write so long after the buyer's last message; None: always. Past that only what is
    # named here may go out ("template").
    reply_window_s: int | None = None
    past_window: frozenset[str] = frozenset()
    can_type: bool = False
    can_mark_read: bool = False  # tells the platform that a person has read the buyer's message
    # What a button of it asks the buyer for: "phone" (their own, proven), "location" (Button.kind).
    asks: frozenset[str] = frozenset()
    tells_who: bool = False  # the buyer's name has to be asked for (`who`)
    has_templates: bool = False  # messages the platform has to approve first (`templates`)
    can_write: bool = True  # False: it only tells (telephone calls); nothing can be sent
    can_write_first: bool = True  # False: only an answer to what was just said (voice)
    # Its chats are telephone numbers in E.164: who has never written there can be written to.
    chat_is_phone: bool = False
    can_stream: bool = False  # shows checked sentences before the message is whole
    has_receipts: bool = False  # tells delivered and read
    can_look_up: bool = False  # a send with unknown outcome can be looked up
    # Receipts carry our message's id (`Receipt.message_id`): a send with unknown outcome waits so
    # long for one before a text is sent once more; 0: they do not.
    settles_within_s: float = 0.0
    rate_per_s: float = 25.0  # sends per second for the whole account
    rate_per_chat_s: float = 1.0
    # Chats that share a pace of their own (members of one group): what they share and sends per
    # second, for a chat; None: `rate_per_chat_s` holds. Pure.
    shared_pace: Callable[[str], tuple[str, float] | None] | None = None
    region: str = "world"  # "ru": works inside Russia without a foreign service
    # Where the tile stands at a Russian merchant's, the lower the earlier; `note` says why, where
    # that needs a reason ("buyers abroad").
    place: int = 50
    note: Any = ""
    steps: tuple[Step, ...] = ()
    maturity: Maturity = Maturity.SIMULATED
    gaps: tuple[Any, ...] = ()
    polls: bool = False  # can fetch by itself when there is no public address
    poll_every_s: float = 0.0  # pause between two `poll`; 0 where the platform itself waits
    # Past so many messages of one buyer in an hour the bot leaves the chat to people: another
    # robot may be writing. 0: never.
    hourly_limit: int = 0
    wants_mail_server: bool = False  # sends letters: Config.mail_server
    is_offered: bool = True  # False: the product makes it itself, nobody connects one
    takes_links: bool = False  # files go out as links good for a day (File.url)
    # Where the abilities are an account's own: the manifest with these settings. Pure, and no
    # setting is too odd for it.
    declares: Callable[[ChannelManifest, Mapping[str, Any]], ChannelManifest] | None = None

    def of_account(self, settings: Mapping[str, Any]) -> ChannelManifest:
        """The manifest as an account with these settings has it."""
        return self.declares(self, settings) if self.declares else self


@dataclass(frozen=True)
class Config:
    """A channel row as an adapter sees it. Holds no model."""

    channel_id: int
    schema: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    base_url: str = ""
    proxy: str = ""
    cursor: Mapping[str, Any] = field(default_factory=dict)
    hook_url: str = ""
    language: str = "ru"
    # The merchant's or its partner's server for letters, where the manifest `wants_mail_server`.
    mail_server: MailAccount | None = None
    # PEM certificates trusted beside the usual ones, for this channel's addresses alone.
    ca_bundle: str = ""


@dataclass(frozen=True)
class Inbound:
    """One HTTP call of a platform, or what a poll fetched (then `headers` is empty)."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = ""  # what a platform has put behind our address
    # What an adapter has understood of it, for its next method.
    kept: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def json(self) -> Any:
        """The body, read once: not to be changed by who reads it."""
        return self._read

    @cached_property
    def _read(self) -> Any:
        return json.loads(self.body)


class SignatureMismatch(Exception):
    """The call is not the platform's: 403 or what the platform wants, and nothing is stored."""

    status = 403


class Unsupported(Exception):
    """A known or unknown event we do not use: answered 200 and dropped; the text names it."""


@dataclass(frozen=True)
class Envelope:
    """What ingest keeps of one delivery, without having understood it.

    `dedupe_key`: the delivery's identity. `chat`: messages of one chat are applied in order.
    `payload`: JSON that `parse` reads later.
    """

    dedupe_key: str
    chat: str
    payload: Any


DELIVERED = "delivered"


@dataclass(frozen=True)
class File:
    """`external_id` is what `fetch_file` takes, up to 2,000 characters. What begins with
    DELIVERED is in the delivery itself: dedupe key and what `delivered_file` takes, by colons.

    `url`: where the bytes may be had for a day, going out where the manifest `takes_links`.
    """

    kind: str  # image, file, voice, video
    name: str = ""
    mime: str = ""
    size: int | None = None
    external_id: str = ""
    stored_id: int | None = None  # already kept as workspace.StoredFile
    url: str = ""


# Of "wordless": only a person can make something of it.
TO_SEE = frozenset({"place", "other"})


@dataclass(frozen=True)
class BuyerMessage:
    """The buyer wrote something. `external_id`: the message's identity in the channel."""

    external_id: str
    chat: str
    text: str = ""
    sent_at: datetime | None = None
    name: str = ""
    username: str = ""
    language: str = ""
    files: tuple[File, ...] = ()
    reply_to: str = ""
    payload: str = ""  # of a pressed button
    is_start: bool = False  # "/start", an opened chat: greet, do not answer
    identities: tuple[tuple[str, str, str], ...] = ()  # (kind, value, proof), see bots.Identity
    # page, referrer, deep link, location {"lat", "lon"}… and "wordless": what the text stands for
    # when nobody has said it in words ("place", "phone", "other"); "quoted": earlier text that
    # came along, folded away; "thread": what a reply needs of this message, see Reply.thread.
    data: Mapping[str, Any] = field(default_factory=dict)
    callback: str = ""  # to be acknowledged by `acknowledge`
    # Only asks whether the answer is ready ("ну что?"): no message where one is being prepared.
    is_nudge: bool = False
    # `identities` are all that is proven now: an account that was unlinked proves nothing more.
    vouched_anew: bool = False
    # Pictures that were sent together and come one by one: all with the same `album` are one
    # message, whose answer waits for the rest.
    album: str = ""
    # We may write so long after this message, where that is the chat's own matter and not the
    # channel's (ChannelManifest.reply_window_s).
    window_s: int | None = None
    is_public: bool = False  # others read along (a group): nothing personal is told there


@dataclass(frozen=True)
class BuyerEdit:
    external_id: str
    chat: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)  # location: where somebody is now


@dataclass(frozen=True)
class BuyerDelete:
    """The buyer took a message back."""

    external_id: str
    chat: str


@dataclass(frozen=True)
class Reaction:
    """The buyer put a sign on a message; an empty `emoji` takes it away. It asks for no answer."""

    external_id: str  # of the message it is put on
    chat: str
    emoji: str


@dataclass(frozen=True)
class OwnerEcho:
    """Somebody wrote to the buyer from our side outside of us: a person has taken over.

    `phone`: of the buyer in E.164, where the platform may name the chat by it alone. `own_id`: for
    a platform that tells our own messages, too, which of ours (Reply.message_id) it may be; then
    it is none of a person's. `begins`: the chat is kept from here on, though the buyer has not
    written yet, so that their answer goes to whoever wrote first; `name` is then the buyer's.
    """

    external_id: str
    chat: str
    text: str = ""
    sent_at: datetime | None = None
    phone: str = ""
    own_id: int = 0
    begins: bool = False
    name: str = ""


@dataclass(frozen=True)
class Receipt:
    """The platform tells what became of a message we sent.

    `message_id`: ours, where the platform carries it (Reply.message_id): finds the message whatever
    the chat is called, and settles a send whose answer was lost. `is_unreachable`: it failed
    because this buyer cannot be written to. `is_up_to`: all before it, too.
    """

    external_id: str
    chat: str
    state: Literal["sent", "delivered", "read", "failed"]
    detail: str = ""
    message_id: int = 0
    is_unreachable: bool = False
    is_up_to: bool = False


@dataclass(frozen=True)
class Reachable:
    """The buyer blocked or unblocked us. `is_all`: every chat whose name begins with `chat`."""

    chat: str
    is_reachable: bool
    is_all: bool = False


@dataclass(frozen=True)
class Moved:
    """The buyer's chat has another id from now on (a changed number); `identities` as above.

    `is_all`: every chat whose name begins with `chat` begins with `to` (a group's members).
    """

    chat: str
    to: str
    identities: tuple[tuple[str, str, str], ...] = ()
    is_all: bool = False


@dataclass(frozen=True)
class AccountChanged:
    """Something about the account itself.

    `state`: "lost" (a person has to act: the channel pauses and the merchant is told), "restored",
    or "told" (worth a line on the channel's page: moderation, a template's approval, a limit).
    `data` is kept in the account, but for "template": a PlatformTemplate's name, language, state
    and reason.
    """

    state: Literal["lost", "restored", "told"]
    detail: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CallHappened:
    """A telephone call: told again as it goes on, always with the same `external_id`.

    `chat`: the buyer's number in E.164. `seconds`: of talk. `line`: our number. `recording`: what
    `ChannelAdapter.recording` takes, an address or the company's own name of it. "ended" says that
    it is over; whether anybody has talked is known from "answered", `seconds`, or is "missed".
    """

    external_id: str
    chat: str
    direction: Literal["in", "out"]
    state: Literal["ringing", "answered", "missed", "ended"]
    at: datetime
    seconds: int = 0
    line: str = ""
    recording: str = ""
    answered_by: str = ""


Occurrence = (
    BuyerMessage
    | BuyerEdit
    | BuyerDelete
    | Reaction
    | OwnerEcho
    | Receipt
    | Reachable
    | Moved
    | AccountChanged
    | CallHappened
)


@dataclass(frozen=True)
class Button:
    """`payload` comes back in BuyerMessage.payload; `url` opens a page instead.

    `kind`: "phone" asks for the buyer's own number, "location" for the place, where the platform
    has such buttons; elsewhere it is a button like another.
    """

    title: str
    payload: str = ""
    url: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Reply:
    """What to show the buyer. Text is plain; the adapter escapes and splits it."""

    chat: str
    text: str
    buttons: tuple[Button, ...] = ()
    files: tuple[File, ...] = ()
    # Product cards {title, price, stock, picture, url, external_id}.
    cards: tuple[Mapping[str, Any], ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()
    reply_to: str = ""
    message_id: int = 0
    author: str = "bot"  # bot | agent | automation
    author_name: str = ""
    # "thread" of the buyer's newest message, as the channel told it in BuyerMessage.data.
    thread: Mapping[str, Any] = field(default_factory=dict)
    # One of the platform's approved templates instead of `text`: {"name", "language", "values"}.
    template: Mapping[str, Any] = field(default_factory=dict)
    more: bool = False  # another message of ours follows at once


@dataclass(frozen=True)
class PlatformTemplate:
    """A text the platform approves before it may go out past the window.

    `body` holds {{1}}, {{2}}… where values go; `examples` stand for them while it is looked at.
    `state`: approved | pending | rejected | paused.
    """

    name: str
    language: str
    body: str
    category: Literal["utility", "marketing", "authentication"] = "utility"
    state: str = "pending"
    reason: str = ""
    external_id: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """One call to the platform, as a value: rendering is tested by equality."""

    method: str
    data: Mapping[str, Any]
    files: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """`moved_to`: the chat has this name from now on, the platform said so while we sent."""

    external_id: str = ""
    moved_to: str = ""


@dataclass(frozen=True)
class Profile:
    """A buyer as the platform shows them."""

    name: str = ""
    username: str = ""
    picture: str = ""
    language: str = ""


@dataclass(frozen=True)
class Check:
    """Outcome of connecting an account.

    `account`: {"name", "username", "picture", "link"}; "mode" ("webhook" | "polling");
    "expires_at" (ISO, where a token ends: told ahead); "notice" (a line for the merchant);
    "paste" (pairs of a title and a value that a person has to paste at the platform).
    `settings`: what was found out and is needed later, in `verify` too (the account's id): kept
    with the channel's settings.
    """

    ok: bool
    detail: str = ""
    account: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recorded:
    """A call's recording: where the colleague's browser is sent, or else the bytes."""

    url: str = ""
    content: bytes = b""
    mime: str = ""


class Unreachable(Exception):
    """The buyer blocked us or is gone: not an error of ours, nothing to repeat."""


class Kept(Exception):
    """Nobody listens just now (INLINE): it stays queued until the buyer speaks again."""


class ChannelAdapter(ABC):
    """One connected account. Constructed per use; cheap; holds no state of its own."""

    manifest: ChannelManifest  # of the kind; an instance has its account's

    def __init__(self, config: Config) -> None:
        self.config = config
        self.manifest = type(self).manifest.of_account(config.settings)

    # ── in ──
    def challenge(self, request: Inbound) -> tuple[int, bytes, str]:
        """Status, body and type for a GET: some platforms ask whether the address is ours."""
        return 405, b"POST only", "text/plain"

    async def prepare(self, request: Inbound) -> None:
        """Fetch what `verify` needs, in the ingest's event loop; kept between calls."""
        return

    @abstractmethod
    def verify(self, request: Inbound) -> None:
        """Raises SignatureMismatch. Pure: runs in the ingest's event loop."""

    @abstractmethod
    def envelopes(self, request: Inbound) -> list[Envelope]:
        """Deliveries in one call. Pure and quick. Raises ValueError when it is not theirs: the
        call is answered 400. For a platform that repeats what was refused, return nothing."""

    @abstractmethod
    def parse(self, payload: Any) -> list[Occurrence]:
        """What happened. Raises Unsupported for events we drop. Pure."""

    def hook_answer(self, request: Inbound) -> tuple[int, bytes, str]:
        """Status, body and type the platform wants once everything is stored."""
        return 200, b"ok", "text/plain"

    def hook_refusal(self, why: Exception) -> tuple[int, bytes, str]:
        """The answer to a call that `verify` or `envelopes` has refused."""
        if isinstance(why, SignatureMismatch):
            return why.status, b"wrong signature", "text/plain"
        return 400, b"not understood", "text/plain"

    def instant(self, request: Inbound) -> bytes | None:
        """An answer without storing or asking anybody: a probe. Runs after `verify`. Pure."""
        return None

    def speak(self, request: Inbound, reply: Reply | None) -> tuple[int, bytes, str]:
        """Where `reply_mode` is INLINE: the platform's answer with this reply in it.

        None: nothing was ready in time; what comes later is given on the next utterance. Pure.
        """
        raise NotImplementedError

    def poll(self, cursor: dict[str, Any], wait_s: float) -> tuple[list[Inbound], dict[str, Any]]:
        """Fetch what waits, at most `wait_s` long; the new cursor is saved after the rows are."""
        raise NotImplementedError

    def fetch_file(self, file: File) -> bytes:
        """Raises VendorError; ValueError in words when it is too large."""
        raise NotImplementedError

    def recording(self, reference: str, address: str) -> Recorded:
        """What a colleague hears of `CallHappened.recording`; `address`: their IP address.

        Raises VendorError; NotFound where it is not kept, or not yet.
        """
        return Recorded(url=reference)

    def delivered_file(self, payload: Any, part: str) -> bytes:
        """A file that came inside the delivery with this payload. Pure; ValueError in words."""
        raise NotImplementedError

    # ── out ──
    @abstractmethod
    def render(self, reply: Reply) -> list[Call]:
        """Reply → calls in the order the buyer should see them. Sends nothing. Pure."""

    @abstractmethod
    def send(self, call: Call) -> Sent:
        """Raises VendorError by consequence, Unreachable."""

    def look_up(self, call: Call) -> Sent | None:
        """After OutcomeUnknown, where `can_look_up`: the message if it arrived, else None."""
        raise NotImplementedError

    def edit(self, call: Call, chat: str, external_id: str) -> None:
        """Where `can_edit`: what was sent as `external_id` reads as `call` says. Doing it twice
        changes nothing. Raises VendorError, Unreachable."""
        raise NotImplementedError

    def delete(self, chat: str, external_id: str) -> None:
        """Where `can_delete`: take a sent part back; gone already is fine. Raises as `edit`."""
        raise NotImplementedError

    def who(self, chat: str) -> Profile:
        """Where `tells_who`: whose chat this is. Raises VendorError, Unreachable."""
        raise NotImplementedError

    def typing(self, chat: str) -> None:
        """Best effort; raises nothing."""
        return

    def stream(self, chat: str, text: str, message_key: str) -> None:
        """Show checked sentences of a reply being written. Best effort; raises nothing."""
        return

    def mark_read(self, chat: str, external_id: str) -> None:
        """Where `can_mark_read`: a person has read the buyer's message. Best effort."""
        return

    def acknowledge(self, callback: str) -> None:
        """Stop a pressed button's spinner. Best effort."""
        return

    # ── templates that a platform approves, where `has_templates` ──
    def templates(self) -> list[PlatformTemplate]:
        """All of the account's. Raises VendorError."""
        raise NotImplementedError

    def template_submit(self, template: PlatformTemplate) -> PlatformTemplate:
        """Hand one in for approval. Raises VendorError; Rejected says what to change."""
        raise NotImplementedError

    # ── account ──
    @abstractmethod
    def connect(self) -> Check:
        """Check the account and set the webhook. Raises VendorError."""

    def disconnect(self) -> None:
        """Take the webhook away. Best effort."""
        return

    def health(self) -> Check:
        """What the platform says of our webhook. Raises VendorError."""
        return Check(ok=True)

    def link_redirects(self) -> tuple[str, ...]:
        """Where the platform takes a buyer back who has linked an account: these very addresses.
        None: accounts are not linked here."""
        return ()

    def link_secret(self) -> str:
        """The platform's password at our provider (bots.services.linking)."""
        hook = self.config.secrets.get("hook", "")
        told = f"account linking {self.config.channel_id}"
        return hmac.new(hook.encode(), told.encode(), "sha256").hexdigest() if hook else ""

    def package(self) -> list[tuple[str, bytes]]:
        """Files a merchant needs to make the other side (a skill's settings): downloaded from the
        channel's page as one archive. Pure; `config.hook_url` is set."""
        return []


def split_text(text: str, limit: int, *, size: Callable[[str], int] = len) -> Sequence[str]:
    """Cut a long text at paragraph, else line, else sentence, else word borders.

    `size` measures as the platform counts (Telegram: UTF-16 units).
    """
    return [text[start:end] for start, end in split_places(text, limit, size=size)]


def split_places(
    text: str, limit: int, *, size: Callable[[str], int] = len
) -> Sequence[tuple[int, int]]:
    """Where `split_text` cuts: start and end of each part. Between two parts there are blanks only.

    For a channel with formatting: cut what is seen, then mark each part by itself.
    """
    last = len(text.rstrip())
    start = len(text) - len(text.lstrip())
    places: list[tuple[int, int]] = []
    while start < last:
        end = min(start + limit, last)
        while size(text[start:end]) > limit:
            end -= 1
        if end < last:
            head = text[start:end]
            for mark in ("\n\n", "\n", ". ", "! ", "? ", " "):
                found = head.rfind(mark)
                if found > limit // 3:
                    end = start + found + len(mark)
                    break
        part = text[start:end].rstrip()
        places.append((start, start + len(part)))
        start = last - len(text[end:last].lstrip())
    return places
