"""Writing messages: the number in the conversation, the epoch test, the fact in the outbox."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from bots.models import Conversation, Message
from tenants.kernel import outbox
from tenants.kernel.context import current_schema


@dataclass(frozen=True)
class Written:
    id: int
    seq: int


# One statement locks the conversation, compares, numbers, inserts and notes the facts. Without the
# row lock that UPDATE takes, a takeover that is not committed yet would slip between test and
# insert.
_WRITE = """
WITH c AS (
    UPDATE bots_conversation SET
        last_seq = last_seq + 1,
        updated_at = CASE WHEN %(quiet)s THEN updated_at ELSE now() END,
        preview = CASE WHEN %(shown)s THEN %(preview)s ELSE preview END,
        preview_author = CASE WHEN %(shown)s THEN %(author)s ELSE preview_author END,
        waiting_since = CASE WHEN %(answers)s THEN NULL ELSE waiting_since END,
        deadline_at = CASE WHEN %(answers)s THEN NULL ELSE deadline_at END,
        memory = memory || coalesce(%(memory)s::jsonb, '{}'::jsonb)
    WHERE id = %(conversation)s
      AND (%(epoch)s::int IS NULL OR epoch = %(epoch)s)
      AND (%(upto)s::bigint IS NULL OR last_inbound_seq = %(upto)s)
    RETURNING id, last_seq, epoch, episode_id),
m AS (
    INSERT INTO bots_message (conversation_id, episode_id, seq, author, kind, user_id, text,
        language, external_id, client_key, reply_to_id, epoch, state, failure, meta,
        bot_version_id, sent_at)
    SELECT c.id, c.episode_id, c.last_seq, %(author)s, %(kind)s, %(user)s, %(text)s, %(language)s,
        %(external_id)s, %(client_key)s, %(reply_to)s, c.epoch, %(state)s, '', %(meta)s::jsonb,
        %(version)s, coalesce(%(sent_at)s, now())
    FROM c RETURNING id, seq, episode_id),
e AS (
    UPDATE bots_episode SET first_answer_ms = %(first_answer_ms)s FROM m
    WHERE bots_episode.id = m.episode_id AND first_answer_ms IS NULL
        AND %(first_answer_ms)s::bigint IS NOT NULL),
f AS (
    INSERT INTO public.tenants_outboxevent (schema, name, key, data)
    SELECT %(schema)s, fact.name, %(key)s,
        fact.data || jsonb_build_object('message', m.id)
            || CASE WHEN fact.place = 1 THEN jsonb_build_object('seq', m.seq) ELSE '{}'::jsonb END
    FROM m, unnest(%(names)s::text[], %(facts)s::jsonb[])
        WITH ORDINALITY AS fact(name, data, place) ORDER BY fact.place)
SELECT id, seq FROM m
"""


def write(
    *,
    conversation: int,
    author: str,
    text: str,
    kind: str = Message.Kind.TEXT,
    state: str = Message.State.QUEUED,
    epoch: int | None = None,
    upto: int | None = None,
    answers: bool = False,
    user: int | None = None,
    language: str = "",
    external_id: str = "",
    client_key: str = "",
    reply_to: int | None = None,
    meta: dict[str, Any] | None = None,
    memory: dict[str, Any] | None = None,
    version: int | None = None,
    sent_at: datetime | None = None,
    fact: tuple[str, dict[str, Any]] | None = None,
    first_answer_ms: int | None = None,
    quiet: bool = False,
) -> Written | None:
    """Insert an outgoing or inner message; None when `epoch` or `upto` is no longer current.

    `epoch`: who may speak has not changed since; `upto`: no newer buyer's message has come.
    `answers`: the buyer no longer waits. `fact`: one more for the outbox (its data gets the
    message's id). `first_answer_ms`: noted in the episode unless it has one. `quiet`: what lists
    show of the conversation, and its place there, stay. Call inside a transaction.
    """
    facts = [("message.written", {"conversation": conversation, "author": author})]
    if fact is not None:
        facts.append(fact)
    shown = not quiet and kind not in (Message.Kind.NOTE, Message.Kind.SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            {
                "conversation": conversation,
                "author": author,
                "text": text,
                "kind": kind,
                "state": state,
                "epoch": epoch,
                "upto": upto,
                "answers": answers,
                "user": user,
                "language": language,
                "external_id": external_id,
                "client_key": client_key,
                "reply_to": reply_to,
                "meta": json.dumps(meta or {}, ensure_ascii=False),
                "memory": json.dumps(memory, ensure_ascii=False) if memory else None,
                "version": version,
                "sent_at": sent_at,
                "shown": shown,
                "quiet": quiet,
                "preview": " ".join(text.split())[:160],
                "first_answer_ms": first_answer_ms,
                "schema": current_schema(),
                "key": f"conversation:{conversation}",
                "names": [name for name, _ in facts],
                "facts": [json.dumps(outbox.caused(data)) for _, data in facts],
            },
        )
        row = cursor.fetchone()
    if row is None:
        return None
    outbox.tell_relay()
    return Written(*row)


def system_line(
    conversation: Conversation, code: str, *, client_key: str = "", **data: Any
) -> Written | None:
    """A folded line in the thread ("bot stopped", "resolved"); words are the console's."""
    return write(
        conversation=conversation.pk,
        author=Message.Author.SYSTEM,
        kind=Message.Kind.SYSTEM,
        state=Message.State.KEPT,
        text="",
        client_key=client_key,
        meta={"code": code, **data},
    )


def changed(message: Message) -> None:
    """Tell who looks on that a message is not what it was: text, files, transcript, translation."""
    conversation = message.conversation_id
    outbox.emit(
        "message.edited",
        key=f"conversation:{conversation}",
        data={"conversation": conversation, "message": message.pk, "seq": message.seq},
    )
