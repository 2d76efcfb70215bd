"""Small documents of every kind, composed by us."""

from __future__ import annotations

import io
import zipfile


def pdf_of(*lines: tuple[int, str], pages: int = 1, encrypt: str | None = None) -> bytes:
    """A PDF of (letter size, text) lines. Codes are windows-1251 with a map to Unicode."""
    content = "BT 1 0 0 1 50 800 Tm 28 TL\n"
    for size, text in lines:
        coded = text.encode("windows-1251").hex()
        content += f"/F1 {size} Tf <{coded}> Tj T*\n"
    content += "ET"
    codes = "".join(
        f"<{code:02x}> <{ord(bytes([code]).decode('windows-1251', 'replace')):04x}>\n"
        for code in range(32, 256)
    )
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n"
        "/CMapType 2 def 1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"224 beginbfchar\n{codes}endbfchar endcmap end end"
    )
    first = 5
    kids = " ".join(f"{first + n} 0 R" for n in range(pages))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {pages} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 4 0 R >>",
        f"<< /Length {len(cmap)} >>\nstream\n{cmap}\nendstream",
    ]
    for n in range(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {first + pages + n} "
            "0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        )
    for _ in range(pages):
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start = len(out)
    out += (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
        f"<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF"
    ).encode("latin-1")
    if encrypt is None:
        return out
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter()
    for page in PdfReader(io.BytesIO(out)).pages:
        writer.add_page(page)
    writer.encrypt(encrypt, algorithm="RC4-128")
    locked = io.BytesIO()
    writer.write(locked)
    return locked.getvalue()


def docx_of(*blocks: tuple[str, str]) -> bytes:
    """(style, text) paragraphs; the style "table" takes rows as `a|b` lines."""
    import docx

    document = docx.Document()
    for style, text in blocks:
        if style == "table":
            rows = [line.split("|") for line in text.split("\n")]
            table = document.add_table(rows=len(rows), cols=len(rows[0]))
            for row, cells in zip(table.rows, rows, strict=True):
                for cell, value in zip(row.cells, cells, strict=True):
                    cell.text = value
        else:
            document.add_paragraph(text, style=style)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def xlsx_of(**sheets: list[list[object]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(data: bytes, **parts: bytes | str) -> bytes:
    """An office document with members replaced or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            new.writestr(name, content)
    return out.getvalue()
