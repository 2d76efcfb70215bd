"""The conversation of an inbox lane: found, or made with its contact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef

from bots.models import Channel, Conversation, Message
from tenants.kernel.compiled import Compiled

# A lane's first message makes its contact and its conversation; two at once make them once.
_ENSURE = """
WITH person AS (
    INSERT INTO bots_person (name, language, created_at)
    SELECT '', %(language)s, now() WHERE NOT EXISTS (
        SELECT 1 FROM bots_contact WHERE channel_id = %(channel)s AND external_id = %(chat)s)
    RETURNING id),
contact AS (
    INSERT INTO bots_contact (channel_id, external_id, person_id, name, username, language,
        picture, data, is_reachable, created_at)
    VALUES (%(channel)s, %(chat)s, (SELECT id FROM person), %(name)s, %(username)s, %(language)s,
        '', %(data)s::jsonb, true, now())
    ON CONFLICT (channel_id, external_id) DO UPDATE SET external_id = excluded.external_id
    RETURNING id)
INSERT INTO bots_conversation (channel_id, contact_id, lane, status, speaker, epoch, last_seq,
    last_inbound_seq, last_read_seq, language, is_public, preview, preview_author, unread,
    handover_reason, labels, memory, created_at)
SELECT %(channel)s, id, %(lane)s, 'resolved', 'nobody', 0, 0, 0, 0, %(talk)s, %(public)s, '', '', 0,
    '', '[]'::jsonb, '{}'::jsonb, now()
FROM contact ON CONFLICT (lane) DO NOTHING
"""
_in_lane = Compiled(
    lambda lane, external_id: (
        Conversation.objects.locked()
        .select_related("contact")
        .annotate(
            is_known=Exists(
                Message.objects.filter(conversation=OuterRef("pk"), external_id=external_id)
            )
        )
        .filter(lane=lane)
    ),
    int,
    str,
)


def locked(lane: int) -> Conversation | None:
    return _in_lane.first(lane, "")


def opened(
    channel: Channel,
    lane: int,
    chat: str,
    *,
    name: str = "",
    username: str = "",
    language: str = "",
    data: Mapping[str, Any] | None = None,
    external_id: str = "",
    is_public: bool = False,
) -> tuple[Conversation, bool]:
    """The locked conversation of a lane, resolved and silent where it is made now; and whether
    the message `external_id` is in it already."""
    external_id = external_id[:120]
    if found := _in_lane.first(lane, external_id):
        return found, bool(external_id) and vars(found)["is_known"]
    with connection.cursor() as cursor:
        cursor.execute(
            _ENSURE,
            {
                "channel": channel.pk,
                "lane": lane,
                "chat": chat,
                "name": name[:120],
                "username": username[:120],
                "language": language[:8],
                "data": json.dumps(dict(data or {}), ensure_ascii=False),
                "public": is_public,
                "talk": "en" if language.startswith("en") else "ru",
            },
        )
    made = locked(lane)
    assert made is not None
    return made, False
