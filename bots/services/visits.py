"""Who is on a site now, and what the chat says to them first. Nothing of it is stored.

A page of a channel that shows visitors says every BEAT_S where it is; Redis keeps that for the
length of the visit (VISIT_S) and forgets it. It becomes a row only with the buyer's own first
message: then the pages seen, and the greeting that was answered, go with it.
Redis away: nobody is seen, nobody is greeted, and the chat works.
"""

from __future__ import annotations

import fnmatch
import json
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import Channel, Contact, Conversation, Greeting
from bots.selectors.calendars import opening
from bots.selectors.policy import Facts, sight_of
from bots.selectors.segments import in_segments
from bots.services.visitors import visitor_contact
from tenants.kernel import registry
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RuleBroken
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import User

log = logging.getLogger(__name__)

BEAT_S = 15
ONLINE_S = 45
VISIT_S = 30 * 60
DAY_S = 24 * 3600
PAGES_KEPT = 20
LISTED = 200
CONDITIONS = ("page", "seconds", "cart_from", "returning", "open", "known", "segment")


class VisitorGone(RuleBroken):
    code = "visitor_gone"
    status = 404


class VisitorBusy(RuleBroken):
    """They write already: answer them in their chat. `conversation`: which."""

    code = "visitor_writes"


@lru_cache(maxsize=1)
def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, decode_responses=True
    )


def _key(kind: str, channel_id: int, visitor: str) -> str:
    return f"{kind}:{current_schema()}:{channel_id}:{visitor}"


def shows_visitors(channel: Channel) -> bool:
    return channel.settings.get("visitors") is True


# ── The visitor's side ───────────────────────────────────────────────────────────────────────
def beat(
    channel_id: int,
    visitor: str,
    about: Mapping[str, Any],
    *,
    returning: bool = False,
    is_open: bool = False,
    opened: int = 0,
    locale: str = "",
) -> dict[str, Any]:
    """`{"again": seconds, "greeting"?: {"id", "text", "name"?}}`; again 0: ask no more."""
    channel = Channel.objects.filter(pk=channel_id).first()
    if channel is None or not shows_visitors(channel):
        return {"again": 0}
    try:
        return _beat(channel, visitor, about, returning, is_open, opened, locale)
    except redis.RedisError as exc:
        log.warning("visitors of %s are not seen: %s", current_schema(), exc)
        return {"again": 4 * BEAT_S}


def _beat(
    channel: Channel,
    visitor: str,
    about: Mapping[str, Any],
    returning: bool,
    is_open: bool,
    opened: int,
    locale: str,
) -> dict[str, Any]:
    now = time.time()
    key = _key("visit", channel.pk, visitor)
    before = _redis().get(key)
    visit: dict[str, Any] = json.loads(str(before)) if before else {"since": now, "pages": []}
    page, title = str(about.get("page", "")), str(about.get("title", ""))[:200]
    if not visit["pages"] or visit["pages"][-1]["page"] != page:
        visit["pages"] = [*visit["pages"], {"page": page, "title": title, "at": now}][-PAGES_KEPT:]
    visit |= {name: about[name] for name in ("referrer", "utm", "cart") if name in about}
    visit |= {"seen": now, "returning": bool(returning), "open": is_open}
    contact = visitor_contact(channel.pk, visitor)
    visit["contact"] = contact.pk if contact else 0
    greeted = visit.get("greeting")
    if opened and greeted and greeted.get("id") == opened and not greeted.get("opened"):
        greeted["opened"] = True
        Greeting.objects.filter(pk=opened).update(opened=F("opened") + 1)
    told = _invited(channel.pk, visitor)
    if told is None and not is_open and not _talks(contact):
        told = _greeted(channel, visitor, visit, contact, locale)
    if told is not None:
        visit["greeting"] = told
    _redis().set(key, json.dumps(visit, ensure_ascii=False), ex=VISIT_S)
    online = f"visits:{current_schema()}"
    pipe = _redis().pipeline()
    pipe.zadd(online, {f"{channel.pk}:{visitor}": now})
    pipe.zremrangebyscore(online, "-inf", now - VISIT_S)
    pipe.expire(online, VISIT_S)
    pipe.execute()
    answer: dict[str, Any] = {"again": BEAT_S}
    if told is not None:
        answer["greeting"] = {k: told[k] for k in ("id", "text", "name") if told.get(k)}
    return answer


def _talks(contact: Contact | None) -> bool:
    return (
        contact is not None
        and Conversation.objects.filter(contact=contact)
        .exclude(status=Conversation.Status.RESOLVED)
        .exists()
    )


def _invited(channel_id: int, visitor: str) -> dict[str, Any] | None:
    found = _redis().getdel(_key("invite", channel_id, visitor))
    return json.loads(str(found)) if found else None


def _greeted(
    channel: Channel,
    visitor: str,
    visit: Mapping[str, Any],
    contact: Contact | None,
    locale: str,
) -> dict[str, Any] | None:
    """The first greeting that fits and has not been said often enough today."""
    for one in Greeting.objects.filter(is_on=True):
        if one.channel_id not in (None, channel.pk) or not fits(one.when, visit, contact):
            continue
        text = one.text.get(locale[:2]) or one.text.get("ru") or one.text.get("en")
        day = timezone.localdate().isoformat()
        said = _key(f"greeted:{day}:{one.pk}", channel.pk, visitor)
        if not text or _redis().incr(said) > one.cap:
            continue
        _redis().expire(said, DAY_S)
        Greeting.objects.filter(pk=one.pk).update(shown=F("shown") + 1)
        return {"id": one.pk, "text": text, "at": time.time()}
    return None


def fits(when: Mapping[str, Any], visit: Mapping[str, Any], contact: Contact | None) -> bool:
    """Whether all conditions are so; `page` is a path with `*`, against path and query."""
    page = visit["pages"][-1]
    if when.get("page"):
        parts = urlsplit(page["page"])
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if not fnmatch.fnmatchcase(path, str(when["page"])):
            return False
    if when.get("seconds") and time.time() - page["at"] < when["seconds"]:
        return False
    if when.get("cart_from") and cart_sum(visit) < Decimal(str(when["cart_from"])):
        return False
    if "returning" in when and visit.get("returning", False) is not when["returning"]:
        return False
    if "known" in when and (contact is not None) is not when["known"]:
        return False
    if when.get("segment") and not (
        contact is not None and in_segments([int(when["segment"])], contact.pk)
    ):
        return False
    if "open" in when:
        is_open, _start = opening(timezone.now(), merchant_of(current_schema()).time_zone)
        return bool(is_open) is when["open"]
    return True


def cart_sum(visit: Mapping[str, Any]) -> Decimal:
    try:
        total = Decimal(str((visit.get("cart") or {}).get("total", "0")).replace(",", "."))
    except InvalidOperation:
        return Decimal(0)
    return total if total.is_finite() else Decimal(0)


def answered(channel_id: int, visitor: str) -> dict[str, Any]:
    """What goes with a buyer's message: pages seen, and what the chat had said first."""
    try:
        found = _redis().get(_key("visit", channel_id, visitor))
    except redis.RedisError:
        return {}
    if not found:
        return {}
    visit = json.loads(str(found))
    more: dict[str, Any] = {
        "pages": [
            {**page, "at": datetime.fromtimestamp(page["at"], UTC).isoformat()}
            for page in visit["pages"]
        ]
    }
    if visit.get("greeting"):
        more["greeting"] = visit["greeting"]
    return more


@registry.forget.register("visits")
def forget_visits(contacts: list[int]) -> None:
    """What a forgotten person looked at now, and what the chat had for them, goes at once."""
    day = timezone.localdate().isoformat()
    greetings = [f"greeted:{day}:{pk}" for pk in Greeting.objects.values_list("pk", flat=True)]
    found = Contact.objects.filter(pk__in=contacts, channel__kind="web")
    names = list(found.values_list("channel", "external_id"))
    try:
        pipe = _redis().pipeline()
        for channel, visitor in names:
            pipe.delete(*(_key(kind, channel, visitor) for kind in ("visit", "invite", *greetings)))
            pipe.zrem(f"visits:{current_schema()}", f"{channel}:{visitor}")
        pipe.execute()
    except redis.RedisError as exc:  # it goes by itself after VISIT_S
        log.warning("visits of %s are forgotten by time alone: %s", current_schema(), exc)


# ── The colleagues' side ─────────────────────────────────────────────────────────────────────
def online(user: User) -> list[dict[str, Any]]:
    """Who is on the sites now, the newest first; whose chat this person may not see is left out."""
    sight = sight_of(user)
    if sight.nothing or not (sight.everything or sight.default):
        return []
    now = time.time()
    try:
        listed: Any = _redis().zrevrangebyscore(
            f"visits:{current_schema()}", "+inf", now - ONLINE_S, start=0, num=LISTED
        )
        names: list[str] = list(listed)
        keys = [f"visit:{current_schema()}:{name}" for name in names]
        found: Any = _redis().mget(keys) if keys else []
    except redis.RedisError:
        return []
    visits = [(n, json.loads(v)) for n, v in zip(names, found, strict=True) if v]
    contacts = {
        row.contact_id: row
        for row in Conversation.objects.filter(
            contact__in=[v["contact"] for _n, v in visits if v["contact"]]
        ).select_related("contact")
    }
    rows = []
    for name, visit in visits:
        channel, _colon, visitor = name.partition(":")
        talk = contacts.get(visit["contact"])
        if talk is not None and not sight.allows(Facts.of(talk)):
            continue
        rows.append(_row(int(channel), visitor, visit, talk, now))
    return rows


def _row(
    channel: int, visitor: str, visit: Mapping[str, Any], talk: Conversation | None, now: float
) -> dict[str, Any]:
    page = visit["pages"][-1]
    return {
        "channel": channel,
        "visitor": visitor,
        "page": page["page"],
        "title": page["title"],
        "on_page_s": round(now - page["at"]),
        "here_s": round(now - visit["since"]),
        "pages": visit["pages"],
        "cart": visit.get("cart"),
        "referrer": visit.get("referrer", ""),
        "utm": visit.get("utm", {}),
        "is_returning": visit.get("returning", False),
        "chat_is_open": visit.get("open", False),
        "greeted": (visit.get("greeting") or {}).get("text", ""),
        "conversation": talk.pk if talk else None,
        "name": talk.contact.name if talk else "",
    }


def invite(user: User, channel_id: int, visitor: str, text: str) -> None:
    """Write first. It is shown at the visitor's next beat and stored only if they answer.

    Raises VisitorGone, VisitorBusy.
    """
    row = next(
        (one for one in online(user) if (one["channel"], one["visitor"]) == (channel_id, visitor)),
        None,
    )
    if row is None:
        raise VisitorGone(_("This visitor has left the site."))
    contact = visitor_contact(channel_id, visitor)
    if _talks(contact):
        raise VisitorBusy(_("This visitor has a chat already."), conversation=row["conversation"])
    told = {"agent": user.pk, "name": str(user), "text": text[:1000], "at": time.time()}
    key = _key("invite", channel_id, visitor)
    _redis().set(key, json.dumps(told, ensure_ascii=False), ex=VISIT_S)
