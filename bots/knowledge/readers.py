"""One reader a kind of document. They run in a process of their own with little memory and time
(`bots.knowledge.child`): the libraries below them were not written for hostile files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bots.knowledge.kinds import DOCX, HTML, MD, PDF, TXT, XLSX
from bots.knowledge.sections import Fault, Outline, Section, clean_line, stem_of

PAGES_LIMIT, ROWS_LIMIT, COLUMNS_LIMIT = 500, 20_000, 50


def read_document(path: Path, kind: str, name: str) -> tuple[list[Section], int | None]:
    """Sections, and pages where the kind has any. Raises Fault."""
    outline = Outline(stem_of(name))
    pages = READERS[kind](path, outline)
    sections = outline.finish()
    if not sections:
        raise Fault("scanned" if kind == PDF else "empty")
    return sections, pages


# ── PDF ──────────────────────────────────────────────────────────────────────────────────────
def _pdf(path: Path, outline: Outline) -> int:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(path, strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Fault("encrypted")
        count = len(reader.pages)
        if count > PAGES_LIMIT:
            raise Fault("too_many_pages", n=PAGES_LIMIT, pages=count)
        lines = [line for page in reader.pages for line in _pdf_lines(page)]
    except Fault:
        raise
    except (PyPdfError, ValueError, KeyError, TypeError, IndexError, AttributeError) as exc:
        raise Fault("damaged") from exc
    except (OSError, RecursionError, NotImplementedError) as exc:
        raise Fault("damaged") from exc
    _pdf_outline(lines, outline)
    return count


def _pdf_lines(page: Any) -> list[tuple[float, bool, str]]:
    """(size of the letters, bold, text) of each line, in reading order."""
    pieces: list[tuple[float, bool, str]] = []

    def visit(text: str, cm: Any, tm: Any, font: Any, size: Any) -> None:
        if text:
            scale = abs(tm[3] or tm[1] or 1) * abs(cm[3] or cm[1] or 1)
            name = str((font or {}).get("/BaseFont", ""))
            pieces.append((round(float(size or 0) * scale, 1), "bold" in name.lower(), text))

    page.extract_text(visitor_text=visit)
    lines: list[tuple[float, bool, str]] = []
    size, is_bold, current = 0.0, True, ""
    for piece_size, bold, text in pieces:
        head, *rest = text.split("\n")
        for number, part in enumerate([head, *rest]):
            if number:
                lines.append((size, is_bold, current))
                size, is_bold, current = 0.0, True, ""
            current += part
            if part.strip():
                size, is_bold = max(size, piece_size), is_bold and bold
    return [*lines, (size, is_bold, current), (0.0, False, "")]


_NUMBERED = re.compile(r"\d{1,2}(?:\.\d{1,2})*[.)]?\s+[A-ZА-ЯЁ]")


def _pdf_outline(lines: list[tuple[float, bool, str]], outline: Outline) -> None:
    """Larger or wholly bold short lines are headings; hyphens at line ends are joined."""
    letters: Counter[float] = Counter()
    for size, _bold, text in lines:
        letters[size] += len(text.strip())
    body = letters.most_common(1)[0][0] if letters else 0.0
    all_bold = all(bold for _s, bold, text in lines if text.strip())
    sizes = sorted({s for s, _b, t in lines if t.strip() and s > body * 1.12}, reverse=True)
    carry = ""
    for size, bold, raw in lines:
        text = clean_line(raw)
        is_short = 2 < len(text) <= 120 and not text.endswith((".", ",", ";", ":"))
        has_words = sum(c.isalpha() for c in text) >= 3
        if is_short and has_words and not carry and size in sizes:
            outline.heading(sizes.index(size) + 1, text)
        elif is_short and has_words and not carry and bold and not all_bold and size >= body:
            outline.heading(len(sizes) + (2 if _NUMBERED.match(text) else 1), text)
        elif text.endswith("-") and len(text) > 2 and text[-2].islower():
            carry += text[:-1]
        else:
            outline.line(carry + text)
            carry = ""
    if carry:
        outline.line(carry)


# ── DOCX ─────────────────────────────────────────────────────────────────────────────────────
_STYLE = re.compile(r"(?:heading|заголовок)\s*(\d)", re.IGNORECASE)


def _docx(path: Path, outline: Outline) -> None:
    import docx
    from docx.table import Table

    try:
        document = docx.Document(str(path))
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                for row in block.rows:
                    cells = [clean_line(cell.text) for cell in row.cells]
                    outline.line(_row(list(dict.fromkeys(cells))))
                outline.line("")
                continue
            style = (block.style.name if block.style is not None else "") or ""
            found = _STYLE.search(style)
            if found or style.lower() in ("title", "название"):
                outline.heading(int(found[1]) if found else 1, block.text)
            elif "list" in style.lower() or "список" in style.lower():
                outline.line(f"• {clean_line(block.text)}")
            else:
                outline.paragraph(block.text)
    except Fault:
        raise
    except Exception as exc:  # the library raises what a damaged file leads it to
        raise Fault("damaged") from exc


def _row(cells: list[str]) -> str:
    return " | ".join(cell for cell in cells if cell)


# ── XLSX ─────────────────────────────────────────────────────────────────────────────────────
_QUESTION = {"вопрос", "question", "тема", "заголовок", "title", "название", "q"}
_ANSWER = {"ответ", "answer", "текст", "text", "описание", "a", "содержание"}


def _xlsx(path: Path, outline: Outline) -> None:
    from openpyxl import load_workbook

    try:
        with path.open("rb") as stream:
            book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            for sheet in book.worksheets:
                if sheet.sheet_state == "visible":
                    sheet.reset_dimensions()
                    rows = sheet.iter_rows(
                        max_row=ROWS_LIMIT + 1, max_col=COLUMNS_LIMIT, values_only=True
                    )
                    _sheet(sheet.title, rows, outline)
    except Fault:
        raise
    except Exception as exc:  # the library raises what a damaged file leads it to
        raise Fault("damaged") from exc


def _sheet(title: str, rows: Iterator[tuple[Any, ...]], outline: Outline) -> None:
    """A table of questions and answers becomes one section a row; any other, one a sheet."""
    header: list[str] = []
    columns: tuple[int, int] | None = None
    for number, row in enumerate(rows):
        if number > ROWS_LIMIT:
            raise Fault("too_many_rows", n=ROWS_LIMIT)
        cells = [_cell(value) for value in row]
        if not any(cells):
            continue
        if not header:
            header = cells
            columns = _question_columns(cells)
            if columns is None:
                outline.heading(1, title)
                outline.line(_row(cells))
            continue
        if columns is not None:
            question, answer = (cells[one] if one < len(cells) else "" for one in columns)
            if question and answer:
                outline.heading(1, question)
                outline.paragraph(answer)
            continue
        named = [
            f"{header[place]}: {cell}" if place < len(header) and header[place] else cell
            for place, cell in enumerate(cells)
            if cell
        ]
        outline.line("; ".join(named))


def _question_columns(cells: list[str]) -> tuple[int, int] | None:
    keys = [cell.casefold().strip(" :?") for cell in cells]
    question = next((n for n, key in enumerate(keys) if key in _QUESTION), None)
    answer = next((n for n, key in enumerate(keys) if key in _ANSWER and n != question), None)
    return None if question is None or answer is None else (question, answer)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if hasattr(value, "strftime"):
        return value.strftime("%d.%m.%Y" if not getattr(value, "hour", 0) else "%d.%m.%Y %H:%M")
    return clean_line(str(value))


# ── Texts ────────────────────────────────────────────────────────────────────────────────────
def text_in(path: Path) -> str:
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "windows-1251"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8", "replace")


def _txt(path: Path, outline: Outline) -> None:
    """A short line between empty ones, without a full stop, names what follows."""
    lines = text_in(path).splitlines()
    for number, line in enumerate(lines):
        before = lines[number - 1].strip() if number else ""
        after = lines[number + 1].strip() if number + 1 < len(lines) else ""
        text = line.strip()
        is_name = 2 < len(text) <= 90 and not before and not after
        is_name = is_name and text[-1] not in ".,;:!" and any(c.isalpha() for c in text)
        is_last = not any(one.strip() for one in lines[number + 1 : number + 3])
        if is_name and not is_last:
            outline.heading(1, text)
        else:
            outline.line(line)


_MD_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*$")
_MD_MARKS = (
    (re.compile(r"!\[([^\]]{0,300})\]\([^)]{0,1000}\)"), r"\1"),
    (re.compile(r"\[([^\]]{1,300})\]\(([^)\s]{1,1000})[^)]{0,300}\)"), r"\1 (\2)"),
    (re.compile(r"(\*\*|__)(?=\S)(.{1,500}?)(?<=\S)\1"), r"\2"),
    (re.compile(r"`([^`]{1,500})`"), r"\1"),
    (re.compile(r"^\s*[-*+]\s+"), "• "),
    (re.compile(r"^\s*>\s?"), ""),
)


def _md(path: Path, outline: Outline) -> None:
    is_code = False
    for line in text_in(path).splitlines():
        if line.lstrip().startswith("```"):
            is_code = not is_code
            continue
        found = None if is_code else _MD_HEADING.match(line)
        if found:
            outline.heading(len(found[1]), found[2])
            continue
        if not is_code:
            for pattern, to in _MD_MARKS:
                line = pattern.sub(to, line[:10_000])
        outline.line(line)


_DROP = ("script", "style", "noscript", "nav", "header", "footer", "aside", "form", "template",
         "svg", "iframe", "button")  # fmt: skip
_BLOCKS = ("p", "li", "tr", "pre", "blockquote", "dt", "dd", "figcaption", "td", "th", "div")
_HEADINGS = re.compile(r"h([1-6])")


def _html(path: Path, outline: Outline) -> None:
    from bs4 import BeautifulSoup

    data = path.read_bytes()
    try:
        soup = BeautifulSoup(data, "html.parser")
        if soup.title and soup.title.string:
            outline.name = clean_line(soup.title.string)[:300] or outline.name
        for tag in soup(list(_DROP)):
            tag.decompose()
        root = soup.find("main") or soup.find("article") or soup.body or soup
        _walk_html(root, outline)
    except RecursionError as exc:
        raise Fault("damaged") from exc


def _walk_html(root: Any, outline: Outline) -> None:
    from bs4 import NavigableString, Tag
    from bs4.element import PreformattedString

    buffer: list[str] = []

    def flush(mark: str = "") -> None:
        text = clean_line(" ".join(buffer))
        buffer.clear()
        if text:
            outline.line(mark + text)

    for node in root.descendants:
        if isinstance(node, Tag):
            found = _HEADINGS.fullmatch(node.name or "")
            if found:
                flush()
                outline.heading(int(found[1]), node.get_text(" "))
            elif node.name in _BLOCKS or node.name == "br":
                flush()
                if node.name in ("p", "tr", "dt"):
                    outline.line("")
                if node.name == "li":
                    buffer.append("•")
        elif (
            isinstance(node, NavigableString)
            and not isinstance(node, PreformattedString)
            and not any(_HEADINGS.fullmatch(p.name or "") for p in node.parents)
        ):
            buffer.append(str(node))
    flush()


READERS: dict[str, Callable[[Path, Outline], int | None]] = {
    PDF: _pdf,
    DOCX: _docx,
    XLSX: _xlsx,
    TXT: _txt,
    MD: _md,
    HTML: _html,
}
