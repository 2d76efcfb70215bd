"""What a channel takes: length of a text, kinds and sizes of files, and until when we may write."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from django.utils import timezone

from bots.channels.base import ChannelManifest
from bots.models import Channel, Conversation
from tenants.kernel import registry

FILE_LIMIT = 20 * 1024 * 1024
# What a person can always do past a channel's window, in the order it is offered.
_ALWAYS = ("note", "snooze", "resolve")


@cache
def manifests() -> dict[str, ChannelManifest]:
    return registry.manifests("bots.channels")


def manifest_of(channel: Channel) -> ChannelManifest | None:
    """What this very channel can do: its kind's manifest, with what its account declares."""
    manifest = manifests().get(channel.kind)
    return manifest.of_account(channel.settings) if manifest else None


def past_window(channel: Channel) -> frozenset[str]:
    manifest = manifest_of(channel)
    return manifest.past_window if manifest else frozenset()


# Where a channel keeps which of our prepared replies is which text of the platform, and what the
# platform last said of its texts.
TEMPLATE_LINKS, TEMPLATES_SEEN = "template_links", "templates"


def approved_templates(channel: Channel) -> set[int]:
    """Our prepared replies behind which stands a text that the platform has approved."""
    approved = {
        (one["name"], one["language"])
        for one in channel.cursor.get(TEMPLATES_SEEN, ())
        if one["state"] == "approved"
    }
    return {
        int(key.partition(":")[0])
        for key, link in channel.settings.get(TEMPLATE_LINKS, {}).items()
        if (link["name"], link["language"]) in approved
    }


def is_closed(conversation: Conversation, at: datetime | None = None) -> bool:
    """Whether the channel's reply window is shut; a channel without one is always open."""
    ends = conversation.window_expires_at
    return ends is not None and ends <= (at or timezone.now())


def legal_actions(conversation: Conversation) -> list[str]:
    """What may be done past the window: “template” where the channel takes one, and what stays
    inside."""
    return [*sorted(past_window(conversation.channel)), *_ALWAYS]


def window_of(conversation: Conversation) -> dict[str, Any]:
    """For the countdown: when it closes, and what may be done past that."""
    return {
        "expires_at": conversation.window_expires_at,
        "is_closed": is_closed(conversation),
        "actions": legal_actions(conversation),
    }


def file_limit(manifest: ChannelManifest) -> int:
    return min(manifest.max_file_bytes, FILE_LIMIT)


def limits_of(conversation: Conversation) -> dict[str, Any]:
    """Everything a composer has to know of a channel before it sends or uploads."""
    channel = conversation.channel
    manifest = manifest_of(channel)
    if manifest is None:
        return {"text_limit": 4000, "files": [], "max_file_bytes": 0, "trouble": ""}
    return {
        "can_write": manifest.can_write,
        "text_limit": manifest.text_limit,
        "files": sorted(manifest.files),
        "max_file_bytes": file_limit(manifest),
        "max_files": 10,
        "buttons": manifest.buttons,
        "can_edit": manifest.can_edit,
        "can_delete": manifest.can_delete,
        "edit_within_s": manifest.edit_within_s,
        "delete_within_s": manifest.delete_within_s,
        "has_receipts": manifest.has_receipts,
        "window": window_of(conversation),
        "state": channel.state,
        "trouble": channel.state_detail if channel.state == channel.State.BROKEN else "",
    }
