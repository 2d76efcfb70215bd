"""The bot steps back: speaker, summary, words to the buyer, fact and timer in one transaction."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from bots.engine import texts
from bots.engine.base import Reason
from bots.models import Conversation, Episode, Message
from bots.selectors.calendars import expected_answer
from bots.services import assignment, messages, sla
from tenants.kernel import due, outbox
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of


def summary_of(conversation: Conversation, reason: Reason) -> str:
    """Five lines for the agent, made of what was said; no model is needed."""
    lang = "ru" if conversation.language not in texts.SUMMARY else conversation.language
    words = texts.SUMMARY[lang]
    recent = list(
        Message.objects.filter(conversation=conversation, episode=conversation.episode_id)
        .exclude(kind__in=[Message.Kind.NOTE, Message.Kind.SYSTEM])
        .order_by("-seq")[:12]
    )
    asked = [m.text for m in recent if m.author == Message.Author.BUYER and m.text]
    tried = [m.text for m in recent if m.author == Message.Author.BOT and m.text]
    known = [
        str(value)
        for value in [
            conversation.contact.name,
            *(i.value for i in conversation.contact.identities.all()[:3]),
            conversation.memory.get("product_name"),
            conversation.memory.get("order_number"),
        ]
        if value
    ]
    lines = [
        words["asked"].format(_short(asked[0]) if asked else "—"),
        words["before"].format(_short(asked[1]) if len(asked) > 1 else words["nothing"]),
        words["tried"].format(_short(tried[0]) if tried else words["nothing"]),
        words["known"].format(", ".join(known) or words["nothing"]),
        words["why"].format(texts.REASONS[lang][reason]),
    ]
    return "\n".join(lines)


def _short(text: str, limit: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def hand_over(
    *,
    conversation_id: int,
    reason: Reason,
    epoch: int | None = None,
    upto: int | None = None,
    text: str = "",
    meta: dict | None = None,
    note: str = "",
    is_silent: bool = False,
) -> bool:
    """Give the conversation to the queue; False when `epoch` or `upto` is no longer current.

    `text` is said before the standard sentence (an answer the bot could give in part).
    `is_silent`: the buyer is told nothing (what was asked is old).
    """
    now = timezone.now()
    with transaction.atomic():
        conversation = (
            Conversation.objects.locked().select_related("contact").get(pk=conversation_id)
        )
        if epoch is not None and conversation.epoch != epoch:
            return False
        if upto is not None and conversation.last_inbound_seq != upto:
            return False
        if not conversation.hand_to_queue(reason):
            return False
        conversation.waiting_since = conversation.waiting_since or now
        assignment.enqueue(conversation)
        sla.settle(conversation, now)
        conversation.deadline_at = sla.patience(conversation, now)
        conversation.save(
            update_fields=[
                "speaker",
                "agent",
                "epoch",
                "handover_reason",
                "waiting_since",
                "deadline_at",
            ]
        )
        summary = summary_of(conversation, reason)
        Episode.objects.now_of(conversation).filter(handed_over_at=None).update(
            handed_over_at=now, handover_reason=reason, summary=summary
        )
        messages.write(
            conversation=conversation.pk,
            author=Message.Author.SYSTEM,
            kind=Message.Kind.NOTE,
            state=Message.State.KEPT,
            text=summary + (f"\n{note}" if note else ""),
            meta={"code": "summary", "reason": reason},
        )
        if not is_silent:
            _say(
                conversation,
                reason,
                text,
                {"decision": "handover", "reason": reason, **(meta or {})},
            )
        due.reschedule("deadline", conversation.pk, due_at=conversation.deadline_at)
        if not is_silent:
            due.follow("deliver", conversation.pk)
        outbox.emit(
            "conversation.handed_over",
            key=f"conversation:{conversation.pk}",
            data={
                "conversation": conversation.pk,
                "reason": str(reason),
                "team": conversation.team_id,
            },
        )
    return True


def _say(conversation: Conversation, reason: Reason, text: str, meta: dict) -> None:
    lang = conversation.language
    zone = merchant_of(current_schema()).time_zone
    words = [text or texts.say(texts.HANDOVER, lang, reason)]
    calendar = sla.calendar_of(conversation.team_id)
    words.append(expected_answer(timezone.now(), zone, lang, calendar))
    messages.write(
        conversation=conversation.pk,
        author=Message.Author.BOT,
        text=" ".join(words),
        language=lang,
        meta=meta,
    )
