"""Notices that leave the house: pushes, letters, Telegram. Due work "notice" of one person.

What is kept back (busy, away, quiet hours) waits in `Notice.todo`; when the person is back, what
is younger than FRESH goes by itself and all the rest in ONE digest. What was read meanwhile goes
nowhere. An entry is taken out before the call, so that a killed worker tells once or not at all;
it is put back where the other side asked to come later.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from bots.channels.base import Button, Reply, Unreachable
from bots.models import Channel, Notice, PushSubscription
from bots.selectors.policy import visible
from bots.services import agent_telegram, focus, push
from bots.services.notice_choices import EVENTS, Choices, choices_of
from bots.services.notices import as_seen
from tenants.kernel import due
from tenants.kernel.context import current_schema, release_connection
from tenants.kernel.errors import OutcomeUnknown, RetryLater, VendorError
from tenants.selectors.hosts import merchant_of, primary_host, url_of
from tenants.services.mail import House, MailFailed, mail_send
from tenants.workspace.models import User

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=10)
# After this a notice that could not be told is history: it stands in the list on the page.
GIVEN_UP = timedelta(hours=24)
AGAIN = timedelta(seconds=30)
LETTER_AGAIN = timedelta(minutes=5)
SILENT = frozenset({User.Presence.BUSY, User.Presence.AWAY})


@due.worker("notice")
def tell_person(user_id: int) -> datetime | None:
    """Send what waits for one person; the time to come again where something has to wait."""
    now = timezone.now()
    rows = list(
        Notice.objects.filter(user=user_id)
        .exclude(todo=[])
        .select_related("user", "conversation__contact")
        .order_by("pk")[:500]
    )
    if not rows:
        return None
    user = rows[0].user
    rows = _still(user, rows, now)
    if not rows:
        return None
    choices = choices_of([user_id])[user_id]
    again = [
        _letters(user, choices, rows, now),
        _quick(user, choices, rows, now),
    ]
    return min(filter(None, again), default=None)


def _still(user: User, rows: list[Notice], now: datetime) -> list[Notice]:
    """Without what was read, is too old, or may no longer be seen by this person."""
    wanted = {row.conversation_id for row in rows if row.conversation_id}
    may_see = set(visible(user).filter(pk__in=wanted).values_list("pk", flat=True))
    good: list[Notice] = []
    over: list[Notice] = []
    for row in rows:
        is_ours = row.conversation_id is None or row.conversation_id in may_see
        is_due = row.seen_at is None and row.at > now - GIVEN_UP
        (good if user.is_active and is_ours and is_due else over).append(row)
    if over:
        Notice.objects.filter(pk__in=[row.pk for row in over]).update(todo=[])
    return good


def _take(row: Notice, way: str) -> bool:
    """Take one entry of a notice; False where it is gone, or was read this very moment."""
    with transaction.atomic():
        fresh = Notice.objects.select_for_update().filter(pk=row.pk, seen_at=None).first()
        if fresh is None or way not in fresh.todo:
            return False
        fresh.todo = [one for one in fresh.todo if one != way]
        fresh.sent = [*fresh.sent, [way, timezone.now().isoformat()]]
        fresh.save(update_fields=["todo", "sent"])
    row.todo, row.sent = fresh.todo, fresh.sent
    return True


def _put_back(rows: Iterable[Notice], way: str) -> None:
    for row in rows:
        with transaction.atomic():
            fresh = Notice.objects.select_for_update().filter(pk=row.pk, seen_at=None).first()
            if fresh is not None:
                fresh.todo = [*fresh.todo, way]
                fresh.sent = [one for one in fresh.sent if one[0] != way]
                fresh.save(update_fields=["todo", "sent"])
                row.todo, row.sent = fresh.todo, fresh.sent


# ── Push and Telegram ────────────────────────────────────────────────────────────────────────
def _quick(user: User, choices: Choices, rows: list[Notice], now: datetime) -> datetime | None:
    """What shows on a screen at once: kept back while the person wants silence."""
    quiet = choices.quiet_until(now)
    is_silent = user.presence in SILENT
    rows = [row for row in rows if focus.of(user.pk) != row.conversation_id or not row.conversation]
    again: list[datetime] = []
    if quiet is not None:
        waits = any(way != "email" for row in rows for way in row.todo)
        return quiet if waits else None
    if not is_silent:
        _spread(user, rows)
        for browser in PushSubscription.objects.filter(user=user).order_by("pk"):
            way = f"push:{browser.pk}"
            if wait := _by_way(user, choices, rows, way, now, lambda b=browser: _Push(b)):
                again.append(wait)
    if choices.telegram and (
        wait := _by_way(user, choices, rows, "telegram", now, lambda: _Telegram(user, choices))
    ):
        again.append(wait)
    return min(again, default=None)


def _spread(user: User, rows: list[Notice]) -> None:
    """ "push" becomes one entry for each browser the person has now."""
    browsers = list(PushSubscription.objects.filter(user=user).values_list("pk", flat=True))
    known = {f"push:{pk}" for pk in browsers}
    for row in rows:
        todo = [way for way in row.todo if not way.startswith("push:") or way in known]
        if "push" in todo:
            todo = [way for way in todo if way != "push"] + sorted(known)
        if todo != row.todo:
            row.todo = todo
            Notice.objects.filter(pk=row.pk, seen_at=None).update(todo=todo)


def _by_way(
    user: User, choices: Choices, rows: list[Notice], way: str, now: datetime, make: Any
) -> datetime | None:
    waiting = [row for row in rows if way in row.todo]
    fresh = [row for row in waiting if row.at > now - FRESH]
    old = [row for row in waiting if row.at <= now - FRESH]
    pieces: list[list[Notice]] = [[row] for row in fresh]
    if old:
        pieces.insert(0, old)
    if not pieces:
        return None
    ways = make()
    for piece in pieces:
        taken = [row for row in piece if _take(row, way)]
        if not taken:
            continue
        shown = (
            _digest(user, taken)
            if piece is old
            else as_seen(taken[0], shows_text=choices.shows_text)
        )
        try:
            release_connection()
            ways.tell(shown)
        except RetryLater as exc:
            _put_back(taken, way)
            wait = timedelta(seconds=exc.retry_after_s) if exc.retry_after_s else AGAIN
            return timezone.now() + min(max(wait, timedelta(seconds=1)), FRESH)
        except (push.Gone, Unreachable):
            for row in waiting:
                _take(row, way)
            return None
        except OutcomeUnknown:
            continue
        except VendorError as exc:
            log.warning("a notice of %s was not told: %s", current_schema(), exc)
    return None


def _digest(user: User, rows: list[Notice]) -> dict[str, Any]:
    """One notice for all that happened while the person was away. Numbers only."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.event] = counts.get(row.event, 0) + 1
    with override(_language(user)):
        title = ngettext(
            "%(count)d notice while you were away",
            "%(count)d notices while you were away",
            len(rows),
        ) % {"count": len(rows)}
        body = ", ".join(f"{EVENTS[event][0]}: {n}" for event, n in counts.items())
    return {
        "id": rows[-1].pk,
        "event": "digest",
        "conversation": None,
        "title": str(title),
        "body": body,
        "at": timezone.now().isoformat(),
        "url": "/console/",
    }


def _language(user: User) -> str:
    return user.language or merchant_of(current_schema()).language


def _tag(shown: dict[str, Any]) -> str:
    """Notices of one conversation take each other's place on the screen."""
    if shown["conversation"]:
        return f"c{shown['conversation']}"
    return shown["event"] if shown["event"] == "digest" else f"n{shown['id']}"


class _Push:
    def __init__(self, browser: PushSubscription) -> None:
        self.browser = browser

    def tell(self, shown: dict[str, Any]) -> None:
        tag = _tag(shown)
        # At most 32 characters of base64url (RFC 8030 5.4); says nothing to the service.
        topic = hashlib.sha256(f"{current_schema()}:{tag}".encode()).hexdigest()[:32]
        push.send(self.browser, {**shown, "tag": tag}, topic=topic)


class _Telegram:
    def __init__(self, user: User, choices: Choices) -> None:
        self.user, self.chat = user, str(choices.telegram["chat"])
        self.channel = Channel.objects.filter(pk=choices.telegram["channel"]).first()

    def tell(self, shown: dict[str, Any]) -> None:
        with override(_language(self.user)):
            title = _("Open") if shown["conversation"] is None else _("Open the chat")
        agent_telegram.say(
            self.user,
            self.channel,
            Reply(
                chat=self.chat,
                text="\n".join(filter(None, [shown["title"], shown["body"]])),
                buttons=(Button(title, url=_link(shown["url"])),),
            ),
        )


def _link(path: str) -> str:
    return url_of(primary_host(merchant_of(current_schema())), path)


# ── Letters ──────────────────────────────────────────────────────────────────────────────────
def _letters(user: User, choices: Choices, rows: list[Notice], now: datetime) -> datetime | None:
    """One letter for a conversation in `email_every_min`; what comes meanwhile goes together."""
    groups: dict[int | None, list[Notice]] = {}
    for row in rows:
        if "email" in row.todo:
            groups.setdefault(row.conversation_id, []).append(row)
    again: list[datetime] = []
    for conversation, waiting in groups.items():
        earlier = Notice.objects.filter(
            user=user, conversation=conversation, sent__contains=[["email"]]
        ).order_by("-pk")
        last = max(
            (
                datetime.fromisoformat(at)
                for sent in earlier.values_list("sent", flat=True)[:20]
                for way, at in sent
                if way == "email"
            ),
            default=None,
        )
        ready = last + timedelta(minutes=choices.email_every_min) if last else now
        if ready > now:
            again.append(ready)
            continue
        taken = [row for row in waiting if _take(row, "email")]
        if taken and not _letter(user, choices, taken):
            _put_back(taken, "email")
            again.append(now + LETTER_AGAIN)
    return min(again, default=None)


def _letter(user: User, choices: Choices, rows: list[Notice]) -> bool:
    merchant = merchant_of(current_schema())
    assert merchant.partner is not None
    seen = [as_seen(row, shows_text=choices.shows_text) for row in rows]
    lines = ["\n".join(filter(None, [one["title"], one["body"]])) for one in seen]
    with override(_language(user)):
        text = _("%(what)s\n\nOpen: %(link)s\n\nWhat you are told, and how: %(page)s\n") % {
            "what": "\n\n".join(lines),
            "link": _link(seen[-1]["url"]),
            "page": _link("/admin/notices/"),
        }
    partner: Any = merchant.partner
    release_connection()
    try:
        mail_send(House(partner, merchant), to=user.email, subject=seen[-1]["title"], text=text)
    except MailFailed as exc:
        log.warning("a letter of a notice waits: %s", exc)
        return False
    return True
