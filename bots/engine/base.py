"""Values the engine, the answerer, skills and model providers hand to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Decision(StrEnum):
    ANSWER = "answer"
    HANDOVER = "handover"
    REFUSE = "refuse"  # nothing fits, said honestly; a person is offered
    CLARIFY = "clarify"  # asked back


class Reason(StrEnum):
    """Why a person has to take the chat: a closed list, shown to agents in words."""

    ASKED = "asked"  # the buyer asked for a person
    POLICY = "policy"  # a topic or rule of the merchant
    COMPLAINT = "complaint"
    NO_KNOWLEDGE = "no_knowledge"
    FAILURE = "failure"  # the model or we broke
    DEADLINE = "deadline"
    BUDGET = "budget"
    CHECK = "check"  # a reply could not be proven
    IDENTITY = "identity"  # more proof of who asks is needed
    ABUSE = "abuse"
    MEDIA = "media"  # a file, voice note or place only a person can judge
    BOT_OFF = "bot_off"
    MISSED_CALL = "missed_call"
    FLOOD = "flood"  # too many in an hour: perhaps another robot


@dataclass(frozen=True)
class Source:
    """A record an answer rests on. `kind`: article | product | order | template | hours."""

    kind: str
    id: int
    external_id: str
    title: str
    url: str = ""


@dataclass(frozen=True)
class Claim:
    """A fact in a reply bound to a record. `kind`: price | number | date | size | address | …"""

    text: str
    kind: str
    value: str
    source: str  # "kind:external_id"


@dataclass(frozen=True)
class Card:
    """A product shown as a card."""

    title: str
    price: str = ""
    old_price: str = ""
    stock: str = ""
    picture: str = ""
    url: str = ""
    external_id: str = ""


@dataclass(frozen=True)
class Said:
    role: str  # buyer | bot
    text: str


@dataclass(frozen=True)
class Asker:
    """The buyer as far as we know them. `proofs`: (kind, value, proof) of bots.Identity."""

    name: str = ""
    contact_id: int | None = None
    proofs: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Turn:
    """One answer to give. `said` ends with what the buyer wrote last (a burst is joined by \\n)."""

    said: Sequence[Said]
    lang: str
    asker: Asker
    now: datetime
    memory: Mapping[str, Any] = field(default_factory=dict)
    bot: Mapping[str, Any] = field(default_factory=dict)  # BotVersion.config
    payload: str = ""  # of a pressed button
    is_public: bool = False  # what is answered can be read by everybody

    @property
    def question(self) -> str:
        return self.said[-1].text if self.said else ""


@dataclass(frozen=True)
class Answer:
    """`memory`: what to remember for the next turn (merged into Conversation.memory)."""

    text: str
    lang: str
    decision: Decision
    reason: str = ""
    sources: tuple[Source, ...] = ()
    claims: tuple[Claim, ...] = ()
    # A title, which is said when it is pressed, or {"title", "url"}: a page that opens.
    buttons: tuple[str | Mapping[str, str], ...] = ()
    cards: tuple[Card, ...] = ()
    memory: Mapping[str, Any] = field(default_factory=dict)
    provider: str = "offline"
    confidence: float = 0.0
    template_id: int | None = None
