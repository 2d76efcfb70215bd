"""Send later: a person's reply that waits for its time and steps back when the buyer writes.

The row and its message change in one transaction, and the message carries a key of the row, so a
worker that dies in between sends it once all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.answerer.fields import card_of
from bots.models import Conversation, Draft, LaterMessage, OpeningHours
from bots.selectors.calendars import Times, shop_times
from bots.selectors.sendable import past_window
from bots.services import messages, platform_templates
from bots.services.conversations import NothingToSend, reply_send
from bots.services.later_over import tell_cancelled
from bots.services.sendable import files_fit
from bots.services.windows import closed
from integrations.models import Product
from tenants.kernel import due, outbox
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import User

State = LaterMessage.State
FARTHEST = timedelta(days=365)
AT_MOST = 20
# Where a shop has told no hours.
_USUAL = [OpeningHours(weekday=day, opens=time(10), closes=time(19)) for day in range(7)]


class NotThen(RuleBroken):
    code = "not_then"
    status = 400


class OverAlready(RuleBroken):
    """It was sent or cancelled meanwhile; `state` says which."""

    code = "over_already"


def later_add(
    *,
    conversation_id: int,
    agent: User,
    text: str,
    send_at: datetime,
    files: Sequence[int] = (),
    cards: Sequence[int] = (),
    original: Mapping[str, Any] | None = None,
    template_id: int | None = None,
    cancels_on_reply: bool = True,
) -> LaterMessage:
    """Write now, send then. Raises NothingToSend, NotThen, WindowClosed, FileRefused.

    `cards`: ids of products; what is shown of them is read when it is sent. `original`: the
    writer's own words where `text` is their translation, `{"text", "language"}`.
    """
    text = text.strip()
    if not text and not files and not cards:
        raise NothingToSend(_("There is nothing to send."))
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        _check(conversation, send_at, template_id, text, is_alone=not (files or cards))
        files_fit(conversation, files)
        if LaterMessage.objects.filter(conversation=conversation, state=State.WAITING).count() >= (
            AT_MOST
        ):
            raise NotThen(_("At most %s messages can wait in one chat.") % AT_MOST)
        row = LaterMessage.objects.create(
            conversation=conversation,
            user=agent,
            text=text,
            original=dict(original or {}),
            files=list(files),
            cards=list(cards),
            template_id=template_id,
            send_at=send_at,
            cancels_on_reply=cancels_on_reply,
        )
        due.schedule("later", row.pk, due_at=send_at)
        Draft.objects.filter(conversation=conversation, user=agent, mode="reply").delete()
        _tell(row, "later.added")
    return row


def _check(
    conversation: Conversation,
    send_at: datetime,
    template_id: int | None,
    text: str,
    *,
    is_alone: bool,
) -> None:
    now = timezone.now()
    if send_at <= now:
        raise NotThen(_("Choose a time to come."))
    if send_at > now + FARTHEST:
        raise NotThen(_("Choose a time within a year."))
    ends = conversation.window_expires_at
    if ends is not None and send_at >= ends:
        if template_id is None or "template" not in past_window(conversation.channel):
            raise closed(conversation)
        platform_templates.filled(conversation, template_id, text, is_alone=is_alone)


def later_edit(
    *,
    later_id: int,
    agent: User,
    text: str | None = None,
    send_at: datetime | None = None,
    files: Sequence[int] | None = None,
    cards: Sequence[int] | None = None,
    original: Mapping[str, Any] | None = None,
    cancels_on_reply: bool | None = None,
) -> LaterMessage:
    """Change what waits. Raises OverAlready, NotThen, WindowClosed, NothingToSend, FileRefused.

    Another `text` without its `original` is nobody's translation any more.
    """
    conversation_id = LaterMessage.objects.values_list("conversation_id", flat=True).get(
        pk=later_id
    )
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        row = _waiting(later_id)
        if original is not None:
            row.original = dict(original)
        elif text is not None and text.strip() != row.text:
            row.original = {}
        if text is not None:
            row.text = text.strip()
        if files is not None:
            files_fit(conversation, files)
            row.files = list(files)
        if cards is not None:
            row.cards = list(cards)
        if not row.text and not row.files and not row.cards:
            raise NothingToSend(_("There is nothing to send."))
        if send_at is not None:
            is_alone = not (row.files or row.cards)
            _check(conversation, send_at, row.template_id, row.text, is_alone=is_alone)
            row.send_at = send_at
            due.reschedule("later", row.pk, due_at=send_at)
        if cancels_on_reply is not None:
            row.cancels_on_reply = cancels_on_reply
        row.user = agent
        row.save()
        _tell(row, "later.changed")
    return row


def _waiting(later_id: int) -> LaterMessage:
    row = LaterMessage.objects.select_for_update(of=("self",)).get(pk=later_id)
    if row.state != State.WAITING:
        raise OverAlready(
            _("It was sent meanwhile.") if row.state == State.SENT else _("It no longer waits."),
            state=row.state,
        )
    return row


def later_cancel(*, later_id: int, by: User) -> LaterMessage:
    """A person changes their mind. Cancelling twice changes nothing. Raises OverAlready."""
    found = LaterMessage.objects.get(pk=later_id)
    if found.state == State.CANCELLED:
        return found
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=found.conversation_id)
        row = _waiting(later_id)
        row.state, row.reason, row.ended_at = State.CANCELLED, "person", timezone.now()
        row.save(update_fields=["state", "reason", "ended_at"])
        due.cancel("later", row.pk)
        tell_cancelled(conversation, row.pk, by.pk, "person", name=str(by))
    return row


def _tell(row: LaterMessage, name: str) -> None:
    outbox.emit(
        name,
        key=f"conversation:{row.conversation_id}",
        data={"conversation": row.conversation_id, "later": row.pk, "agent": row.user_id},
    )


@due.worker("later")
def send_later(later_id: int) -> datetime | None:
    """Its time has come. What is refused now is told in the thread, not tried for ever."""
    found = LaterMessage.objects.filter(pk=later_id, state=State.WAITING).first()
    if found is None:
        return None
    try:
        with transaction.atomic():
            conversation = Conversation.objects.locked().get(pk=found.conversation_id)
            row = (
                LaterMessage.objects.select_for_update(of=("self",))
                .filter(pk=later_id, state=State.WAITING)
                .first()
            )
            if row is None:
                return None
            if row.send_at > timezone.now():
                return row.send_at
            if not row.user.is_active:
                raise NotThen("no_person")
            reply = reply_send(
                conversation_id=conversation.pk,
                agent=row.user,
                text=row.text,
                client_key=f"later:{row.pk}",
                files=row.files,
                template_id=row.template_id,
                cards=_cards(row, conversation.language),
                meta={"later": row.pk} | ({"original": row.original} if row.original else {}),
            )
            row.state, row.message, row.ended_at = State.SENT, reply.message, timezone.now()
            row.save(update_fields=["state", "message", "ended_at"])
            _tell(row, "later.sent")
    except RuleBroken as exc:
        why = "no_person" if str(exc) == "no_person" else exc.code
        _refuse(found, why)
    return None


def _cards(row: LaterMessage, lang: str) -> list[dict[str, Any]]:
    """Goods as they are now, in the order in which they were put; those that are gone are not."""
    if not row.cards:
        return []
    found = Product.objects.prefetch_related("variants").in_bulk(row.cards)
    return [vars(card_of(found[pk], lang)) for pk in row.cards if pk in found]


def _refuse(found: LaterMessage, why: str) -> None:
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=found.conversation_id)
        changed = LaterMessage.objects.filter(pk=found.pk, state=State.WAITING).update(
            state=State.FAILED, reason=why, ended_at=timezone.now()
        )
        if changed:
            messages.system_line(conversation, "later_failed", later=found.pk, reason=why)
            _tell(found, "later.failed")


# ── When ─────────────────────────────────────────────────────────────────────────────────────
def presets(now: datetime, time_zone: str) -> list[dict[str, Any]]:
    """Times worth offering, all while people answer: `{"key", "at"}`, soonest first, each once.

    "hour" (in an hour), "evening" (an hour before today ends), "opening" (the next day's begin),
    "monday" (the next week's begin).
    """
    local = now.astimezone(ZoneInfo(time_zone))
    times = shop_times(now, time_zone) or Times(ZoneInfo(time_zone), _USUAL)
    found = {
        "hour": times.next_opening(local + timedelta(hours=1)),
        "evening": _before_end(times, local),
        "opening": _begin_after(times, local.date()),
        "monday": _begin_after(times, local.date() + timedelta(days=6 - local.weekday())),
    }
    seen: set[datetime] = set()
    offered = []
    for key, at in found.items():
        if at is not None and at > local and at not in seen:
            seen.add(at)
            offered.append({"key": key, "at": at})
    return sorted(offered, key=lambda one: one["at"])


def _before_end(times: Times, local: datetime) -> datetime | None:
    today = times.open_on(local.date())
    if not today:
        return None
    opens, closes = today[-1]
    return max(closes - timedelta(hours=1), opens).astimezone(local.tzinfo)


def _begin_after(times: Times, day: date) -> datetime | None:
    midnight = datetime.combine(day + timedelta(days=1), time(0), times.zone)
    return times.next_opening(midnight)
