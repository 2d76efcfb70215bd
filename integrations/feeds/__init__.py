"""Product feeds: which format a file is in, by what is inside it, and its rows as `Offer`s."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.utils.translation import gettext as _

from integrations.feeds import commerceml, table, yml
from integrations.feeds.base import Items
from integrations.feeds.xml import open_plain, true_encoding
from tenants.kernel.documents import Unreadable, copy_member, open_zip

__all__ = ["Feed", "Unreadable", "open_feed", "table_rows"]

MAX_UNPACKED = 1024 * 1024 * 1024


@dataclass(frozen=True)
class Feed:
    """`kind`: yml | csv | xlsx | commerceml. `total` is an estimate for a progress bar."""

    kind: str
    items: Items
    total: int | None


@contextmanager
def open_feed(path: Path, *, price_type: str = "") -> Iterator[Feed]:
    """The feed in a file. Its name and declared type are not asked: only the content counts.

    Raises Unreadable, in words for the merchant.
    """
    with TemporaryDirectory(prefix="feed-") as name:
        folder = Path(name)
        if _starts(path, b"PK"):
            yield _packed(path, folder, price_type)
        else:
            yield _single(path, price_type)


def table_rows(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """Rows of any CSV or XLSX, headings included, with their numbers.

    A cell with a formula is a `table.Formula`. Raises Unreadable, in words.
    """
    if _starts(path, b"PK"):
        yield from table.xlsx_rows(path)
        return
    with open_plain(path) as stream:
        head = stream.read(4096)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0"):
        raise Unreadable(_("The file is empty."))
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(_("This is an old Excel file (XLS). Save it as XLSX or CSV."))
    yield from table.csv_rows(path)


def _packed(path: Path, folder: Path, price_type: str) -> Feed:
    with open_zip(path, max_unpacked=commerceml.MAX_UNPACKED) as archive:
        names = archive.namelist()
    if "[Content_Types].xml" in names:
        if any(name.startswith("xl/") for name in names):
            return Feed("xlsx", table.read_xlsx(path), None)
        raise Unreadable(_("This is an office document, but not an Excel workbook (XLSX)."))
    if any(commerceml.NAMES.search(name.replace("\\", "/")) for name in names):
        paths = commerceml.members(path, folder)
        items = commerceml.read(paths, price_type=price_type)
        return Feed("commerceml", items, commerceml.total(paths))
    files = [name for name in names if not name.endswith("/") and "__MACOSX" not in name]
    if len(files) != 1:
        raise Unreadable(
            _("The archive holds %(n)s files. Send one feed, or import.xml with offers.xml.")
            % {"n": len(files)}
        )
    inner = folder / "feed"
    with zipfile.ZipFile(path) as archive, inner.open("wb") as copy:
        copy_member(archive, files[0], copy, MAX_UNPACKED)
    if _starts(inner, b"PK"):
        raise Unreadable(_("There is another archive inside the archive. Send it without."))
    return _single(inner, price_type)


def _single(path: Path, price_type: str) -> Feed:
    with open_plain(path) as stream:
        head = stream.read(64 * 1024)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0"):
        raise Unreadable(_("The file is empty."))
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(_("This is an old Excel file (XLS). Save it as XLSX or CSV."))
    if head.startswith(b"%PDF"):
        raise Unreadable(
            _("This is a PDF. A price list is read from YML, CSV, XLSX or CommerceML.")
        )
    text = head.decode(_encoding(head), "replace").lstrip("\ufeff \t\r\n")
    if not text.startswith("<"):
        if text.startswith(("{", "[")):
            raise Unreadable(_("This is JSON. A feed is read from YML, CSV, XLSX or CommerceML."))
        return Feed("csv", table.read_csv(path), table.total(path))
    if re.match(r"<(?:!doctype\s+html|html|head|body)\b", text, re.IGNORECASE):
        raise Unreadable(
            _("This is a web page, not a feed: the address may ask for a log-in or be out of date.")
        )
    if f"<{commerceml.ROOT}" in text:
        items = commerceml.read([path], price_type=price_type)
        return Feed("commerceml", items, commerceml.total([path]))
    return Feed("yml", yml.read(path), yml.total(path))


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    declared = re.match(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.-]{2,20})["']""", head)
    name = true_encoding(head) or (declared[1].decode("ascii") if declared else "utf-8")
    try:
        "".encode(name)
    except LookupError:
        return "utf-8"
    return name


def _starts(path: Path, mark: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(mark)) == mark
