"""Conversations of a desk, and its list as an agent reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bots.models import Contact, Conversation, Episode, Identity, Message

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = "/api/v1/desk/conversations/"


class Desk:
    """Conversations of one merchant, made as the engine would leave them."""

    def __init__(self, shop: Any) -> None:
        self.shop, self.count = shop, 0

    def talk(self, name: str, *texts: str, **more: Any) -> Conversation:
        self.count += 1
        with self.shop.inside():
            contact = Contact.objects.create(
                channel=self.shop.channel,
                external_id=f"c{self.count}",
                name=name,
                username=more.pop("username", ""),
                data=more.pop("data", {}),
            )
            for kind, value, proof in more.pop("identities", ()):
                Identity.objects.create(contact=contact, kind=kind, value=value, proof=proof)
            talk = Conversation.objects.create(
                channel=self.shop.channel,
                contact=contact,
                lane=self.count,
                last_seq=len(texts),
                **{"updated_at": NOW - timedelta(minutes=self.count), **more},
            )
            talk.episode = episode = Episode.objects.create(conversation=talk)
            talk.save(update_fields=["episode"])
            for seq, text in enumerate(texts, 1):
                Message.objects.create(
                    conversation=talk, episode=episode, seq=seq, text=text,
                    author="buyer" if seq % 2 else "bot", state="received" if seq % 2 else "sent",
                )  # fmt: skip
        return talk


def names(client: Any, **asked: Any) -> list[str]:
    answer = client.get(URL, asked)
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["rows"]]
