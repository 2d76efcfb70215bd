"""What a document really is: by its first bytes, whatever its name says. Pure, no Django."""

from __future__ import annotations

import zipfile
from pathlib import Path

PDF, DOCX, XLSX, HTML, MD, TXT = "pdf", "docx", "xlsx", "html", "md", "txt"
TEXTS = frozenset({HTML, MD, TXT})
ENDINGS = {
    "pdf": PDF, "docx": DOCX, "xlsx": XLSX, "html": HTML, "htm": HTML, "md": MD, "markdown": MD,
    "txt": TXT, "text": TXT,
}  # fmt: skip
_MAGIC = (
    (b"%PDF-", PDF),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"RIFF", "media"),
    (b"OggS", "media"),
    (b"ID3", "media"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"{\\rtf", "rtf"),
)


def kind_of(path: Path, name: str) -> str:
    """One of the six kinds above, or what it is instead: picture, archive, program, ole, binary…"""
    with path.open("rb") as stream:
        head = stream.read(8192)
    if b"%PDF-" in head[:1024]:
        return PDF  # some programs write a few bytes before it
    for mark, kind in _MAGIC:
        if head.startswith(mark):
            return _inside(path) if kind == "zip" else kind
    if head[4:8] == b"ftyp":
        return "media"
    if not head.strip():
        return "empty"
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    controls = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    if not is_wide and (b"\x00" in head or controls > len(head) / 50):
        return "binary"
    start = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:600].replace(b"\x00", b"").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return HTML
    named = ENDINGS.get(name.rpartition(".")[2].lower(), TXT)
    return named if named in TEXTS else TXT


def _inside(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "damaged"
    if "[Content_Types].xml" not in names:
        return "archive"
    if any(name.startswith("word/") for name in names):
        return DOCX
    return XLSX if any(name.startswith("xl/") for name in names) else "archive"
