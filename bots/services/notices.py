"""Who is told what, and how: one place decides for pages, sounds, pushes, letters and Telegram.

A fact becomes one row for each person who may see it and wants to know (`Notice`, unique by
person and key, so a fact told twice by the outbox is told once). Open pages hear of it at once;
what leaves the house is due work of the person (bots.services.notice_work).

Nobody is told of what the policy does not show them, here or when it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from bots.models import (
    Channel,
    Conversation,
    Message,
    Notice,
    PushSubscription,
)
from bots.selectors.policy import Facts, sights_of, visible
from bots.services import focus
from bots.services.notice_choices import EVENTS, WAYS, Choices, choices_of
from tenants.kernel import due
from tenants.kernel.context import current_schema, group_of
from tenants.kernel.live import tell
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import User

LEAVING = ("push", "email", "telegram")
# The sound comes again until it is seen or taken.
REPEATS_S = {"handover": 20}
TEXT_SHOWN = 120
KEPT = timedelta(days=30)
FRESH = timedelta(minutes=10)  # nothing older is news
PRUNED_EVERY = 500  # notices: old ones are thrown away


# ── Telling ──────────────────────────────────────────────────────────────────────────────────
def notify(
    event: str,
    key: str,
    users: Iterable[User],
    *,
    conversation: Conversation | None = None,
    data: Mapping[str, Any] | None = None,
) -> list[Notice]:
    """Tell each of them once; who may not see the conversation is passed over in silence."""
    asked = {user.pk: user for user in users if user.is_active}
    if conversation is not None:
        facts = Facts.of(conversation)
        sights = sights_of(asked.values())
        asked = {pk: user for pk, user in asked.items() if sights[pk].allows(facts)}
    if not asked:
        return []
    channel = conversation.channel_id if conversation else (data or {}).get("channel")
    choices = choices_of(asked)
    told = set(Notice.objects.filter(key=key, user__in=asked).values_list("user_id", flat=True))
    browsers = PushSubscription.objects.filter(user__in=asked)
    reached = {"push": set(browsers.values_list("user_id", flat=True))}
    reached["telegram"] = {pk for pk in asked if choices[pk].telegram}
    now = timezone.now()
    rows, sounds = [], {}
    for pk in asked:
        ways = choices[pk].of(event, channel)
        if pk in told or not ways:
            continue
        looks = conversation is not None and focus.of(pk) == conversation.pk
        if looks:
            ways = ways & {"app", "email"} if event == "mention" else ways & {"app"}
        ways -= {way for way, people in reached.items() if pk not in people}
        if not ways:
            continue
        sounds[pk] = "sound" in ways and choices[pk].quiet_until(now) is None
        rows.append(
            Notice(
                user_id=pk,
                event=event,
                key=key[:60],
                conversation=conversation,
                data=dict(data or {}),
                todo=[way for way in LEAVING if way in ways],
                sent=[["app", now.isoformat()]] if "app" in ways else [],
                at=now,
                seen_at=now if looks and event == "reply" else None,
            )
        )
    with transaction.atomic():
        Notice.objects.bulk_create(rows, ignore_conflicts=True)
        kept = list(Notice.objects.filter(key=key[:60], user__in=[r.user_id for r in rows], at=now))
        for row in kept:
            if row.todo:
                due.schedule("notice", row.user_id)
            if row.pk % PRUNED_EVERY == 0:
                due.schedule("notices_prune", 0)
    schema = current_schema()
    body: str | None = None  # the same for all of them
    for row in kept:
        row.user = asked[row.user_id]
        row.conversation = conversation
        if row.sent or sounds[row.user_id]:
            body = _body(row) if body is None else body
            seen = {**_seen(row, body), "app": bool(row.sent), "sound": sounds[row.user_id]}
            if sounds[row.user_id] and event in REPEATS_S:
                seen["repeat_s"] = REPEATS_S[event]
            _tell_page(schema, row.user_id, seen)
    return kept


after_commit = transaction.on_commit


def _tell_page(schema: str, user_id: int, seen: dict[str, Any]) -> None:
    message = {"type": "notice", "user": user_id, "notice": seen}
    after_commit(lambda: tell(group_of(schema, "console"), message))


def as_seen(row: Notice, *, shows_text: bool = True) -> dict[str, Any]:
    """A notice for its reader's eyes. `shows_text` False: no name and no word of a buyer."""
    return _seen(row, _body(row) if shows_text else "")


def _seen(row: Notice, body: str) -> dict[str, Any]:
    language = row.user.language or merchant_of(current_schema()).language
    with override(language):
        title = str(_TITLES[row.event]())
    return {
        "id": row.pk,
        "event": row.event,
        "conversation": row.conversation_id,
        "title": title,
        "body": body,
        "at": row.at.isoformat(),
        "url": f"/console/#{row.conversation_id}" if row.conversation_id else "/console/",
    }


_TITLES = {
    "queue": lambda: _("A new chat in your queue"),
    "assigned": lambda: _("A chat for you"),
    "reply": lambda: _("A buyer has written"),
    "handover": lambda: _("The assistant asks you to help"),
    "mention": lambda: _("You were mentioned"),
    "sla_warned": lambda: _("The promised time is near"),
    "sla_breached": lambda: _("The promised time is over"),
    "window": lambda: _("Little time left to answer a buyer"),
    "failed": lambda: _("A message was not delivered"),
    "stale": lambda: _("Too old by now, not sent"),
    "channel": lambda: _("A channel needs you"),
    "model": lambda: _("The language model needs you"),
    "missed": lambda: _("You missed two chats and are away now"),
}


def _body(row: Notice) -> str:
    if row.conversation is None:
        return str(row.data.get("name", ""))[:TEXT_SHOWN]
    said = row.conversation.preview
    words = Message.objects.filter(conversation=row.conversation).order_by("-seq")
    if row.event == "mention":
        said = _first(words.filter(pk=row.data.get("message", 0)))
    elif row.conversation.preview_author != Message.Author.BUYER:
        said = _first(words.filter(author=Message.Author.BUYER)) or said
    who = row.conversation.contact.name
    return ": ".join(filter(None, [who, " ".join(said.split())]))[:TEXT_SHOWN]


def _first(found: QuerySet[Message]) -> str:
    return found.values_list("text", flat=True).first() or ""


# ── What is read and what is over ────────────────────────────────────────────────────────────
def unseen_of(user: User) -> QuerySet[Notice]:
    return Notice.objects.filter(user=user, seen_at=None, sent__contains=[["app"]])


def list_of(
    user: User, before: int = 0, limit: int = 30, after: int | None = None
) -> list[dict[str, Any]]:
    """The newest first; what the person may no longer see is not there. `sound` and `repeat_s`
    are as of now: their choices, their quiet hours, and whether somebody still has to come.

    `after` a number: what is new since for a page without a socket, also what is only heard.
    """
    now = timezone.now()
    found = Notice.objects.filter(user=user).filter(
        Q(conversation=None) | Q(conversation__in=visible(user))
    )
    if after is not None:
        found = found.filter(pk__gt=after, seen_at=None, at__gt=now - FRESH)
    else:
        found = found.filter(sent__contains=[["app"]])
    if before:
        found = found.filter(pk__lt=before)
    rows = found.select_related("user", "conversation__contact").order_by("-pk")[:limit]
    mine = choices_of([user.pk])[user.pk]
    is_quiet = mine.quiet_until(now) is not None
    return [{**as_seen(row), **_heard(row, mine, is_quiet), "seen_at": row.seen_at} for row in rows]


def _heard(row: Notice, mine: Choices, is_quiet: bool) -> dict[str, Any]:
    talk = row.conversation
    channel = talk.channel_id if talk else row.data.get("channel")
    sound = row.seen_at is None and not is_quiet and "sound" in mine.of(row.event, channel)
    waits = talk is not None and talk.speaker == Conversation.Speaker.QUEUE
    return {
        "app": any(sent[0] == "app" for sent in row.sent),
        "sound": sound,
        **(
            {"repeat_s": REPEATS_S[row.event]} if sound and waits and row.event in REPEATS_S else {}
        ),
    }


def seen(user: User, *, ids: Iterable[int] | None = None, conversation: int | None = None) -> int:
    """They looked: nothing of it leaves the house any more. Neither named: all of them."""
    found = Notice.objects.filter(user=user, seen_at=None)
    if ids is not None:
        found = found.filter(pk__in=list(ids))
    if conversation is not None:
        found = found.filter(conversation=conversation)
    return found.update(seen_at=timezone.now(), todo=[])


@due.worker("notices_prune")
def prune(_object_id: int) -> datetime | None:
    Notice.objects.filter(at__lt=timezone.now() - KEPT).delete()
    return None


def shown(user: User) -> dict[str, Any]:
    """For the page of choices."""
    mine = choices_of([user.pk])[user.pk]
    return {
        "events": [
            {
                "event": event,
                "name": str(name),
                "ways": {way: way in mine.ways[event] for way in WAYS},
                "defaults": {way: way in default for way in WAYS},
            }
            for event, (name, default) in EVENTS.items()
        ],
        "muted": sorted(mine.muted),
        "channels": [
            {"id": one.pk, "name": one.name, "kind": one.kind}
            for one in Channel.objects.exclude(settings__removed=True).order_by("name", "pk")
        ],
        "quiet": mine.quiet,
        "text": "show" if mine.shows_text else "hide",
        "email_every_min": mine.email_every_min,
        "is_checked": mine.is_checked,
        "unseen": unseen_of(user).count(),
    }
