"""Lines with heading levels → titled sections of a bearable length. Pure, no Django."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

TITLE_LIMIT, TEXT_LIMIT, SECTION_LIMIT = 300, 2_000_000, 20_000
SECTIONS_LIMIT = 1_000

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffe\uffff\ud800-\udfff]")


class Fault(Exception):
    """Why a document cannot be read: a code of `bots.services.knowledge.WORDS`, and its data."""

    def __init__(self, code: str, **data: object) -> None:
        super().__init__(code)
        self.code, self.data = code, data


@dataclass
class Section:
    title: str
    text: str


@dataclass
class Outline:
    """Fed line by line; a heading closes the section before it.

    A section is named by its heading and those above it: "Доставка · Сроки".
    """

    name: str
    sections: list[Section] = field(default_factory=list)
    _path: list[tuple[int, str]] = field(default_factory=list)
    _lines: list[str] = field(default_factory=list)
    _size: int = 0

    def heading(self, level: int, text: str) -> None:
        text = clean_line(text)
        if not text:
            return
        self._close()
        self._path = [one for one in self._path if one[0] < level]
        self._path.append((level, text[:TITLE_LIMIT]))

    def line(self, text: str) -> None:
        text = _CONTROL.sub("", text).replace("\xa0", " ").rstrip()
        self._size += len(text)
        if self._size > TEXT_LIMIT:
            raise Fault("too_much_text", n=TEXT_LIMIT)
        self._lines.append(text)

    def paragraph(self, text: str) -> None:
        self.line(text)
        self.line("")

    def finish(self) -> list[Section]:
        self._close()
        if len(self.sections) > SECTIONS_LIMIT:
            raise Fault("too_many_sections", n=SECTIONS_LIMIT)
        return self.sections

    def _close(self) -> None:
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip()
        self._lines = []
        if not text:
            return
        names = [one[1] for one in self._path]
        title = (" · ".join(names[-2:]) or self.name)[:TITLE_LIMIT]
        parts = list(_split(text))
        for number, part in enumerate(parts, 1):
            shown = f"{title[:290]} ({number})" if len(parts) > 1 else title
            self.sections.append(Section(shown, part))


def _split(text: str) -> Iterable[str]:
    while len(text) > SECTION_LIMIT:
        cut = max(text.rfind("\n\n", 0, SECTION_LIMIT), text.rfind("\n", 0, SECTION_LIMIT))
        cut = cut if cut > SECTION_LIMIT // 2 else SECTION_LIMIT
        yield text[:cut].strip()
        text = text[cut:].strip()
    if text:
        yield text


def clean_line(text: str) -> str:
    return " ".join(_CONTROL.sub("", text).split())


def stem_of(name: str) -> str:
    """`Условия_доставки 2026.pdf` → `Условия доставки 2026`."""
    stem = name.rpartition(".")[0] or name
    return clean_line(stem.replace("_", " "))[:TITLE_LIMIT] or "file"
