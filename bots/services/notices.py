"""Who is told what, and how: one place decides for pages, sounds, pushes, letters and Telegram.

A fact becomes one row for each person who may see it and wants to know (`Notice`, unique by
person and key, so a fact told twice by the outbox is told once). Open pages hear of it at once;
what leaves the house is due work of the person (bots.services.notice_work).

Nobody is told of what the policy does not show them, here or when it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from bots.engine.base import Reason
from bots.models import (
    AgentProfile,
    Channel,
    Conversation,
    Message,
    Notice,
    PushSubscription,
    Team,
    TeamMember,
)
from bots.selectors.policy import Facts, sights_of, visible
from bots.services import focus
from bots.services.agents import profile_of
from tenants.kernel import due, outbox
from tenants.kernel.context import current_schema, group_of
from tenants.kernel.errors import RuleBroken
from tenants.kernel.live import tell
from tenants.kernel.outbox import Event
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import User

AREA = "notices"
WAYS = ("app", "sound", "push", "email", "telegram")
LEAVING = ("push", "email", "telegram")
# Event → its name and the ways it goes by unless the person says otherwise.
EVENTS: dict[str, tuple[Any, frozenset[str]]] = {
    "queue": (gettext_lazy("A new chat in my queue"), frozenset({"app", "sound", "push"})),
    "assigned": (
        gettext_lazy("A chat is offered or given to me"),
        frozenset({"app", "sound", "push", "telegram"}),
    ),
    "reply": (gettext_lazy("A buyer writes in my chat"), frozenset({"app", "sound", "push"})),
    "handover": (
        gettext_lazy("The assistant hands a chat over"),
        frozenset({"app", "sound", "push", "telegram"}),
    ),
    "mention": (
        gettext_lazy("A colleague mentions me"),
        frozenset({"app", "sound", "push", "email", "telegram"}),
    ),
    "sla_warned": (gettext_lazy("A promised time is near"), frozenset({"app", "sound"})),
    "sla_breached": (
        gettext_lazy("A promised time is broken"),
        frozenset({"app", "sound", "push", "telegram"}),
    ),
    "window": (gettext_lazy("The time to answer a buyer is ending"), frozenset({"app", "push"})),
    "failed": (gettext_lazy("A message was not delivered"), frozenset({"app", "sound"})),
    "channel": (
        gettext_lazy("A channel does not work"),
        frozenset({"app", "push", "email", "telegram"}),
    ),
    "missed": (
        gettext_lazy("I missed offers and was set to away"),
        frozenset({"app", "push", "telegram"}),
    ),
}
# Of these there is nothing to do once somebody has taken the chat.
_TAKEN = ("queue", "handover")
_BOTS_REASONS = frozenset(Reason) - {Reason.BOT_OFF}
# The sound comes again until it is seen or taken.
REPEATS_S = {"handover": 20}
WINDOW_NEAR = timedelta(hours=2)
TEXT_SHOWN = 120
EMAIL_EVERY_MIN = 15
KEPT = timedelta(days=30)
PRUNED_EVERY = 500  # notices: old ones are thrown away
Speaker = Conversation.Speaker


class ChoiceRefused(RuleBroken):
    """`field`: what is not a choice."""

    code = "choice"
    status = 400


# ── Choices ──────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Choices:
    """One person's, defaults filled in."""

    ways: Mapping[str, frozenset[str]]
    muted: frozenset[int]
    quiet: Mapping[str, Any]  # {"is_on", "from", "to", "zone"}
    shows_text: bool
    email_every_min: int
    telegram: Mapping[str, Any]  # {"channel", "chat", "name", "at"}; empty: not connected
    is_checked: bool  # the sound was tried

    def of(self, event: str, channel: int | None) -> frozenset[str]:
        """A muted channel still shows on the page; a mention is a colleague's call."""
        found = self.ways[event]
        if channel in self.muted and event != "mention":
            return found & {"app"}
        return found

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the quiet hours that are now will end; None outside of them."""
        if not self.quiet["is_on"]:
            return None
        here = now.astimezone(ZoneInfo(self.quiet["zone"]))
        start, end = (time.fromisoformat(self.quiet[name]) for name in ("from", "to"))
        if start == end:
            return None
        clock = here.time()
        inside = start <= clock < end if start < end else clock >= start or clock < end
        if not inside:
            return None
        day = here.date() + timedelta(days=1 if start > end and clock >= start else 0)
        return datetime.combine(day, end, here.tzinfo)


def choices_from(prefs: Mapping[str, Any] | None) -> Choices:
    kept = dict((prefs or {}).get(AREA) or {})
    changed = kept.get("ways") or {}
    ways = {}
    for event, (_name, default) in EVENTS.items():
        mine = changed.get(event) or {}
        ways[event] = frozenset(way for way in WAYS if mine.get(way, way in default))
    zone = merchant_of(current_schema()).time_zone
    quiet = {"is_on": False, "from": "22:00", "to": "08:00", "zone": zone, **kept.get("quiet", {})}
    return Choices(
        ways=ways,
        muted=frozenset(kept.get("muted", ())),
        quiet=quiet,
        shows_text=kept.get("text", "show") == "show",
        email_every_min=int(kept.get("email_every_min", EMAIL_EVERY_MIN)),
        telegram=kept.get("telegram") or {},
        is_checked=bool(kept.get("is_checked")),
    )


def choices_of(user_ids: Iterable[int]) -> dict[int, Choices]:
    found = dict(AgentProfile.objects.filter(user__in=user_ids).values_list("user_id", "prefs"))
    return {pk: choices_from(found.get(pk)) for pk in user_ids}


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


def clock_of(value: str) -> str:
    """ "22:00". Raises ChoiceRefused."""
    try:
        return time.fromisoformat(value).strftime("%H:%M")
    except ValueError:
        raise ChoiceRefused(_("Give a time like 22:00."), field="quiet") from None


def choices_save(user: User, changes: Mapping[str, Any]) -> None:
    """What is not named stays. Raises ChoiceRefused, naming the field; nothing is kept then."""
    ways = changes.get("ways") or {}
    for event, mine in ways.items():
        if event not in EVENTS or not set(mine) <= set(WAYS):
            raise ChoiceRefused(_("There is no such notice."), field=f"ways.{event}")
    quiet = changes.get("quiet")
    if quiet is not None and quiet.get("zone", "UTC") not in available_timezones():
        raise ChoiceRefused(_("There is no such time zone."), field="quiet.zone")
    muted = changes.get("muted")
    if muted is not None:
        known = set(Channel.objects.filter(pk__in=muted).values_list("pk", flat=True))
        if set(muted) - known:
            raise ChoiceRefused(_("There is no such channel."), field="muted")

    def change(kept: dict[str, Any]) -> None:
        for event, mine in ways.items():
            kept.setdefault("ways", {}).setdefault(event, {}).update(mine)
        if quiet is not None:
            kept["quiet"] = {**kept.get("quiet", {}), **quiet}
        for name in ("muted", "text", "email_every_min", "is_checked"):
            if name in changes:
                kept[name] = changes[name]

    _change(user, change)
    due.schedule("notice", user.pk)


def telegram_set(user: User, connection: Mapping[str, Any] | None, **more: Any) -> None:
    """Keep or forget the person's own chat; `more`: the code that is being waited for."""

    def change(kept: dict[str, Any]) -> None:
        kept.pop("telegram_code", None)
        kept.pop("telegram", None)
        if connection:
            kept["telegram"] = dict(connection)
        kept.update(more)

    _change(user, change)


def _change(user: User, change: Any) -> None:
    profile_of(user)
    with transaction.atomic():
        profile = AgentProfile.objects.select_for_update().get(user=user)
        kept = dict((profile.prefs or {}).get(AREA) or {})
        change(kept)
        profile.prefs = {**(profile.prefs or {}), AREA: kept}
        profile.save(update_fields=["prefs"])


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
            seen = {**_seen(row, body), "sound": sounds[row.user_id]}
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
    "channel": lambda: _("A channel needs you"),
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


def list_of(user: User, before: int = 0, limit: int = 30) -> list[dict[str, Any]]:
    """The newest first; what the person may no longer see is not there."""
    found = Notice.objects.filter(user=user, sent__contains=[["app"]]).filter(
        Q(conversation=None) | Q(conversation__in=visible(user))
    )
    if before:
        found = found.filter(pk__lt=before)
    rows = found.select_related("user", "conversation__contact").order_by("-pk")[:limit]
    return [{**as_seen(row), "seen_at": row.seen_at} for row in rows]


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


# ── Facts ────────────────────────────────────────────────────────────────────────────────────
def _conversation(pk: int) -> Conversation | None:
    return Conversation.objects.select_related("contact").filter(pk=pk).first()


def team_people(conversation: Conversation, *, leads: bool = False) -> list[User]:
    """Who shares the queue a conversation is in; `leads`: who gives it out."""
    team = conversation.team_id
    mine = Q(team=team) if team else Q(team__is_default=True)
    members = TeamMember.objects.filter(mine, user__is_active=True).select_related("user")
    if leads:
        members = members.filter(Q(is_lead=True) | Q(user__role=User.Role.SUPERVISOR))
    return [one.user for one in members]


def _people(ids: Iterable[int | None]) -> list[User]:
    return list(User.objects.filter(pk__in={pk for pk in ids if pk}, is_active=True))


@due.worker("told")
def tell_of(conversation_id: int) -> datetime | None:
    """A buyer wrote to a person, or a conversation came into a queue: who has to know."""
    conversation = _conversation(conversation_id)
    if conversation is None or conversation.status == Conversation.Status.RESOLVED:
        return None
    if conversation.waiting_since is not None and conversation.window_expires_at:
        near = max(conversation.window_expires_at - WINDOW_NEAR, timezone.now())
        due.reschedule("window", conversation.pk, due_at=near)
    if conversation.speaker == Speaker.QUEUE and conversation.queued_at is not None:
        event = "handover" if conversation.handover_reason in _BOTS_REASONS else "queue"
        key = f"queue:{conversation.pk}:{conversation.queued_at.timestamp():.3f}"
        notify(event, key, _asked_in(conversation), conversation=conversation)
    if conversation.waiting_since is not None:
        key = f"reply:{conversation.pk}:{conversation.last_inbound_seq}"
        who = _people([conversation.agent_id, *conversation.followers])
        if conversation.agent_id or conversation.followers:
            notify("reply", key, who, conversation=conversation)
    return None


def _asked_in(conversation: Conversation) -> list[User]:
    """Where chats are given out one by one, whoever is asked hears of it by the offer."""
    people = team_people(conversation)
    team = (
        Team.objects.filter(pk=conversation.team_id).first()
        if conversation.team_id
        else Team.objects.filter(is_default=True).first()
    )
    if team is not None and team.assignment != Team.Assignment.MANUAL:
        from bots.services.assignment import present

        here = present(team, timezone.now())
        if any(one.has_room("") for one in here):
            return []
    return people


@outbox.on("conversation.offered", "conversation.assigned")
def tell_assigned(event: Event) -> None:
    agent = event.data.get("agent")
    if agent is None or agent in (event.data.get("by"), event.data.get("from")):
        return
    if (conversation := _conversation(event.data["conversation"])) is None:
        return
    is_theirs = conversation.agent_id == agent or conversation.offered_to_id == agent
    if is_theirs:
        key = f"assigned:{conversation.pk}:{agent}:{event.data.get('until') or event.seq}"
        notify("assigned", key, _people([agent]), conversation=conversation)


@outbox.on("mention.made")
def tell_mentioned(event: Event) -> None:
    if conversation := _conversation(event.data["conversation"]):
        notify(
            "mention",
            f"mention:{event.data['message']}",
            _people([event.data["user"]]),
            conversation=conversation,
            data={"message": event.data["message"]},
        )


@outbox.on("sla.warned", "sla.breached")
def tell_promise(event: Event) -> None:
    """Whoever holds it; else its queue. A broken one, the leads too."""
    conversation = _conversation(event.data["conversation"])
    if conversation is None or conversation.sla_due_at is None:
        return
    name = event.name.replace(".", "_")
    people = (
        _people([conversation.agent_id]) if conversation.agent_id else team_people(conversation)
    )
    if name == "sla_breached":
        people += team_people(conversation, leads=True)
    key = f"{name}:{conversation.pk}:{conversation.sla_due_at.timestamp():.0f}"
    notify(name, key, people, conversation=conversation)


@due.worker("window")
def tell_window(conversation_id: int) -> datetime | None:
    """The buyer still waits and soon cannot be answered freely."""
    conversation = _conversation(conversation_id)
    if conversation is None or conversation.waiting_since is None:
        return None
    ends = conversation.window_expires_at
    if ends is None or ends <= timezone.now():
        return None
    if ends - WINDOW_NEAR > timezone.now():
        return ends - WINDOW_NEAR
    people = (
        _people([conversation.agent_id]) if conversation.agent_id else team_people(conversation)
    )
    key = f"window:{conversation.pk}:{ends.timestamp():.0f}"
    notify("window", key, people, conversation=conversation)
    return None


@outbox.on("message.failed")
def tell_failed(event: Event) -> None:
    message = (
        Message.objects.filter(pk=event.data["message"], state=Message.State.FAILED)
        .select_related("conversation__contact")
        .first()
    )
    if message is None:
        return
    conversation = message.conversation
    who = message.user_id if message.author == Message.Author.AGENT else conversation.agent_id
    notify("failed", f"failed:{message.pk}", _people([who]), conversation=conversation)


@outbox.on("channel.broke")
def tell_channel(event: Event) -> None:
    """Those who can mend it. Told again when it breaks again."""
    channel = Channel.objects.filter(pk=event.data["channel"], state=Channel.State.BROKEN).first()
    if channel is None:
        return
    who = User.objects.filter(role__in=(User.Role.OWNER, User.Role.ADMIN), is_active=True)
    data = {"channel": channel.pk, "name": channel.name}
    notify("channel", f"channel:{channel.pk}:{event.seq}", who, data=data)


@outbox.on("agent.presence")
def tell_missed(event: Event) -> None:
    """Back at work: what was kept back is told, in one piece where it is old."""
    agent = event.data["agent"]
    if event.data.get("reason") == "offers_missed":
        notify("missed", f"missed:{event.seq}", _people([agent]))
    due.schedule("notice", agent)


@outbox.on("conversation.taken_over", "conversation.resolved", "conversation.returned")
def forget_taken(event: Event) -> None:
    """Nobody has to come any more: nothing more of it leaves the house."""
    about = Notice.objects.filter(conversation=event.data["conversation"], seen_at=None)
    if event.name == "conversation.taken_over":
        about = about.filter(event__in=_TAKEN)
    else:
        about = about.exclude(event="mention")
    about.update(seen_at=timezone.now(), todo=[])


@outbox.on("conversation.read")
def forget_read(event: Event) -> None:
    if agent := event.data.get("agent"):
        Notice.objects.filter(
            conversation=event.data["conversation"], user=agent, seen_at=None
        ).update(seen_at=timezone.now(), todo=[])
