"""Files that a channel takes: told before (`bots.selectors.sendable`), refused here anyway."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from bots.models import Channel, Conversation
from bots.selectors.sendable import file_limit, manifest_of
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import StoredFile


class FileRefused(RuleBroken):
    """`why`: "kind" | "size"; `limit`: bytes; `kinds`: what the channel takes."""

    code = "file_refused"
    status = 400


def kind_of(mime: str) -> str:
    """How a file is sent: image, voice, video or file."""
    head = mime.partition("/")[0]
    return {"image": "image", "audio": "voice", "video": "video"}.get(head, "file")


def file_check(channel: Channel, mime: str, size: int) -> None:
    """Whether a channel takes such a file. Raises FileRefused."""
    manifest = manifest_of(channel)
    if manifest is None:
        return
    what = kind_of(mime)
    # What is no plain file to the channel may still go as one.
    if what not in manifest.files and "file" not in manifest.files:
        raise FileRefused(
            _("This channel does not take such files.") if manifest.files
            else _("This channel takes no files."),
            why="kind", kinds=sorted(manifest.files),
        )  # fmt: skip
    limit = file_limit(manifest)
    if size > limit:
        raise FileRefused(
            _("The file is larger than this channel takes: %(size)s MB of %(limit)s MB.")
            % {"size": _mb(size), "limit": _mb(limit)},
            why="size", limit=limit,
        )  # fmt: skip


def _mb(size: int) -> str:
    return f"{size / 1024 / 1024:.1f}".removesuffix(".0")


def files_fit(conversation: Conversation, files: Sequence[int]) -> None:
    """Raises FileRefused for the first stored file the channel does not take."""
    for stored in StoredFile.objects.filter(pk__in=files):
        file_check(conversation.channel, stored.mime, stored.size)
