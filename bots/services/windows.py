"""A channel's reply window: how long after the buyer's last message we may write.

The manifest says how long; `Conversation.window_expires_at` is set with each message of the buyer
and is None where neither channel nor chat has one. Every way out asks here: people, timers, the
bot.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from bots.models import Channel, Conversation
from bots.selectors.sendable import is_closed, legal_actions, manifest_of, past_window
from tenants.kernel.errors import RuleBroken


class WindowClosed(RuleBroken):
    """`actions`: what may be done instead; `expired_at`: since when."""

    code = "window_closed"


def window_after(channel: Channel, moment: datetime, own_s: int | None = None) -> datetime | None:
    """When the window closes that a buyer's message of this moment opens. `own_s`: of the chat."""
    manifest = manifest_of(channel)
    window_s = own_s if own_s is not None else manifest.reply_window_s if manifest else None
    return None if window_s is None else moment + timedelta(seconds=window_s)


def window_check(
    conversation: Conversation, *, template: bool = False, at: datetime | None = None
) -> bool:
    """Whether the window is closed and this may go out all the same. Raises WindowClosed."""
    if not is_closed(conversation, at):
        return False
    if template and "template" in past_window(conversation.channel):
        return True
    raise closed(conversation)


def closed(conversation: Conversation) -> WindowClosed:
    ends = conversation.window_expires_at
    return WindowClosed(
        _("The channel's reply window is closed. Choose a template.")
        if "template" in past_window(conversation.channel)
        else _("The channel's reply window is closed until the buyer writes again."),
        actions=legal_actions(conversation),
        expired_at=ends.isoformat() if ends else None,
    )
