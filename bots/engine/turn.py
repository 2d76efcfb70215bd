"""Work of kind "turn": one answer of the bot, and the timers that end any waiting.

The answer is written only if nobody else speaks by then and no newer message has come. While a
model is waited for, no database connection is held.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from bots.channels.base import TO_SEE, ChannelAdapter, ReplyMode
from bots.channels.rendering import chosen
from bots.engine import texts
from bots.engine.base import Answer, Asker, Decision, Reason, Said, Turn
from bots.engine.handover import hand_over
from bots.engine.reply import Streamer, answer_turn
from bots.engine.running import running
from bots.engine.timing import BURST_CAP_S, MAX_QUIET_S, quiet_s
from bots.models import Attachment, Conversation, Identity, Message
from bots.selectors.conduct import conduct_of
from bots.selectors.sendable import manifest_of
from bots.services import assignment, messages, queues, rules, sla
from bots.services.channels import adapter_of
from bots.services.delivery import button_of
from bots.services.templates import template_sent
from tenants.kernel import due, outbox
from tenants.kernel.compiled import Compiled
from tenants.kernel.context import current_schema, release_connection

log = logging.getLogger(__name__)

HISTORY = 20
# Time kept for writing and for handing over when a model does not come back.
RESERVE_S = 2.0
# An answer that comes sooner needs no "typing…".
TYPING_AFTER_S = 0.4
TRIES = 5
_BUYER = Message.Author.BUYER
_ANSWERS = frozenset(set(Message.Author) - {_BUYER, Message.Author.AUTOMATION})
# A voice note is waited for until so little is left for the answer; looked at so often.
LISTEN_RESERVE_S = 8.0
LISTEN_AGAIN_S = 0.4

_conversation = Compiled(
    lambda pk: Conversation.objects.select_related(
        "channel__bot__published", "contact", "episode"
    ).filter(pk=pk),
    int,
)
_recent = Compiled(
    lambda conversation, episode: (
        Message.objects.filter(conversation=conversation, episode=episode)
        .exclude(kind__in=[Message.Kind.NOTE, Message.Kind.SYSTEM])
        .exclude(state=Message.State.DROPPED)  # the buyer has not seen it
        .exclude(author=Message.Author.BUYER, deleted_at__isnull=False)  # taken back
        .order_by("-seq")[:HISTORY]
    ),
    int,
    int,
)
_identities = Compiled(lambda contact: Identity.objects.filter(contact=contact), int)


@due.worker("turn")
def take_turn(conversation_id: int) -> datetime | None:
    schema = current_schema()
    for _try in range(TRIES):
        conversation = _conversation.first(conversation_id)
        if conversation is None or not _bot_has_to_answer(conversation):
            return None
        with running(schema, conversation_id) as stale:
            done = _one_answer(conversation, stale)
        if done is None:
            return timezone.now() + timedelta(seconds=LISTEN_AGAIN_S)
        if done:
            return None
    # The buyer writes faster than we answer; the deadline's row ends it.
    return timezone.now() + timedelta(seconds=1)


def _bot_has_to_answer(conversation: Conversation) -> bool:
    return (
        conversation.speaker == Conversation.Speaker.BOT
        and conversation.waiting_since is not None
        and conversation.status == Conversation.Status.OPEN
    )


def _one_answer(conversation: Conversation, stale) -> bool | None:
    """Answer what the buyer wrote so far; False when it was out of date before it was written,
    None when a voice note has to be listened to first."""
    epoch, upto = conversation.epoch, conversation.last_inbound_seq
    history, unheard = _history(conversation)
    burst = _burst(history)
    newest = burst[-1] if burst else None
    if newest is None:
        return _nothing_to_answer(conversation, history, epoch, upto)
    if _is_awaited(conversation, burst, unheard):
        return None
    config = _config(conversation)
    turn = _turn(conversation, history, burst, config)
    adapter = adapter_of(conversation.channel)
    begun = time.monotonic()
    is_aloud = adapter.manifest.reply_mode == ReplyMode.INLINE
    # What a voice assistant cannot wait for is said on the next utterance: it is not given up.
    within: float = conversation.channel.bot.deadline_s
    if not is_aloud:
        within = min(within, adapter.manifest.reply_within_s)
    deadline = within - _age_s(conversation.waiting_since, timezone.now())
    streamer = (
        _streamer(adapter, conversation, epoch, upto) if adapter.manifest.can_stream else None
    )
    for message in burst:
        if callback := message.meta.get("callback"):
            adapter.acknowledge(callback)
    with _typing(adapter, conversation.contact.external_id) as start_typing:
        answer = answer_turn(
            turn,
            conversation_id=conversation.pk,
            has_files=any(m.kind == Message.Kind.MEDIA for m in burst),
            is_start=bool(newest.meta.get("start")),
            wordless=_wordless(burst),
            seconds=max(1.0, deadline - RESERVE_S),
            should_stop=stale.is_set,
            on_wait=start_typing,
            streamer=streamer,
        )
    if answer is None:
        return False
    answer = _greeted(conversation, history, burst, answer)
    if stale.is_set() if is_aloud else _wait_for_more(burst, newest, stale):
        return False
    ms = round((time.monotonic() - begun) * 1000)
    return _write(conversation, epoch, upto, answer, ms)


@contextmanager
def _typing(adapter: ChannelAdapter, chat: str) -> Iterator[Callable[[], None]]:
    """Yields what starts the courtesy of "typing…": beside the answer, and only if that takes."""
    timer = threading.Timer(TYPING_AFTER_S, adapter.typing, args=(chat,))
    timer.daemon, timer.name = True, "typing"
    can = adapter.manifest.can_type and adapter.manifest.rate_per_s
    try:
        yield timer.start if can else lambda: None
    finally:
        timer.cancel()


def _wait_for_more(burst: list[Message], newest: Message, stale) -> bool:
    """Give a burst time to become complete. True when more has come."""
    now = timezone.now()
    quiet = quiet_s(newest.text) if newest.kind == Message.Kind.TEXT else 0.0
    if quiet and len(burst) > 1:
        # Somebody who writes in pieces is given time for the next one, at their own pace.
        gap = _age_s(burst[-2].created_at, newest.created_at)
        quiet = max(quiet, min(1.5 * gap, MAX_QUIET_S))
    if newest.meta.get("payload") or newest.meta.get("start"):
        quiet = 0.0
    if newest.meta.get("album"):
        quiet = MAX_QUIET_S  # the other pictures are on their way
    if _age_s(burst[0].created_at, now) > BURST_CAP_S:
        quiet = 0.0
    left = quiet - _age_s(newest.created_at, now)
    if left > 0:
        release_connection()
        return stale.wait(left)
    return stale.is_set()


def _age_s(since: datetime | None, now: datetime) -> float:
    """Never below 0: a clock that was put back must not make anybody wait for it."""
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def _history(conversation: Conversation) -> tuple[list[Message], set[int]]:
    """The latest messages, the oldest first, and which of them are voice notes not heard yet."""
    if conversation.episode_id is None:
        return [], set()
    found = _recent(conversation.pk, conversation.episode_id)[::-1]
    found = [m for m in found if m.meta.get("code") not in ("rating", "rated")]
    unheard = _listen(found)
    ends = next((n for n in range(len(found), 0, -1) if found[n - 1].author in _ANSWERS), 0)
    since = found[ends:]
    # What came late is read where the buyer said it: a burst has the channel's order. What was
    # said by itself meanwhile ("we remember your question", a rule's words) answered nothing.
    burst = sorted((m for m in since if m.author == _BUYER), key=lambda message: message.sent_at)
    return found[:ends] + [m for m in since if m.author != _BUYER] + burst, unheard


def _listen(messages: list[Message]) -> set[int]:
    """Voice notes are read as what is said in them; those where that is still to come."""
    voices = {m.pk: m for m in messages if m.kind == Message.Kind.MEDIA}
    unheard: set[int] = set()
    if not voices:
        return unheard
    notes = Attachment.objects.filter(message__in=list(voices), kind="voice").order_by("pk")
    for note in notes:
        message = voices[note.message_id]
        if note.transcript:
            message.text = "\n".join(filter(None, [message.text, note.transcript]))
        elif note.speech.get("state") == "waiting":
            unheard.add(message.pk)
    return unheard


def _is_awaited(conversation: Conversation, burst: list[Message], unheard: set[int]) -> bool:
    """Whether words are on their way and there is time to wait for them."""
    if not any(message.pk in unheard for message in burst):
        return False
    ends = conversation.deadline_at
    return ends is not None and (ends - timezone.now()).total_seconds() > LISTEN_RESERVE_S


def _greeted(
    conversation: Conversation, history: list[Message], burst: list[Message], answer: Answer
) -> Answer:
    """A channel's own greeting stands before the first answer a buyer ever gets there."""
    greeting = conduct_of(conversation.channel).greeting.get(answer.lang)
    is_first = len(history) == len(burst) and burst[0].seq == 1
    if not greeting or not is_first:
        return answer
    if answer.decision == Decision.HANDOVER or answer.provider == "greeting" or not answer.text:
        return answer
    return replace(answer, text=f"{greeting}\n\n{answer.text}")


def _burst(history: list[Message]) -> list[Message]:
    """The buyer's messages since the last answer."""
    burst: list[Message] = []
    for message in reversed(history):
        if message.author != _BUYER:
            break
        burst.insert(0, message)
    return burst


def _is_to_see(message: Message) -> bool:
    """Its text stands for what only a person can make something of: a place, a story."""
    return message.meta.get("wordless") in TO_SEE


def _wordless(burst: list[Message]) -> str:
    """What the buyer sent instead of words, where there is nothing else to answer."""
    kinds = {str(message.meta.get("wordless", "")) for message in burst if message.text}
    return max(kinds) if kinds and "" not in kinds else ""


def _config(conversation: Conversation) -> dict[str, Any]:
    version = conversation.channel.bot.published
    config = {**(version.config if version else {}), "version_id": version.pk if version else None}
    if greeting := conduct_of(conversation.channel).greeting.get(conversation.language):
        config["greeting"] = greeting
    return config


def _turn(
    conversation: Conversation,
    history: list[Message],
    burst: list[Message],
    config: dict[str, Any],
) -> Turn:
    before = history[: len(history) - len(burst)]
    said = [
        Said("buyer" if m.author == _BUYER else "bot", m.text) for m in before if not _is_to_see(m)
    ]
    said.append(Said("buyer", "\n".join(m.text for m in burst if m.text and not _is_to_see(m))))
    contact = conversation.contact
    return Turn(
        said=said,
        lang=conversation.language,
        asker=Asker(
            name=contact.name,
            contact_id=contact.pk,
            proofs=()
            if conversation.is_public
            else tuple((i.kind, i.value, i.proof) for i in _identities(contact.pk)),
        ),
        now=timezone.now(),
        memory=conversation.memory,
        bot=config,
        payload=burst[-1].meta.get("payload", "") or _numbered(conversation, before, burst),
        is_public=conversation.is_public,
    )


def _numbered(conversation: Conversation, before: list[Message], burst: list[Message]) -> str:
    """The payload meant by “2”, where the channel showed the buttons as a numbered list."""
    offered = before[-1].meta.get("buttons", ()) if before and len(burst) == 1 else ()
    manifest = manifest_of(conversation.channel)
    if not offered or manifest is None:
        return ""
    found = chosen(burst[0].text, tuple(button_of(one) for one in offered), manifest)
    return (found.payload or found.title) if found else ""


def turn_to_suggest(conversation: Conversation) -> Turn | None:
    """What the buyer asked last, as the bot would be asked it; None where nothing was asked."""
    history, _unheard = _history(conversation)
    while history and history[-1].author != _BUYER:
        history.pop()
    burst = _burst(history)
    if not burst:
        return None
    return _turn(conversation, history, burst, _config(conversation))


def _nothing_to_answer(
    conversation: Conversation, history: list[Message], epoch: int, upto: int
) -> bool:
    """The chat came back from a queue where nobody answered: whoever waits is told who is there.

    What was handed over is not tried again: it would be handed over again, and again.
    """
    said = [m for m in history if m.author != Message.Author.AUTOMATION]
    if said and said[-1].meta.get("decision") == Decision.HANDOVER:
        with transaction.atomic():
            written = messages.write(
                conversation=conversation.pk,
                author=Message.Author.BOT,
                text=texts.say(texts.BACK, conversation.language),
                language=conversation.language,
                epoch=epoch,
                upto=upto,
                answers=True,
                meta={"code": "back"},
            )
            if written is not None:
                due.follow("deliver", conversation.pk, ends="deadline")
        return written is not None
    Conversation.objects.filter(pk=conversation.pk, epoch=epoch, last_inbound_seq=upto).update(
        waiting_since=None, deadline_at=None
    )
    return True


def _asked(conversation: Conversation, answer: Answer) -> list[Mapping[str, str]]:
    """Who asks for a phone shows the button that gives it, where the channel has one."""
    manifest = manifest_of(conversation.channel)
    is_asked = answer.memory.get("awaiting") in ("phone", "both")
    if conversation.is_public or not is_asked or manifest is None or "phone" not in manifest.asks:
        return []
    return [{"title": texts.say(texts.SHARE_PHONE, answer.lang), "kind": "phone"}]


def _write(conversation: Conversation, epoch: int, upto: int, answer: Answer, ms: int) -> bool:
    """Write the answer, or hand over; False when it is out of date."""
    meta: dict[str, Any] = {
        "decision": answer.decision,
        "reason": answer.reason,
        "provider": answer.provider,
        "ms": ms,
        "sources": [vars(source) for source in answer.sources],
        "claims": [vars(claim) for claim in answer.claims],
        "buttons": [*answer.buttons, *_asked(conversation, answer)],
        "cards": [vars(card) for card in answer.cards],
        **({"template": answer.template_id} if answer.template_id else {}),
    }
    key = f"conversation:{conversation.pk}"
    fact: dict[str, Any] = {
        "conversation": conversation.pk,
        "decision": str(answer.decision),
        "ms": ms,
    }
    if answer.decision == Decision.HANDOVER:
        reason = Reason(answer.reason) if answer.reason else Reason.NO_KNOWLEDGE
        with transaction.atomic():
            if answer.lang != conversation.language:
                Conversation.objects.filter(pk=conversation.pk).update(language=answer.lang)
            done = hand_over(
                conversation_id=conversation.pk,
                reason=reason,
                epoch=epoch,
                upto=upto,
                text=answer.text,
                meta=meta,
            )
            if done:
                outbox.emit("turn.answered", key=key, data={**fact, "reason": reason})
            elif answer.lang != conversation.language:
                transaction.set_rollback(True)
        return done
    if conversation.waiting_since:
        waited = timezone.now() - conversation.waiting_since
        fact["waited_ms"] = round(waited.total_seconds() * 1000)
    with transaction.atomic():
        written = messages.write(
            conversation=conversation.pk,
            author=Message.Author.BOT,
            text=answer.text,
            language=answer.lang,
            epoch=epoch,
            upto=upto,
            answers=True,
            meta=meta,
            memory=dict(answer.memory) or None,
            version=conversation.channel.bot.published_id,
            fact=("turn.answered", {**fact, "reason": str(answer.reason)}),
            first_answer_ms=fact.get("waited_ms", ms),
        )
        if written is None:
            return False
        if answer.template_id:
            template_sent(answer.template_id, written.id)
        if answer.lang != conversation.language:
            Conversation.objects.filter(pk=conversation.pk).update(language=answer.lang)
        due.follow("deliver", conversation.pk, ends="deadline")
    return True


def _streamer(
    adapter: ChannelAdapter, conversation: Conversation, epoch: int, upto: int
) -> Streamer:
    """Shows checked sentences, each after a look whether the bot may still speak."""
    chat = conversation.contact.external_id

    def show(text: str) -> bool:
        current = Conversation.objects.filter(
            pk=conversation.pk, epoch=epoch, last_inbound_seq=upto
        ).exists()
        release_connection()
        if current:
            adapter.stream(chat, text, f"{conversation.pk}:{upto}")
        return current

    return show


@due.worker("deadline")
def end_waiting(conversation_id: int) -> datetime | None:
    """Nobody answered in time: bot → queue with a reason; a person's queue is told again."""
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None or conversation.waiting_since is None:
        return None
    now = timezone.now()
    if conversation.deadline_at and conversation.deadline_at > now:
        return conversation.deadline_at
    if conversation.speaker == Conversation.Speaker.BOT:
        hand_over(conversation_id=conversation_id, reason=Reason.DEADLINE, epoch=conversation.epoch)
        return None
    with transaction.atomic():
        locked = Conversation.objects.locked().get(pk=conversation_id)
        if locked.waiting_since is None or locked.epoch != conversation.epoch:
            return None
        is_agent = locked.speaker == Conversation.Speaker.AGENT
        first = not locked.memory.get("told_to_wait")
        locked.memory = {**locked.memory, "told_to_wait": True}
        if relieved := is_agent and sla.agent_is_relieved():
            # The agent is silent while the buyer waits: anybody of the queue may answer.
            agent_id = locked.agent_id
            locked._speak(Conversation.Speaker.QUEUE, None)
            locked.handover_reason = Reason.DEADLINE
            messages.system_line(locked, "agent_silent", agent=agent_id)
            if agent_id is not None and agent_id not in locked.followers:
                locked.followers = [*locked.followers, agent_id]
        locked.deadline_at = sla.patience(locked, now)
        locked.save(
            update_fields=[
                "deadline_at",
                "memory",
                "speaker",
                "agent",
                "epoch",
                "handover_reason",
                "followers",
                "previous_agent",
            ]
        )
        if relieved:
            assignment.enqueue(locked)
            # Whoever kept the buyer waiting is asked again when nobody else has room.
            locked.needs = {**locked.needs, "passed": {str(agent_id): "silent"}}
            locked.save(update_fields=["needs"])
            queues.wake_for(agent_id)
            rules.relieved(locked)
        if first:
            messages.write(
                conversation=locked.pk,
                author=Message.Author.AUTOMATION,
                text=texts.say(texts.STILL_WAITING, locked.language),
                language=locked.language,
                meta={"code": "still_waiting"},
            )
            due.schedule("deliver", locked.pk)
        outbox.emit(
            "conversation.overdue",
            key=f"conversation:{locked.pk}",
            data={"conversation": locked.pk},
        )
        return locked.deadline_at
