"""Files a buyer sends and gets: checked by ending, first bytes and size; signed addresses."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import PurePosixPath

from django.core import signing
from django.db import transaction
from django.utils import timezone

from bots.models import Attachment
from tenants.kernel import due
from tenants.kernel.context import current_schema
from tenants.kernel.files import TooLarge, file_delete, file_name, file_save
from tenants.selectors.hosts import merchant_of, primary_host, url_of
from tenants.workspace.models import StoredFile

MAX_BYTES = 15 * 1024 * 1024
LINK_LIFE_S = 24 * 3600
FORGOTTEN_AFTER = timedelta(hours=26)  # longer than a handle can be sent

# Ending → (type we serve, kind, how its bytes begin; empty = anything).
TYPES: dict[str, tuple[str, str, tuple[bytes, ...]]] = {
    "jpg": ("image/jpeg", "image", (b"\xff\xd8\xff",)),
    "jpeg": ("image/jpeg", "image", (b"\xff\xd8\xff",)),
    "png": ("image/png", "image", (b"\x89PNG\r\n\x1a\n",)),
    "gif": ("image/gif", "image", (b"GIF87a", b"GIF89a")),
    "webp": ("image/webp", "image", (b"RIFF",)),
    "heic": ("image/heic", "file", ()),
    "pdf": ("application/pdf", "file", (b"%PDF-",)),
    "txt": ("text/plain", "file", ()),
    "csv": ("text/csv", "file", ()),
    "rtf": ("application/rtf", "file", (b"{\\rtf",)),
    "doc": ("application/msword", "file", (b"\xd0\xcf\x11\xe0",)),
    "xls": ("application/vnd.ms-excel", "file", (b"\xd0\xcf\x11\xe0",)),
    "docx": (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "file",
        (b"PK",),
    ),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "file", (b"PK",)),
    "odt": ("application/vnd.oasis.opendocument.text", "file", (b"PK",)),
    "zip": ("application/zip", "file", (b"PK",)),
    "mp3": ("audio/mpeg", "voice", ()),
    "ogg": ("audio/ogg", "voice", (b"OggS",)),
    "m4a": ("audio/mp4", "voice", ()),
    "mp4": ("video/mp4", "video", ()),
    "mov": ("video/quicktime", "video", ()),
    "webm": ("video/webm", "video", (b"\x1a\x45\xdf\xa3",)),
}
# Shown in the page; everything else is offered as a download.
INLINE = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


class Refused(Exception):
    """`code`: type | size | empty."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def upload_keep(content: bytes, name: str) -> tuple[StoredFile, str]:
    """Store what a buyer sent: (file, kind). Raises Refused; the ending and the bytes decide.

    A file that no message mentions within a day is forgotten.
    """
    name = file_name(name)
    ending = PurePosixPath(name).suffix.lstrip(".").lower()
    if ending not in TYPES:
        raise Refused("type")
    mime, kind, beginnings = TYPES[ending]
    if not content:
        raise Refused("empty")
    if beginnings and not content.startswith(beginnings):
        raise Refused("type")
    try:
        stored = file_save(content, name=name, purpose="chat", mime=mime, limit=MAX_BYTES)
    except TooLarge:
        raise Refused("size") from None
    due.schedule("forget_upload", stored.pk, due_at=timezone.now() + FORGOTTEN_AFTER)
    return stored, kind


@due.worker("forget_upload")
def forget_upload(file_id: int) -> datetime | None:
    with transaction.atomic():
        stored = StoredFile.objects.filter(pk=file_id, purpose="chat").first()
        if stored is not None and not Attachment.objects.filter(file=stored).exists():
            file_delete(stored)
    return None


# ── handles and addresses ──
def handle(schema: str, visitor: str, file_id: int, kind: str) -> str:
    """What the uploader sends with the message; of no use to anybody else."""
    return signing.dumps([visitor, file_id, kind], salt=f"chat-upload:{schema}", compress=False)


def of_handle(schema: str, visitor: str, value: object) -> tuple[int, str] | None:
    try:
        who, file_id, kind = signing.loads(
            str(value), salt=f"chat-upload:{schema}", max_age=LINK_LIFE_S
        )
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return (int(file_id), str(kind)) if who == visitor else None


def link(schema: str, key: str, file_id: int) -> str:
    signed = signing.dumps(file_id, salt=f"chat-file:{schema}")
    return f"/live/chat/{key}/files/{signed}/"


def link_out(file_id: int) -> str:
    """A whole address on the merchant's own host, for channels that fetch what we send."""
    schema = current_schema()
    signed = signing.dumps(file_id, salt=f"sent-file:{schema}")
    return url_of(primary_host(merchant_of(schema)), f"/files/sent/{signed}/")


def of_link_out(signed: str) -> int | None:
    """The file of such an address, inside the merchant on whose host it was asked for."""
    return _of_signed(signed, f"sent-file:{current_schema()}")


def of_link(schema: str, signed: str) -> int | None:
    return _of_signed(signed, f"chat-file:{schema}")


def _of_signed(signed: str, salt: str) -> int | None:
    try:
        return int(signing.loads(signed, salt=salt, max_age=LINK_LIFE_S))
    except (signing.BadSignature, ValueError, TypeError):
        return None
