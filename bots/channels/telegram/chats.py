"""Which chat is meant: the bot's own, one in an owner's account, a member of a group.

All three are chats of one buyer with us, and each has a name of its own in the channel:
`101`, `b:<connection>:101`, `g:<group>:101`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

GROUPS = frozenset({"group", "supergroup"})
# "No more than 20 messages a minute to the same group"; three at once may go before the pace holds.
GROUP_RATE = 17 / 60


@dataclass(frozen=True)
class Chat:
    """`id`: where Telegram is told to write. `business`: the connection it is written through."""

    id: str
    business: str = ""
    member: str = ""

    @classmethod
    def of(cls, key: str) -> Chat:
        kind, _, rest = key.partition(":")
        if kind == "b" and rest:
            business, _, chat = rest.rpartition(":")
            return cls(chat, business=business)
        if kind == "g" and rest:
            chat, _, member = rest.rpartition(":")
            return cls(chat, member=member)
        return cls(key)

    @classmethod
    def of_message(cls, message: dict[str, Any]) -> Chat:
        """Raises KeyError for a message of another shape."""
        chat = message["chat"]
        if business := message.get("business_connection_id"):
            return cls(str(chat["id"]), business=str(business))
        if chat.get("type") in GROUPS:
            return cls(str(chat["id"]), member=str(message.get("from", {}).get("id", "")))
        return cls(str(chat["id"]))

    @property
    def key(self) -> str:
        if self.business:
            return f"b:{self.business}:{self.id}"
        return f"g:{self.id}:{self.member}" if self.member else self.id

    @property
    def is_own(self) -> bool:
        """Private, between a buyer and the bot itself."""
        return not self.business and not self.member

    def ident(self, *message_ids: Any) -> str:
        """A message's id as we keep it; an album has several. A group that becomes another begins
        to count anew, so the group is part of it."""
        ids = ",".join(str(one) for one in message_ids)
        return f"{self.id}/{ids}" if self.member else ids


def message_ids(ident: str) -> list[int]:
    """What `Chat.ident` was made of; none for what is no message of Telegram's (a callback)."""
    return [int(one) for one in ident.rpartition("/")[2].split(",") if one.isdigit()]


def group_of(group: Any) -> str:
    """How the names of all chats in a group begin."""
    return f"g:{group}:"


def account_of(business: Any) -> str:
    """How the names of all chats in an owner's account begin."""
    return f"b:{business}:"


def shared_pace(key: str) -> tuple[str, float] | None:
    """All members of a group share its 20 messages a minute."""
    at = Chat.of(key)
    return (group_of(at.id), GROUP_RATE) if at.member else None
