"""A colleague's own Telegram chat: connected by a one-time link, told through the shop's bot.

The link opens the shop's bot with `/start agent-<person>-<code>`; the code lives CODE_S, works once
and is kept as a hash. Such a message is no buyer's: it makes no contact and no conversation.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import override

from bots.channels.base import BuyerMessage, Reply, Unreachable
from bots.models import AgentProfile, Channel
from bots.services.channels import adapter_of
from bots.services.notice_choices import AREA, choices_of, telegram_set
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RuleBroken, VendorError
from tenants.selectors.hosts import merchant_of
from tenants.services.audit import audit
from tenants.workspace.models import User

log = logging.getLogger(__name__)

KIND = "telegram"
CODE_S = 900
_MARK = "agent-"


class NoBot(RuleBroken):
    code = "no_bot"
    status = 400


def bots() -> list[Channel]:
    """The shop's bots that can carry notices."""
    found = Channel.objects.filter(kind=KIND, state=Channel.State.LIVE).order_by("name", "pk")
    return [one for one in found if one.account.get("username")]


def state_of(user: User) -> dict[str, Any]:
    mine = choices_of([user.pk])[user.pk].telegram
    return {
        "is_connected": bool(mine),
        "name": mine.get("name", ""),
        "channel": mine.get("channel"),
        "bots": [
            {"id": one.pk, "name": one.name, "username": one.account["username"]} for one in bots()
        ],
    }


def link(user: User, channel_id: int | None = None) -> dict[str, Any]:
    """A link that connects whoever opens it, once, soon. An earlier one no longer does."""
    channel = next((one for one in bots() if channel_id in (None, one.pk)), None)
    if channel is None:
        raise NoBot(_("Connect a Telegram bot of the shop first."))
    code = secrets.token_urlsafe(18)
    until = timezone.now() + timedelta(seconds=CODE_S)
    waiting = {"hash": _hash(user.pk, code), "until": until.isoformat(), "channel": channel.pk}
    telegram_set(user, choices_of([user.pk])[user.pk].telegram, telegram_code=waiting)
    start = f"{_MARK}{user.pk}-{code}"
    return {
        "link": f"https://t.me/{channel.account['username']}?start={start}",
        "until": until.isoformat(),
    }


def _hash(user_id: int, code: str) -> str:
    return hashlib.sha256(f"{current_schema()}:{user_id}:{code}".encode()).hexdigest()


def disconnect(user: User) -> None:
    telegram_set(user, None)


def heard(channel: Channel, said: BuyerMessage) -> bool:
    """Whether a message is a colleague's to the bot; then it is answered and goes no further."""
    if channel.kind != KIND:
        return False
    if said.is_start:
        start = str(said.data.get("deep_link", ""))
        return start.startswith(_MARK) and _connect(channel, said, start.removeprefix(_MARK))
    if said.text.strip().lower() == "/stop":
        return _stop(channel, said)
    return False


def _connect(channel: Channel, said: BuyerMessage, start: str) -> bool:
    number, _dash, code = start.partition("-")
    if not number.isdigit() or len(number) > 18:
        return False
    profile = AgentProfile.objects.filter(user=int(number), user__is_active=True).first()
    waiting = ((profile.prefs or {}).get(AREA) or {}).get("telegram_code") if profile else None
    until = parse_datetime(waiting["until"]) if waiting else None
    good = (
        profile is not None
        and waiting is not None
        and waiting["channel"] == channel.pk
        and until is not None
        and until > timezone.now()
        and hmac.compare_digest(waiting["hash"], _hash(profile.user_id, code))
    )
    if not good or profile is None:
        _answer(channel, said, None)
        return True
    for other in _with_chat(channel, said.chat).exclude(pk=profile.pk).select_related("user"):
        telegram_set(other.user, None)
    connection = {
        "channel": channel.pk,
        "chat": said.chat,
        "name": said.username or said.name,
        "at": timezone.now().isoformat(),
    }
    telegram_set(profile.user, connection)
    audit("notices.telegram_connected", f"agent:{profile.user_id}", actor=profile.user)
    _answer(channel, said, profile.user)
    return True


def _with_chat(channel: Channel, chat: str) -> QuerySet[AgentProfile]:
    return AgentProfile.objects.filter(
        prefs__notices__telegram__contains={"channel": channel.pk, "chat": chat}
    )


def _stop(channel: Channel, said: BuyerMessage) -> bool:
    profile = _with_chat(channel, said.chat).select_related("user").first()
    if profile is None:
        return False
    disconnect(profile.user)
    with override(_language(profile.user)):
        text = _("You will not be told here any more.")
    _quietly(channel, Reply(chat=said.chat, text=text))
    return True


def _answer(channel: Channel, said: BuyerMessage, user: User | None) -> None:
    with override(_language(user)):
        text = (
            _("Connected, %(name)s. You will be told of your chats here; /stop ends it.")
            % {"name": str(user)}
            if user
            else _("This link is no longer valid. Take a new one on the page “My notices”.")
        )
    _quietly(channel, Reply(chat=said.chat, text=text))


def _language(user: User | None) -> str:
    return (user.language if user else "") or merchant_of(current_schema()).language


def _quietly(channel: Channel, reply: Reply) -> None:
    """After the message is applied: no row waits for Telegram."""

    def send() -> None:
        try:
            _send(channel, reply)
        except (VendorError, Unreachable) as exc:
            log.info("a colleague's chat was not answered: %s", exc)

    transaction.on_commit(send)


def _send(channel: Channel, reply: Reply) -> None:
    adapter = adapter_of(channel)
    for call in adapter.render(reply):
        adapter.send(call)


def say(user: User, channel: Channel | None, reply: Reply) -> None:
    """Tell a colleague. Who has blocked the bot is no longer connected: raises Unreachable."""
    try:
        if channel is None or channel.state == Channel.State.PAUSED:
            raise Unreachable
        _send(channel, reply)
    except Unreachable:
        disconnect(user)
        raise
