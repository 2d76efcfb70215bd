"""Files from outside: archives and XML are looked at before anything reads them whole.

Every fault is `Unreadable` with words for the person who sent the file.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import IO, NoReturn, Protocol
from xml.parsers import expat

from django.utils.translation import gettext as _

MAX_MEMBERS = 5_000
MAX_UNPACKED = 1024 * 1024 * 1024
MAX_RATIO = 200
PROLOG = 1024 * 1024


class Unreadable(Exception):
    """The file as a whole cannot be read; the message says why and what to do."""


def open_zip(path: Path, *, max_unpacked: int = MAX_UNPACKED) -> zipfile.ZipFile:
    """A checked archive: not a bomb, not encrypted, no paths that lead outside.

    Sizes in the directory may lie; `read_member` counts what really comes out.
    """
    try:
        archive = zipfile.ZipFile(path)
        members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as exc:
        raise Unreadable(_("The archive is damaged or cut off. Save the file again.")) from exc
    try:
        _check_members(members, max_unpacked)
    except Unreadable:
        archive.close()
        raise
    return archive


def _check_members(members: list[zipfile.ZipInfo], max_unpacked: int) -> None:
    if len(members) > MAX_MEMBERS:
        raise Unreadable(_("There are more than %(n)s files in the archive.") % {"n": MAX_MEMBERS})
    total = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if total > max_unpacked or (total > 10_000_000 and total > packed * MAX_RATIO):
        raise Unreadable(
            _("The archive unpacks to %(mb)s MB: that is not a usual file, so it was not opened.")
            % {"mb": total // 1_000_000}
        )
    for member in members:
        if member.flag_bits & 0x1:
            raise Unreadable(_("The archive is locked with a password. Send it without one."))
        name = member.filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/"):
            raise Unreadable(_("The archive holds a path that leads outside: %s") % name[:100])


def copy_member(archive: zipfile.ZipFile, name: str, target: IO[bytes], limit: int) -> int:
    """Unpack one member, at most `limit` bytes; the directory's own figures are not believed."""
    written = 0
    try:
        with archive.open(name) as source:
            while piece := source.read(256 * 1024):
                written += len(piece)
                if written > limit:
                    raise Unreadable(_("“%s” in the archive is too large.") % name[:100])
                target.write(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as exc:
        raise Unreadable(_("“%s” in the archive is damaged.") % name[:100]) from exc
    return written


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def refuse_entities(stream: Readable, *, forbid_doctype: bool = False) -> None:
    """Read XML up to its first element and refuse declared entities.

    Entities can only be declared there, whatever the encoding; expanding them is how a small
    file eats all memory or reads files of the server. A bare DOCTYPE (YML has one) is fine.
    """

    class Found(Exception):
        pass

    parser = expat.ParserCreate()
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def bomb(*_args: object) -> NoReturn:
        raise Unreadable(
            _("The file declares XML entities. Such files are not accepted; save it without them.")
        )

    def doctype(*_args: object) -> None:
        if forbid_doctype:
            bomb()

    def first(*_args: object) -> None:
        raise Found

    parser.EntityDeclHandler = bomb
    parser.UnparsedEntityDeclHandler = bomb
    parser.ExternalEntityRefHandler = bomb
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = first
    read = 0
    try:
        while piece := stream.read(64 * 1024):
            parser.Parse(piece, False)
            read += len(piece)
            if read > PROLOG:
                raise Unreadable(_("The file begins with a megabyte of something other than data."))
        parser.Parse(b"", True)
    except Found:
        return
    except expat.ExpatError:
        return  # the real parser tells where and why


def check_office(path: Path, *, max_unpacked: int) -> None:
    """A DOCX or XLSX before its library opens it: no bomb, no entities in any part."""
    with open_zip(path, max_unpacked=max_unpacked) as archive:
        for member in archive.infolist():
            if member.filename.endswith((".xml", ".rels", ".vml")):
                try:
                    with archive.open(member) as part:
                        refuse_entities(part, forbid_doctype=True)
                except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as exc:
                    raise Unreadable(
                        _("The archive is damaged or cut off. Save the file again.")
                    ) from exc
