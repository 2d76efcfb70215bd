"""Records out of an XML file of any size, in bounded memory, with entities refused."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from django.utils.translation import gettext as _

from tenants.kernel.documents import Unreadable, refuse_entities

MAX_BYTES = 1024 * 1024 * 1024
RECORD_LIMIT = 8 * 1024 * 1024
DEPTH_LIMIT = 100
PIECE = 64 * 1024


class _Counted:
    """A stream that stops when too much has come out of it (a packed file may be a bomb)."""

    def __init__(self, stream: Any, limit: int) -> None:
        self._stream, self._left, self._limit = stream, limit, limit

    def read(self, size: int = PIECE) -> bytes:
        try:
            piece = self._stream.read(size)
        except (EOFError, zlib.error, OSError) as exc:
            raise Unreadable(_("The packed file is damaged or cut off. Send it again.")) from exc
        self._left -= len(piece)
        if self._left < 0:
            raise Unreadable(
                _("The file is larger than %(mb)s MB when unpacked.")
                % {"mb": self._limit // 1_000_000}
            )
        return piece

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stream.close()


def open_plain(path: Path, limit: int = MAX_BYTES) -> _Counted:
    """The file's bytes, unpacked when it is gzip."""
    with path.open("rb") as head:
        packed = head.read(2) == b"\x1f\x8b"
    return _Counted(gzip.open(path) if packed else path.open("rb"), limit)


_DECLARED = re.compile(rb"""^[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


def true_encoding(head: bytes) -> str | None:
    """The encoding to force, None to believe the file.

    Shops move files between systems and forget the first line: Cyrillic that reads as UTF-8 is
    UTF-8 whatever is declared; bytes that do not, with nothing declared, are windows-1251.
    """
    if head.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) or head.isascii():
        return None
    declared = _DECLARED.match(head)
    name = declared[1].decode().lower() if declared else "utf-8"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "windows-1251" if name in ("utf-8", "utf8") else None
    return None if name in ("utf-8", "utf8") else "utf-8"


def records(
    path: Path, wanted: Callable[[tuple[str, ...]], bool], *, limit: int = MAX_BYTES
) -> Iterator[tuple[tuple[str, ...], Element]]:
    """Elements whose path of names (namespaces dropped, the root first) is `wanted`.

    Everything else is forgotten as it goes by. Elements inside a record keep plain names.
    """
    with open_plain(path, limit) as stream:
        refuse_entities(stream)
    with open_plain(path, limit) as stream:
        head = stream.read(PIECE)
        if not head.lstrip(b"\xef\xbb\xbf \t\r\n"):
            raise Unreadable(_("The file is empty."))
        forced = true_encoding(head)
        decode = codecs.getincrementaldecoder(forced)("replace").decode if forced else None
        yield from _walk(stream, head, decode, wanted)


def _walk(
    stream: _Counted,
    head: bytes,
    decode: Callable[[bytes], str] | None,
    wanted: Callable[[tuple[str, ...]], bool],
) -> Iterator[tuple[tuple[str, ...], Element]]:
    # Text given as `str` overrides the encoding the file declares.
    parser: Any = XMLPullParser(events=("start", "end"))
    names: list[str] = []
    open_elements: list[Element] = []
    record_depth = 0
    since_record = 0
    piece = head
    while True:
        try:
            if piece:
                parser.feed(decode(piece) if decode else piece)
            else:
                parser.close()
            for event, element in parser.read_events():
                if event == "start":
                    tag = element.tag.rpartition("}")[2]
                    element.tag = tag
                    names.append(tag)
                    open_elements.append(element)
                    if len(names) > DEPTH_LIMIT:
                        raise Unreadable(_("The file nests elements deeper than any feed does."))
                    if not record_depth and wanted(tuple(names)):
                        record_depth = len(names)
                    continue
                if len(names) == record_depth:
                    yield tuple(names), element
                    record_depth = 0
                names.pop()
                done = open_elements.pop()
                if not record_depth:
                    since_record = 0
                    done.clear()
                    if open_elements:
                        open_elements[-1].remove(done)
        except ParseError as exc:
            raise Unreadable(_broken(exc)) from exc
        if not piece:
            return
        since_record += len(piece)
        if since_record > RECORD_LIMIT:
            raise Unreadable(
                _("One element of the file is larger than %(mb)s MB.")
                % {"mb": RECORD_LIMIT // 1_000_000}
            )
        piece = stream.read(PIECE)


def _broken(exc: ParseError) -> str:
    line, column = exc.position
    place = _("line %(line)s, column %(column)s") % {"line": line, "column": column + 1}
    reason = str(exc).partition(":")[0]
    why = {
        "no element found": _("the file is cut off"),
        "unclosed token": _("the file is cut off"),
        "mismatched tag": _("a tag is closed that was not opened"),
        "not well-formed (invalid token)": _(
            "a character that XML does not allow (an “&” must be written as &amp;)"
        ),
        "undefined entity": _("an unknown &…; (write the character itself)"),
        "unknown encoding": _("the declared encoding is unknown"),
        "junk after document element": _("something follows the end of the data"),
    }.get(reason, reason)
    for start in ("undefined entity", "syntax error"):
        if reason.startswith(start):
            why = {
                "undefined entity": _("an unknown &…; (write the character itself)"),
                "syntax error": _("this is not XML"),
            }[start]
    return _("The XML is broken at %(place)s: %(why)s.") % {"place": place, "why": why}


def text_of(parent: Element, name: str) -> str:
    """Text of the first child with that name, tags inside it dropped."""
    found = parent.find(name)
    return "" if found is None else "".join(found.itertext()).strip()


def count(path: Path, mark: bytes, limit: int = MAX_BYTES) -> int:
    """How often `mark` stands in the (unpacked) bytes: a quick total for the progress bar."""
    found, tail = 0, b""
    keep = len(mark) - 1
    with open_plain(path, limit) as stream:
        while piece := stream.read(1024 * 1024):
            found += (tail + piece).count(mark)
            tail = piece[-keep:]
    return found
