"""What a source of history is read into. A plug-in imports this and `tenants.kernel` only.

A source reads and never writes: the service (`bots.services.moving`) puts what it is given into
the merchant's tables, keeps the place it has come to, and compares the counts at the end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

# In the order in which they are brought over: what comes later speaks of what came before.
KINDS = ("agents", "teams", "labels", "templates", "contacts", "conversations", "messages", "files")


Author = Literal["buyer", "agent", "bot", "automation", "system"]
State = Literal["received", "sent", "delivered", "read", "failed", "kept"]


@dataclass(frozen=True)
class ImporterManifest:
    """`asks`: what its form needs, "account" (address and token) or "file"."""

    key: str
    title: Any
    text: Any
    icon: str
    asks: Literal["account", "file"]
    implementation: str
    gaps: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Refused:
    """Something that is not taken over. `row`: its number or id at the source; `kind`: what it
    is, where that differs from the list it stands in."""

    row: int | str
    field: str
    message: str
    kind: str = ""


class RowRefused(Exception):
    """Raised by readers of one value; becomes `Refused` with the row it is in."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


class Fault(str):
    """In place of a table's cell that is not read; the text says why."""

    __slots__ = ()


@dataclass(frozen=True)
class AgentIn:
    external_id: str
    email: str
    name: str = ""
    is_admin: bool = False


@dataclass(frozen=True)
class TeamIn:
    """`members`: external ids of agents."""

    external_id: str
    name: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelIn:
    """`colour`: one of `bots.Label.Colour`."""

    external_id: str
    name: str
    colour: str = "grey"


@dataclass(frozen=True)
class TemplateIn:
    """`text` speaks our language of variables already."""

    external_id: str
    code: str
    text: str


@dataclass(frozen=True)
class InboxIn:
    """A place buyers wrote to; becomes a channel that only shows history."""

    external_id: str
    name: str


@dataclass(frozen=True)
class ContactIn:
    """`identities`: (kind of `bots.Identity`, value as it was written)."""

    external_id: str
    name: str = ""
    language: str = ""
    identities: tuple[tuple[str, str], ...] = ()
    inboxes: tuple[InboxIn, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None


@dataclass(frozen=True)
class ConversationIn:
    """One talk from its beginning to its end. `agent`, `team`: external ids, empty for none."""

    external_id: str
    contact: ContactIn
    inbox: InboxIn
    started_at: datetime
    was_open: bool = False
    labels: tuple[str, ...] = ()
    agent: str = ""
    team: str = ""


@dataclass(frozen=True)
class FileIn:
    """`kind`: image | file | voice | video. `size`: bytes as the source says, None unknown."""

    external_id: str
    kind: str
    url: str
    name: str = ""
    size: int | None = None


@dataclass(frozen=True)
class MessageIn:
    """`agent`: external id or, with an @, the e-mail of a colleague."""

    external_id: str
    author: Author
    sent_at: datetime
    text: str = ""
    is_note: bool = False
    state: State = "sent"
    agent: str = ""
    agent_name: str = ""
    files: tuple[FileIn, ...] = ()
    is_deleted: bool = False


Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """`total`: how many there are in all, where the source says so. `next`: None at the end."""

    items: list[Item | Refused]
    next: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class About:
    """What a check found: whose account it is."""

    title: str
    account: str


class Source(ABC):
    """One account or file. `key` names it in `bots.Imported`: the same source, the same key.

    Raises VendorError by consequence; RetryLater means that the same call may work later.
    """

    key: str
    title: str

    def agents(self) -> list[AgentIn | Refused]:
        return []

    def teams(self) -> list[TeamIn | Refused]:
        return []

    def labels(self) -> list[LabelIn | Refused]:
        return []

    def templates(self) -> list[TemplateIn | Refused]:
        return []

    @abstractmethod
    def contacts(self, page: int) -> Page[ContactIn]:
        """Pages begin with 1 and come in the same order every time."""

    @abstractmethod
    def conversations(self, page: int) -> Page[ConversationIn]: ...

    @abstractmethod
    def messages(self, talk: ConversationIn) -> list[MessageIn | Refused]:
        """All of one conversation, the oldest first."""

    def file(self, file: FileIn, limit: int) -> Iterator[bytes]:
        """The content, piece by piece. Raises ValueError in words past `limit` bytes."""
        raise NotImplementedError

    def close(self) -> None:
        return
