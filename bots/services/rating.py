"""What buyers think: one question after an episode, answered by a button in the channel itself.

The press is no message that waits: it opens nothing and can be repeated within a day. Who is asked
about is whoever ended the episode, so that the assistant and people are rated apart.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from bots.channels.base import BuyerMessage
from bots.models import Channel, Conversation, Episode, Message, Rating
from bots.selectors.people import contacts_of
from bots.selectors.sendable import is_closed, manifest_of
from bots.services import messages
from bots.services.channels import adapter_of
from bots.services.desk_settings import setting
from tenants.kernel import due, outbox
from tenants.workspace.models import User

PREFIX = "rate:"
CHANGES_FOR = timedelta(days=1)
COMMENT_FOR = timedelta(minutes=30)
# History brought over from elsewhere ended long ago: nobody is asked about it.
FRESH = timedelta(days=1)

ASK = {
    "ru": {"bot": "Оцените, пожалуйста, ответы помощника.", "agent": "Оцените ответ: {name}."},
    "en": {"bot": "How did the assistant do?", "agent": "How did {name} do?"},
}
SOMEBODY = {"ru": "наш сотрудник", "en": "our colleague"}
TWO = {"ru": (("👍 Помогло", 5), ("👎 Не помогло", 1)), "en": (("👍 Helped", 5), ("👎 Did not", 1))}
COMMENT = {"ru": "Добавить пару слов", "en": "Add a few words"}
AGAIN = {"ru": "Изменить оценку", "en": "Change the rating"}
SAY = {
    "ru": {
        "write": "Напишите, что было хорошо или плохо.",
        "thanks": "Спасибо, передали.",
        "again": "Какую оценку поставить?",
    },
    "en": {
        "write": "Tell us what was good or bad.",
        "thanks": "Thank you, passed on.",
        "again": "Which rating shall it be?",
    },
}


# ── Asking ───────────────────────────────────────────────────────────────────────────────────
def rating_plan(conversation_id: int) -> None:
    """An episode has ended: ask in a while, if this one is to be asked."""
    chosen = setting("rating")
    if not chosen["on"]:
        return
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None or conversation.episode_id is None:
        return
    if (
        random.Random(f"{conversation_id}:{conversation.episode_id}").random() * 100
        >= (chosen["percent"])
    ):
        return
    at = timezone.now() + timedelta(seconds=chosen["delay_s"])
    due.schedule("rate_ask", conversation.episode_id, due_at=at)


@due.worker("rate_ask")
def ask(episode_id: int) -> datetime | None:
    episode = (
        Episode.objects.select_related("conversation__channel", "conversation__contact")
        .filter(pk=episode_id)
        .first()
    )
    if episode is not None:
        _ask(episode)
    return None


def _ask(episode: Episode) -> Rating | None:
    """Put the question; None where this buyer is not to be asked now."""
    chosen = setting("rating")
    with transaction.atomic():
        conversation = (
            Conversation.objects.locked()
            .select_related("channel", "contact")
            .get(pk=episode.conversation_id)
        )
        about, agent = _about(episode)
        if about is None or not chosen["on"] or not _may_ask(conversation, episode, chosen):
            return None
        if not chosen[f"about_{about}"]:
            return None
        rating, is_new = Rating.objects.get_or_create(
            episode=episode,
            defaults={"conversation": conversation, "about": about, "agent": agent},
        )
        if not is_new:
            return None
        lang = "en" if conversation.language == "en" else "ru"
        name = agent.get_short_name() if agent else SOMEBODY[lang]
        messages.write(
            conversation=conversation.pk,
            author=Message.Author.AUTOMATION,
            text=ASK[lang][about].format(name=name),
            language=lang,
            meta={
                "code": "rating",
                "rating": rating.pk,
                "buttons": _buttons(rating.pk, lang, chosen["scale"]),
            },
        )
        due.schedule("deliver", conversation.pk)
    return rating


def _about(episode: Episode) -> tuple[str | None, User | None]:
    """Whoever spoke last in the episode, and which colleague; who closed it may be another.

    (None, None) where nobody of ours spoke; nobody is named of what the owner's phone said.
    """
    last = (
        Message.objects.filter(episode=episode, author__in=["bot", "agent", "echo"])
        .exclude(kind__in=[Message.Kind.NOTE, Message.Kind.SYSTEM])
        .select_related("user")
        .order_by("-seq")
        .first()
    )
    if last is None:
        return None, None
    if last.author == Message.Author.BOT:
        return Rating.About.BOT, None
    return Rating.About.AGENT, last.user


def _may_ask(conversation: Conversation, episode: Episode, chosen: dict[str, Any]) -> bool:
    now = timezone.now()
    manifest = manifest_of(conversation.channel)
    is_over = (
        conversation.status == Conversation.Status.RESOLVED
        and conversation.episode_id == episode.pk
        and episode.resolved_at is not None
        and now - episode.resolved_at < FRESH
    )
    can = (
        conversation.contact.is_reachable
        and conversation.channel.state == Channel.State.LIVE
        and not conversation.is_public
        and not is_closed(conversation)
        and manifest is not None
        and manifest.buttons >= (2 if chosen["scale"] == "two" else 5)
    )
    if not is_over or not can:
        return False
    same = Q(conversation=conversation)
    if person := conversation.contact.person:
        same |= Q(conversation__contact__in=contacts_of(person))
    since = now - timedelta(days=chosen["pause_days"])
    return not Rating.objects.filter(same, asked_at__gt=since).exists()


def _buttons(rating_id: int, lang: str, scale: str) -> list[dict[str, str]]:
    choices = TWO[lang] if scale == "two" else [("★" * n, n) for n in range(5, 0, -1)]
    return [{"title": title, "payload": f"{PREFIX}{rating_id}:{score}"} for title, score in choices]


# ── Answering ────────────────────────────────────────────────────────────────────────────────
def take(conversation: Conversation, said: BuyerMessage) -> bool:
    """Whether a buyer's message belongs to a rating: a press, or the comment asked for.

    Inside the transaction that receives it; `conversation` is locked. Nothing else becomes of it.
    """
    if said.payload.startswith(PREFIX):
        _pressed(conversation, said)
        return True
    if said.files or said.is_start or conversation.status != Conversation.Status.RESOLVED:
        return False
    rating = _awaits_comment(conversation)
    if rating is None or not said.text.strip():
        return False
    rating.comment, rating.comment_until = said.text.strip()[:1000], None
    rating.save(update_fields=["comment", "comment_until"])
    _keep(conversation, said, rating)
    _say(conversation, "thanks")
    _tell(rating)
    return True


def _awaits_comment(conversation: Conversation) -> Rating | None:
    if conversation.episode_id is None:
        return None
    return Rating.objects.filter(
        episode=conversation.episode_id, comment_until__gt=timezone.now()
    ).first()


def _pressed(conversation: Conversation, said: BuyerMessage) -> None:
    """A score, or the wish to add words. What is another's, late or malformed changes nothing."""
    ident, _colon, value = said.payload.removeprefix(PREFIX).partition(":")
    rating = (
        Rating.objects.select_for_update(of=("self",))
        .filter(pk=int(ident), conversation=conversation)
        .first()
        if ident.isdecimal() and len(ident) < 18
        else None
    )
    _keep(conversation, said, rating)
    if said.callback and rating is not None:
        due.schedule("rate_seen", rating.pk)
    if rating is None or is_over(rating):
        return
    now = timezone.now()
    if value == "comment":
        if rating.rated_at is not None:
            rating.comment_until = now + COMMENT_FOR
            rating.save(update_fields=["comment_until"])
            _say(conversation, "write")
        return
    if value == "again":
        lang = "en" if conversation.language == "en" else "ru"
        _say(conversation, "again", _buttons(rating.pk, lang, setting("rating")["scale"]))
        return
    if not value.isdecimal() or not 1 <= int(value) <= 5:
        return
    is_first = rating.rated_at is None
    if rating.score == int(value):
        return
    rating.score, rating.rated_at = int(value), rating.rated_at or now
    rating.save(update_fields=["score", "rated_at"])
    if is_first:
        # Where a page shows the buttons of the newest message only, these are the way on.
        _say(conversation, "thanks", _more(rating, conversation))
    _tell(rating)


def is_over(rating: Rating) -> bool:
    """Too late: a day after the first answer, or the question's own time."""
    now = timezone.now()
    if rating.rated_at is not None:
        return now > rating.rated_at + CHANGES_FOR
    return now > rating.asked_at + timedelta(hours=setting("rating")["expires_h"])


def _more(rating: Rating, conversation: Conversation) -> list[dict[str, str]]:
    lang = "en" if conversation.language == "en" else "ru"
    words = (
        {"comment": COMMENT, "again": AGAIN} if setting("rating")["comment"] else {"again": AGAIN}
    )
    return [
        {"title": title[lang], "payload": f"{PREFIX}{rating.pk}:{what}"}
        for what, title in words.items()
    ]


def _keep(conversation: Conversation, said: BuyerMessage, rating: Rating | None) -> None:
    """What the buyer pressed or wrote stays in the thread; nobody has to answer it."""
    messages.write(
        conversation=conversation.pk,
        author=Message.Author.BUYER,
        text=said.text[:1000],
        state=Message.State.RECEIVED,
        external_id=said.external_id[:120],
        sent_at=said.sent_at,
        meta={
            "code": "rated",
            "rating": rating.pk if rating else 0,
            **({"callback": said.callback[:500]} if said.callback else {}),
        },
    )


def _say(
    conversation: Conversation, what: str, buttons: list[dict[str, str]] | None = None
) -> None:
    lang = "en" if conversation.language == "en" else "ru"
    messages.write(
        conversation=conversation.pk,
        author=Message.Author.AUTOMATION,
        text=SAY[lang][what],
        language=lang,
        meta={"code": "rating", **({"buttons": buttons} if buttons else {})},
    )
    due.schedule("deliver", conversation.pk)


def _tell(rating: Rating) -> None:
    outbox.emit(
        "rating.given",
        key=f"conversation:{rating.conversation_id}",
        data={
            "conversation": rating.conversation_id,
            "rating": rating.pk,
            "episode": rating.episode_id,
            "about": rating.about,
            "agent": rating.agent_id,
            "score": rating.score,
        },
    )


@due.worker("rate_seen")
def acknowledge(rating_id: int) -> datetime | None:
    """Stop the pressed button's spinner; too late is nobody's loss."""
    rating = Rating.objects.select_related("conversation__channel").filter(pk=rating_id).first()
    if rating is None:
        return None
    pressed = (
        Message.objects.filter(conversation=rating.conversation_id, meta__rating=rating_id)
        .filter(author=Message.Author.BUYER)
        .order_by("-seq")[:5]
    )
    adapter = adapter_of(rating.conversation.channel)
    for message in pressed:
        if callback := message.meta.get("callback"):
            adapter.acknowledge(callback)
    return None
