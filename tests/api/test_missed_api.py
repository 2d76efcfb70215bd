"""Missed chats: who waited longer than was promised, why, and the one press that follows up."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from django.utils import timezone

from bots.models import Contact, Conversation, Episode, Message, Team

_numbers = itertools.count(7_000)


def talk(shop: Any, minutes: float, **fields: Any) -> Conversation:
    number = next(_numbers)
    with shop.inside():
        contact = Contact.objects.create(channel=shop.channel, external_id=f"m{number}")
        row = Conversation.objects.create(
            channel=shop.channel, contact=contact, lane=number, last_seq=1, last_inbound_seq=1,
            **{
                "speaker": "queue", "waiting_since": timezone.now() - timedelta(minutes=minutes),
                **fields,
            },
        )  # fmt: skip
        row.episode = Episode.objects.create(conversation=row)
        row.save()
    return row


def missed(api: Any) -> dict[int, str]:
    rows = api.get("/api/v1/desk/conversations/?view=missed").json()["rows"]
    return {row["id"]: row["missed"] for row in rows}


def test_missed_chats_are_listed_with_the_reason(alpha, beta, api_of):
    talk(beta, 60)
    came = talk(alpha, 16)
    silent = talk(alpha, 20, speaker="agent", agent=alpha.agent)
    broken = talk(alpha, 1, sla_breached_at=timezone.now())
    talk(alpha, 14)
    talk(alpha, 60, status="resolved", speaker="nobody", waiting_since=None)

    assert missed(api_of(alpha)) == {
        came.pk: "nobody_came", silent.pk: "no_answer", broken.pk: "nobody_came",
    }  # fmt: skip


def test_one_press_takes_the_chat_and_writes_once(alpha, beta, api_of):
    row = talk(alpha, 60)
    path = f"/api/v1/conversations/{row.pk}/follow-up/"
    for _ in range(2):
        answer = api_of(alpha, "agent").post(path, {}, format="json")
        assert answer.status_code == 200, answer.content
    with alpha.inside():
        row.refresh_from_db()
        assert (row.speaker, row.agent_id) == ("agent", alpha.agent.pk)
        said = Message.objects.filter(conversation=row, author="agent")
        assert [m.text for m in said] == [
            "Здравствуйте! Простите, что не ответили вовремя. Вопрос ещё актуален? Я на связи."
        ]
    assert missed(api_of(alpha)) == {}
    assert api_of(beta, "agent").post(path, {}, format="json").status_code == 404


def test_what_is_hidden_cannot_be_followed_up(alpha, api_of):
    with alpha.inside():
        other = Team.objects.create(name="Other")
    row = talk(alpha, 60, team=other)

    answer = api_of(alpha, "agent").post(
        f"/api/v1/conversations/{row.pk}/follow-up/", {}, format="json"
    )

    assert answer.status_code == 404
    assert missed(api_of(alpha, "agent")) == {}
    with alpha.inside():
        assert not Message.objects.filter(conversation=row).exists()
