"""What people do with a conversation. Console, API, admin and rules call the same functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.engine import running
from bots.models import (
    Attachment,
    Channel,
    Conversation,
    Draft,
    Episode,
    Mention,
    Message,
    Template,
    Verdict,
)
from bots.models.conversation import AlreadyTaken
from bots.selectors.policy import visible
from bots.selectors.sendable import manifest_of
from bots.services import messages, platform_templates, queues, sla
from bots.services.sendable import files_fit, kind_of
from bots.services.speaking import open_again, take
from bots.services.template_text import buttons_shown
from bots.services.templates import template_sent
from bots.services.windows import window_check
from tenants.kernel import due, outbox
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import StoredFile, User


class NewerMessages(RuleBroken):
    """Somebody wrote since the draft was begun: shown once, the second press sends.

    `last_seq`: up to where it is now. Where it was a colleague: `answered_by`, `answered_ago_s`.
    """

    code = "newer_messages"


class NothingToSend(RuleBroken):
    code = "empty"
    status = 400


class Unreachable(RuleBroken):
    code = "unreachable"


@dataclass(frozen=True)
class Reply:
    message: Message
    is_new: bool


def _key(conversation: Conversation) -> str:
    return f"conversation:{conversation.pk}"


def conversation_take_over(*, conversation_id: int, agent: User) -> Conversation:
    """Give the conversation to a person; replies the bot is still writing are dropped.

    Calling it again for the same agent changes nothing a buyer can see.
    Raises: Conversation.DoesNotExist; AlreadyTaken, carrying the id of whoever holds it.
    """
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        take(conversation, agent)
    running.make_stale(current_schema(), conversation_id)
    return conversation


def conversation_force_take(*, conversation_id: int, agent: User) -> Conversation:
    """Take it from a colleague: the button the second agent is offered after AlreadyTaken."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        before = conversation.agent_id
        if conversation.speaker == Conversation.Speaker.AGENT and before != agent.pk:
            conversation._speak(Conversation.Speaker.QUEUE, None)
            queues.wake_for(before)
        take(conversation, agent)
    running.make_stale(current_schema(), conversation_id)
    return conversation


def reply_send(
    *,
    conversation_id: int,
    agent: User,
    text: str,
    client_key: str,
    base_seq: int | None = None,
    files: Sequence[int] = (),
    template_id: int | None = None,
    reply_to: int | None = None,
    cards: Sequence[Mapping[str, Any]] = (),
    meta: Mapping[str, Any] | None = None,
) -> Reply:
    """A person's message to the buyer. The first one silences the bot.

    `client_key`: a retry with the same key returns the first result. `base_seq`: the newest
    message when the draft was begun; a newer one of a buyer or colleague raises NewerMessages
    (send again with its `last_seq`, or without to insist). `files`: ids of workspace.StoredFile.
    `reply_to`: a message of the same conversation. `cards`: goods shown below the text. `meta`:
    what is kept beside it (the words before translation).
    Raises: AlreadyTaken, NewerMessages, NothingToSend, WindowClosed, Unreachable, FileRefused,
    NotApproved.
    """
    text = text.strip()
    if not text and not files and not cards:
        raise NothingToSend(_("There is nothing to send."))
    try:
        with transaction.atomic():
            conversation = Conversation.objects.locked().get(pk=conversation_id)
            if earlier := _sent_before(conversation, client_key):
                return Reply(earlier, is_new=False)
            way = way_out(conversation, template_id, text, is_alone=not (files or cards))
            files_fit(conversation, files)
            if base_seq is not None and (newer := _newer(conversation, base_seq, agent)):
                raise NewerMessages(
                    _("New messages have come; look before you send."),
                    last_seq=conversation.last_seq,
                    **_told_by(newer),
                )
            if reply_to and not _is_said(conversation, reply_to):
                reply_to = None
            take(conversation, agent)
            written = messages.write(
                conversation=conversation.pk,
                author=Message.Author.AGENT,
                text=text,
                kind=Message.Kind.MEDIA
                if files
                else Message.Kind.TEMPLATE
                if template_id
                else Message.Kind.TEXT,
                user=agent.pk,
                language=conversation.language,
                client_key=client_key,
                reply_to=reply_to,
                answers=True,
                meta={
                    **way,
                    **({"cards": list(cards)} if cards else {}),
                    **(meta or {}),
                },
            )
            assert written is not None
            for stored_id in files:
                _attach(written.id, stored_id)
            if template_id:
                template_sent(template_id)
            sla.settle(conversation, replied=True)
            due.cancel("deadline", conversation.pk)
            due.schedule("deliver", conversation.pk)
            _first_answer(conversation)
            Draft.objects.filter(conversation=conversation, user=agent, mode="reply").delete()
    except IntegrityError:
        # The same key from two tabs at once: the other one won.
        conversation = Conversation.objects.get(pk=conversation_id)
        if earlier := _sent_before(conversation, client_key):
            return Reply(earlier, is_new=False)
        raise
    running.make_stale(current_schema(), conversation_id)
    return Reply(Message.objects.get(pk=written.id), is_new=True)


def way_out(
    conversation: Conversation, template_id: int | None, text: str, *, is_alone: bool = True
) -> dict[str, Any]:
    """What a reply carries beside its text: a template's buttons, or past the channel's window the
    platform's approved text. `is_alone`: no files or goods go along.
    Raises WindowClosed, NotApproved, Unreachable.
    """
    if not may_write(conversation, template=bool(template_id)) or not template_id:
        return template_meta(template_id)
    approved = platform_templates.filled(conversation, template_id, text, is_alone=is_alone)
    if not approved:
        return {**template_meta(template_id), "past_window": True}
    return {"template": template_id, "past_window": True, "approved": approved}


def template_meta(template_id: int | None) -> dict[str, Any]:
    """What a reply made from a template carries beside its text: the template's buttons."""
    if not template_id:
        return {}
    found = Template.objects.filter(pk=template_id).first()
    buttons = buttons_shown(found.buttons or ()) if found else []
    return {"template": template_id, **({"buttons": buttons} if buttons else {})}


def _attach(message_id: int, stored_id: int) -> None:
    stored = StoredFile.objects.get(pk=stored_id)
    kind = kind_of(stored.mime)
    Attachment.objects.create(message_id=message_id, file=stored, kind=kind, name=stored.name[:200])


def _first_answer(conversation: Conversation) -> None:
    if conversation.waiting_since:
        waited = round((timezone.now() - conversation.waiting_since).total_seconds() * 1000)
        Episode.objects.now_of(conversation).filter(first_answer_ms=None).update(
            first_answer_ms=waited
        )


def _sent_before(conversation: Conversation, client_key: str) -> Message | None:
    if not client_key:
        return None
    return Message.objects.filter(conversation=conversation, client_key=client_key).first()


def may_write(conversation: Conversation, *, template: bool = False) -> bool:
    """Whether it goes out past the channel's window. Raises WindowClosed, Unreachable."""
    past_window = window_check(conversation, template=template)
    manifest = manifest_of(conversation.channel)
    if manifest is not None and not manifest.is_offered:
        raise Unreachable(_("This is history from elsewhere: write where the buyer is now."))
    if manifest is not None and not manifest.can_write:
        raise Unreachable(_("Nothing can be written in this channel: it only tells of calls."))
    if not conversation.contact.is_reachable:
        raise Unreachable(_("The buyer has blocked this channel."))
    if conversation.channel.state == Channel.State.PAUSED:
        raise Unreachable(_("This channel is paused. Switch it on to write."))
    return past_window


def _is_said(conversation: Conversation, message_id: int) -> bool:
    said = Message.objects.filter(pk=message_id, conversation=conversation)
    return said.exclude(kind__in=[Message.Kind.NOTE, Message.Kind.SYSTEM]).exists()


def _newer(conversation: Conversation, base_seq: int, agent: User) -> Message | None:
    """The newest of them, a colleague's before a buyer's."""
    found = (
        Message.objects.filter(conversation=conversation, seq__gt=base_seq)
        .exclude(kind__in=[Message.Kind.NOTE, Message.Kind.SYSTEM])
        .exclude(user=agent)
        .select_related("user")
        .order_by("-seq")
    )
    return found.filter(author=Message.Author.AGENT).first() or found.first()


def _told_by(message: Message) -> dict[str, Any]:
    """Which colleague has answered, and how long ago."""
    if message.author != Message.Author.AGENT or message.user is None:
        return {}
    ago = (timezone.now() - message.created_at).total_seconds()
    return {"answered_by": str(message.user), "answered_ago_s": max(0, round(ago))}


def note_add(
    *,
    conversation_id: int,
    agent: User,
    text: str,
    client_key: str = "",
    mentions: Sequence[int] = (),
    files: Sequence[int] = (),
) -> Message:
    """An inner note; buyers never see it. `mentions`: colleagues it calls, by number. `files`:
    ids of workspace.StoredFile, whatever the channel takes."""
    if not text.strip() and not files:
        raise NothingToSend(_("There is nothing to save."))
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        if earlier := _sent_before(conversation, client_key):
            return earlier
        if conversation.episode_id is None:
            open_again(conversation)
            conversation.save(update_fields=["status", "episode"])
        written = messages.write(
            conversation=conversation.pk,
            author=Message.Author.AGENT,
            kind=Message.Kind.NOTE,
            state=Message.State.KEPT,
            text=text.strip(),
            user=agent.pk,
            client_key=client_key,
        )
        assert written is not None
        for stored_id in files:
            _attach(written.id, stored_id)
        _mention(conversation, written.id, agent, mentions)
        Draft.objects.filter(conversation=conversation, user=agent, mode="note").delete()
    return Message.objects.get(pk=written.id)


def note_by_rule(conversation_id: int, text: str, mentions: Sequence[int] = ()) -> int:
    """A note that no person has written; its number."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        if conversation.episode_id is None:
            raise NothingToSend(_("Nobody has written here yet."))
        written = messages.write(
            conversation=conversation.pk,
            author=Message.Author.AUTOMATION,
            kind=Message.Kind.NOTE,
            state=Message.State.KEPT,
            text=text,
        )
        assert written is not None
        _mention(conversation, written.id, None, mentions)
    return written.id


def note_remove(conversation_id: int, message_id: int) -> bool:
    """Take a note back: its text is gone, its place stays."""
    note = Message.objects.filter(
        pk=message_id, conversation=conversation_id, kind=Message.Kind.NOTE, deleted_at=None
    ).first()
    if note is None:
        return False
    note.text, note.deleted_at = "", timezone.now()
    note.save(update_fields=["text", "deleted_at"])
    Mention.objects.filter(message=note).delete()
    messages.changed(note)
    return True


def _mention(
    conversation: Conversation, message_id: int, agent: User | None, mentions: Sequence[int]
) -> None:
    """Colleagues find it under "mentioned" and are told; who is called may see it."""
    own = {agent.pk} if agent else set()
    called = list(User.objects.filter(pk__in=set(mentions) - own, is_active=True))
    if not called:
        return
    conversation.mentioned = sorted({*conversation.mentioned, *(user.pk for user in called)})
    conversation.save(update_fields=["mentioned"])
    for user in called:
        Mention.objects.create(conversation=conversation, message_id=message_id, user=user)
        outbox.emit(
            "mention.made",
            key=_key(conversation),
            data={"conversation": conversation.pk, "user": user.pk, "message": message_id},
        )


def verdict_give(
    *, message_id: int, user: User, is_good: bool, about: str = "", comment: str = ""
) -> Verdict:
    """What a colleague thinks of an answer of the bot; the last word counts.

    Raises Message.DoesNotExist for what is no answer of the bot or not for this person to see.
    """
    message = Message.objects.get(
        pk=message_id, author=Message.Author.BOT, conversation__in=visible(user)
    )
    verdict, _is_new = Verdict.objects.update_or_create(
        message=message,
        user=user,
        defaults={"is_good": is_good, "about": about, "comment": comment[:1000]},
    )
    return verdict


def conversation_return_to_bot(
    *, conversation_id: int, agent: User | None, instruction: str = ""
) -> Conversation:
    """Let the bot answer again; the instruction is shown in the thread as a note.

    `agent` None is a rule of the merchant. Raises AlreadyTaken when a colleague holds it.
    """
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        held = conversation.agent_id if conversation.speaker == Conversation.Speaker.AGENT else None
        if agent is not None and held not in (None, agent.pk):
            raise AlreadyTaken(conversation.agent_id)
        before = conversation.agent_id, conversation.offered_to_id
        if conversation.status == Conversation.Status.RESOLVED or not conversation.hand_to_bot():
            return conversation
        conversation.memory = {**conversation.memory, "told_to_wait": False}
        if instruction.strip():
            messages.write(
                conversation=conversation.pk,
                author=Message.Author.AGENT if agent else Message.Author.AUTOMATION,
                kind=Message.Kind.NOTE,
                state=Message.State.KEPT,
                text=instruction.strip(),
                user=agent.pk if agent else None,
                meta={"code": "instruction"},
            )
            conversation.memory["instruction"] = instruction.strip()[:2000]
        if conversation.waiting_since is not None:
            bot = conversation.channel.bot
            conversation.deadline_at = timezone.now() + timedelta(seconds=bot.deadline_s)
            due.reschedule("deadline", conversation.pk, due_at=conversation.deadline_at)
            due.schedule("turn", conversation.pk)
            if conversation.status == Conversation.Status.SNOOZED:
                # Put off was what a person has to do; the bot answers now.
                conversation.status, conversation.snoozed_until = Conversation.Status.OPEN, None
                due.cancel("snooze", conversation.pk)
        conversation.save(
            update_fields=[
                "status",
                "snoozed_until",
                "speaker",
                "agent",
                "epoch",
                "handover_reason",
                "memory",
                "deadline_at",
                "previous_agent",
                "offered_to",
                "offer_until",
            ]
        )
        sla.settle(conversation)
        queues.wake_for(*before)
        messages.system_line(conversation, "returned_to_bot", name=str(agent or ""))
        outbox.emit(
            "conversation.returned",
            key=_key(conversation),
            data={"conversation": conversation.pk, "agent": agent.pk if agent else None},
        )
    return conversation


def conversations_resolve(contacts: Collection[int], *, by: User) -> None:
    """Everything that is open of these buyers ends."""
    talks = Conversation.objects.filter(contact__in=contacts)
    talks = talks.exclude(status=Conversation.Status.RESOLVED)
    for pk in list(talks.values_list("pk", flat=True)):
        conversation_resolve(conversation_id=pk, by=by)


def conversation_resolve(
    *, conversation_id: int, by: User | None = None, outcome: str = "answered"
) -> Conversation:
    """Close the episode: nobody speaks, nobody waits. Resolving twice changes nothing."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        if conversation.status == Conversation.Status.RESOLVED:
            return conversation
        before = conversation.agent_id, conversation.offered_to_id
        conversation.fall_silent()
        conversation.unread = 0
        conversation.save()
        sla.settle(conversation)
        queues.wake_for(*before)
        Episode.objects.now_of(conversation).filter(resolved_at=None).update(
            resolved_at=timezone.now(),
            outcome=outcome,
            resolved_by="agent" if by else "rule",
        )
        due.cancel("deadline", conversation.pk)
        if by is None:
            # What a rule has just said before it closes is no answer that came too late.
            Message.objects.filter(
                conversation=conversation,
                author=Message.Author.AUTOMATION,
                kind=Message.Kind.TEMPLATE,
                state=Message.State.QUEUED,
                epoch=conversation.epoch - 1,
            ).update(epoch=conversation.epoch)
        messages.system_line(conversation, "resolved", name=str(by) if by else "")
        outbox.emit(
            "conversation.resolved",
            key=_key(conversation),
            data={"conversation": conversation.pk, "agent": by.pk if by else None},
        )
    running.make_stale(current_schema(), conversation_id)
    return conversation


def conversation_read(*, conversation_id: int, agent: User, seq: int) -> None:
    """Everything up to `seq` was seen by somebody of the shop."""
    with transaction.atomic():
        conversation = (
            Conversation.objects.locked().select_related("channel").get(pk=conversation_id)
        )
        Mention.objects.filter(
            user=agent, conversation=conversation, seen_at=None, message__seq__lte=seq
        ).update(seen_at=timezone.now())
        if seq <= conversation.last_read_seq and conversation.unread == 0:
            return
        conversation.last_read_seq = max(conversation.last_read_seq, seq)
        conversation.unread = Message.objects.filter(
            Q(author=Message.Author.BUYER)
            | Q(kind=Message.Kind.SYSTEM, meta__call__state="missed", meta__call__direction="in"),
            conversation=conversation,
            seq__gt=conversation.last_read_seq,
        ).count()
        conversation.save(update_fields=["last_read_seq", "unread"])
        manifest = manifest_of(conversation.channel)
        if manifest is not None and manifest.can_mark_read:
            due.schedule("seen", conversation.pk)
        outbox.emit(
            "conversation.read",
            key=_key(conversation),
            data={"conversation": conversation.pk, "seq": seq, "agent": agent.pk},
        )


def draft_save(
    *,
    conversation_id: int,
    agent: User,
    text: str,
    mode: str = "reply",
    base_seq: int = 0,
    files: Sequence[Mapping[str, Any]] = (),
    more: Mapping[str, Any] | None = None,
) -> None:
    """What an agent has typed and attached so far; nothing at all forgets it.

    `more`: what goes with the words (goods, a quote, whom they call) as the page itself keeps it.
    """
    if not text and not files and not more:
        Draft.objects.filter(conversation_id=conversation_id, user=agent, mode=mode).delete()
        return
    Draft.objects.update_or_create(
        conversation_id=conversation_id,
        user=agent,
        mode=mode,
        defaults={
            "text": text[:20_000],
            "base_seq": base_seq,
            "meta": {
                **({"files": list(files)} if files else {}),
                **({"more": dict(more)} if more else {}),
            },
        },
    )
