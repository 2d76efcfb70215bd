"""Writing to a buyer in another of their channels (which: bots.selectors.elsewhere)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import Conversation, Episode, Message, Template
from bots.selectors import sendable
from bots.selectors.elsewhere import Way, ways
from bots.selectors.policy import visible
from bots.services import conversations, lanes, messages
from bots.services.accept import lane_of
from bots.services.template_text import template_render
from bots.services.template_values import context_for
from bots.services.templates import template_sent
from tenants.kernel import due
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import User


class Nowhere(RuleBroken):
    code = "nowhere"


def kinds_of(text: Any) -> list[str]:
    """“MAX, telegram, SMS” or a list → kinds of channels in that order. Raises ValueError naming
    what is none."""
    words = text if isinstance(text, list) else str(text or "").split(",")
    known = {key.casefold(): key for key in sendable.manifests()}
    known |= {str(one.title).casefold(): key for key, one in sendable.manifests().items()}
    found = []
    for word in (str(one).strip() for one in words):
        if word and word.casefold() not in known:
            raise ValueError(word)
        if word:
            found.append(known[word.casefold()])
    return list(dict.fromkeys(found))


def write(
    conversation: Conversation, template: Template, kinds: Sequence[str], by: User | None
) -> Conversation:
    """The template in the first of `kinds` (any, where none is named) in which this buyer can be
    written to now; its own chat counts where it is such a one. Raises Nowhere, RuleBroken."""
    found = ways(conversation, seen_by=by)
    if kinds:
        found = [one for one in found if one.channel.kind in kinds]
        found.sort(key=lambda one: list(kinds).index(one.channel.kind))
    else:
        found.sort(key=lambda one: one.conversation == conversation)  # elsewhere first
    if not found:
        raise Nowhere(_("This buyer cannot be written to in any of these channels."))
    with transaction.atomic():
        talk = opened(found[0])
        rendered = template_render(template, talk.language, context_for(talk, agent=by))
        if not rendered.is_ready:
            raise RuleBroken(
                _("The template “%s” asks for what is not known here.") % template.name
            )
        if by is not None:
            conversations.reply_send(
                conversation_id=talk.pk, agent=by, text=rendered.text,
                client_key=uuid.uuid4().hex, template_id=template.pk,
            )  # fmt: skip
        else:
            _say(talk, template, rendered.text)
        if talk.pk != conversation.pk and conversation.episode_id is not None:
            messages.system_line(conversation, "written_elsewhere", name=talk.channel.name)
    return talk


def open_for(conversation: Conversation, channel_id: int, by: User) -> Conversation:
    """The buyer's chat in that channel, made where it is a number nobody has written to."""
    for way in ways(conversation, seen_by=by):
        if way.channel.pk == channel_id:
            with transaction.atomic():
                talk = opened(way)
            if not visible(by).filter(pk=talk.pk).exists():
                break
            return talk
    raise Nowhere(_("This buyer cannot be written to in any of these channels."))


def opened(way: Way) -> Conversation:
    if way.conversation is not None:
        return way.conversation
    talk, _known = lanes.opened(
        way.channel, lane_of(way.channel.pk, way.chat), way.chat, username=way.chat
    )
    return Conversation.objects.select_related("channel", "contact").get(pk=talk.pk)


def _say(talk: Conversation, template: Template, text: str) -> None:
    """Words of nobody: who answers there, and whether it is over, stays as it is."""
    now = Conversation.objects.locked().select_related("channel", "contact").get(pk=talk.pk)
    way = conversations.way_out(now, template.pk, text)
    if now.episode_id is None:
        now.episode = Episode.objects.create(
            conversation=now, start_seq=now.last_seq + 1, resolved_at=timezone.now()
        )
        now.save(update_fields=["episode"])
    written = messages.write(
        conversation=now.pk,
        author=Message.Author.AUTOMATION,
        kind=Message.Kind.TEMPLATE,
        text=text,
        language=now.language,
        meta=way,
    )
    assert written is not None
    template_sent(template.pk, written.id)
    due.schedule("deliver", now.pk)
