"""Files of a merchant: one folder each in Django's storage, names nobody can guess.

The storage is a folder of the disk or S3 (`tenants.kernel.s3`); callers see no difference.
"""

from __future__ import annotations

import hashlib
import mimetypes
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from django.core.files.base import File
from django.core.files.storage import Storage, default_storage
from django.db import transaction

from tenants.kernel import registry
from tenants.kernel.context import PUBLIC, current_schema
from tenants.workspace.models import StoredFile

PIECE = 256 * 1024


class TooLarge(Exception):
    """More bytes came than were agreed."""


def file_name(name: str) -> str:
    """The last part of a name a browser or a vendor sent, safe to show and to keep."""
    last = PurePosixPath(str(name).replace("\\", "/")).name
    last = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(". ")
    stem, dot, ending = last.rpartition(".")
    return (f"{stem[:150]}.{ending[:16]}" if dot and stem else last[:160]) or "file"


def file_save(
    content: bytes | IO[bytes] | Iterable[bytes],
    *,
    name: str,
    purpose: str,
    mime: str = "",
    limit: int | None = None,
) -> StoredFile:
    """Keep a file, streamed. Raises TooLarge past `limit` bytes; nothing is left then.

    The type is guessed from the name and is for showing only: never trust it to decide.
    """
    schema = current_schema()
    if schema == PUBLIC:
        raise RuntimeError("a file belongs to a merchant")
    name = file_name(name)
    with tempfile.TemporaryFile() as copy:
        digest, size = hashlib.sha256(), 0
        for piece in _pieces(content):
            size += len(piece)
            if limit is not None and size > limit:
                raise TooLarge(limit)
            digest.update(piece)
            copy.write(piece)
        copy.seek(0)
        path = default_storage.save(f"{schema}/{secrets.token_urlsafe(18)}", File(copy))
    try:
        with transaction.atomic():
            return StoredFile.objects.create(
                path=path,
                name=name,
                mime=(mime or mimetypes.guess_type(name)[0] or "application/octet-stream")[:100],
                size=size,
                sha256=digest.hexdigest(),
                purpose=purpose,
            )
    except Exception:
        default_storage.delete(path)
        raise


def _pieces(content: bytes | IO[bytes] | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
    elif hasattr(content, "chunks"):
        yield from content.chunks(PIECE)
    elif hasattr(content, "read"):
        while piece := content.read(PIECE):
            yield piece
    else:
        yield from content


def file_open(stored: StoredFile) -> IO[bytes]:
    return default_storage.open(stored.path, "rb")


@contextmanager
def file_on_disk(stored: StoredFile) -> Iterator[Path]:
    """A copy with a path, for libraries that need one; gone after the block."""
    with tempfile.TemporaryDirectory(prefix="file-") as folder:
        path = Path(folder) / "content"
        with file_open(stored) as source, path.open("wb") as target:
            while piece := source.read(PIECE):
                target.write(piece)
        yield path


def file_delete(stored: StoredFile) -> None:
    """The row now, the bytes when the transaction is through."""
    path = stored.path
    stored.delete()
    transaction.on_commit(lambda: default_storage.delete(path))


def file_bytes(stored_id: int) -> tuple[str, bytes]:
    """Name and content of a small file (an attachment on its way out)."""
    stored = StoredFile.objects.get(pk=stored_id)
    with file_open(stored) as content:
        return stored.name, content.read()


def folder_delete(schema: str) -> None:
    """Everything below a merchant's own folder, whether a row knows it or not."""
    if hasattr(default_storage, "delete_folder"):
        default_storage.delete_folder(schema)
    else:
        _empty(default_storage, schema)


def _empty(storage: Storage, folder: str) -> None:
    try:
        folders, names = storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        storage.delete(f"{folder}/{name}")
    for name in folders:
        _empty(storage, f"{folder}/{name}")
    storage.delete(folder)


@registry.readiness.register("files")
def _files_answer() -> dict[str, object]:
    if hasattr(default_storage, "answers"):
        default_storage.answers()
        return {"ok": True, "detail": "S3 answers"}
    folder = Path(default_storage.path(""))
    ok = os.access(folder if folder.is_dir() else folder.parent, os.W_OK)
    return {"ok": ok, "detail": "can be written" if ok else "the folder cannot be written"}
