"""Texts as words: folding, words with their places, sentences. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2009\u2007\u2060\ufeff\t"), " ")
_MARKS = {
    **_SPACES,
    ord("ё"): "е",
    ord("Ё"): "Е",
    **dict.fromkeys(map(ord, "‐‑‒–—−"), "-"),
    **dict.fromkeys(map(ord, "«»„“”‟″"), '"'),
    **dict.fromkeys(map(ord, "’‘‛`´"), "'"),
    ord("×"): "x",
}
# Cyrillic letters that look like Latin ones: "К2", "ХL" and "М5" are typed either way.
_ALIKE = str.maketrans("авекмнорстухі", "abekmhopctyxi")
_WORD = re.compile(
    r"(?<![^\W_])(?P<number>\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)?(?!\d))(?![^\W_])"
    r"|(?P<word>[^\W_]+(?:'[a-z]{1,2}(?![^\W_]))?)"
)
_LATIN = re.compile("[a-z]")
_STRESS = re.compile("[\u0300\u0301]")


@dataclass(frozen=True, slots=True)
class Token:
    """A word as folded; `start` and `end` are places in the folded text."""

    text: str
    start: int
    end: int
    is_number: bool = False

    @property
    def is_code(self) -> bool:
        """Letters and digits together: a model, a size, an article number."""
        return (
            not self.is_number
            and any(c.isdigit() for c in self.text)
            and any(c.isalpha() for c in self.text)
        )


def words(text: str) -> frozenset[str]:
    """A list of words kept in code, written as a paragraph."""
    return frozenset(fold(text).split())


def fold(text: str) -> str:
    """Lower case, ё as е, plain quotes, dashes and spaces. Keeps the length of ordinary texts."""
    composed = unicodedata.normalize("NFC", text)
    return _STRESS.sub("", composed).translate(_MARKS).lower()


def number_key(text: str) -> str:
    """ "3 990" → "3990", "1,70" → "1.7": one key a value."""
    plain = text.replace(" ", "").replace(",", ".")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain.lstrip("0") or "0"


@lru_cache(maxsize=4096)
def _tokens(folded: str) -> tuple[Token, ...]:
    found: list[Token] = []
    for match in _WORD.finditer(folded):
        found += _read(match.group(), match.start(), is_number=match.lastgroup == "number")
    return tuple(found)


def _read(text: str, start: int, *, is_number: bool) -> list[Token]:
    """What one run of letters and digits is: a word or a number, sometimes several."""
    end = start + len(text)
    if is_number:
        return [Token(number_key(text), start, end, is_number=True)]
    if not text.isalpha() and any(c.isdigit() for c in text):
        return _code(text, start)
    if not text.isascii() and _LATIN.search(text):
        text = alike(text)
    return [Token(text, start, end)]


_UNIT = re.compile(
    r"(\d+)(р|руб|rub|г|гр|кг|kg|мл|ml|л|l|см|cm|мм|mm|м|m|вт|w|мач|mah|дн|ч|мин|шт|т|тыс|к|k|gb|гб|tb|тб)"
)


def _code(text: str, start: int) -> list[Token]:
    """ "30см" is a number with its unit, "ax3000" a model's name."""
    if unit := _UNIT.fullmatch(text):
        middle = start + unit.end(1)
        return [
            Token(number_key(unit.group(1)), start, middle, is_number=True),
            Token(unit.group(2), middle, start + len(text)),
        ]
    if sides := re.fullmatch(r"(\d+)[xх](\d+)(?:[xх](\d+))?", text):  # "160х200": each side
        return [
            Token(
                number_key(sides[n]), start + sides.start(n), start + sides.end(n), is_number=True
            )
            for n in (1, 2, 3)
            if sides[n]
        ]
    return [Token(alike(text), start, start + len(text))]


def alike(text: str) -> str:
    """Letters that look Latin as Latin, when all of the word's letters do."""
    latin = text.translate(_ALIKE)
    return latin if latin.isascii() else text


def words_of(text: str) -> dict[str, None]:
    """Different words of a long text as they come, without their places. For indexing."""
    different = dict.fromkeys((m.group(), m.lastgroup) for m in _WORD.finditer(fold(text)))
    return {
        word: None for raw, kind in different for word in _words(raw, is_number=kind == "number")
    }


@lru_cache(maxsize=30_000)
def _words(raw: str, *, is_number: bool) -> tuple[str, ...]:
    return tuple(token.text for token in _read(raw, 0, is_number=is_number))


def tokens(text: str) -> tuple[Token, ...]:
    return _tokens(fold(text))


_END = re.compile(r"(?<=[.!?…])[\"»)]*\s+(?=[\"«(\[]?[A-ZА-ЯЁ0-9])|\n+|(?<=;)\s+(?=[a-zа-яё])")
_SHORT = re.compile(
    r"(?:\b(?:[А-ЯЁA-Z]|ул|пр|просп|пер|пл|бул|наб|кв|стр|корп|тел|руб|коп|тыс|млн|др|т\.\s?[дпек]|"
    r"см|мин|сек|г|гг|e\.g|i\.e|etc|approx|no|St|Mr|Mrs|Dr|д|ст|м|р|шт|макс|рис|табл)\.)$",
    re.IGNORECASE,
)
_LIST = re.compile(r"^\s*(?:[-*•–—]|\d{1,2}[.)])\s+")


def sentences(text: str) -> list[str]:
    """Sentences and list lines; abbreviations ("ул. Мира") do not end one."""
    done: list[str] = []
    for line in text.splitlines():
        start = 0
        for match in _END.finditer(line):
            piece = line[start : match.start()].strip()
            if _SHORT.search(piece) and len(piece) > 1:
                continue
            done.append(line[start : match.end()].strip())
            start = match.end()
        done.append(line[start:].strip())
    return [piece for piece in done if piece]


def is_list_line(line: str) -> bool:
    return bool(_LIST.match(line))


_MARKDOWN = [
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), ""),
    (re.compile(r"\[([^\]]+)\]\((https?://[^)\s]+)\)"), r"\1: \2"),
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
    (re.compile(r"(\*\*|__)(.+?)\1"), r"\2"),
    (re.compile(r"(?<!\w)[*_](\S[^*_\n]*)[*_](?!\w)"), r"\1"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
    (re.compile(r"^\s{0,3}#{1,6}\s+", re.MULTILINE), ""),
    (re.compile(r"^\s{0,3}>\s?", re.MULTILINE), ""),
    (re.compile(r"<(?:script|style)\b.*?</(?:script|style)>", re.DOTALL | re.IGNORECASE), ""),
    (re.compile(r"<br\s*/?>|</p>|</li>|</tr>|</h\d>", re.IGNORECASE), "\n"),
    (re.compile(r"</?[a-z][^<>]{0,200}>", re.IGNORECASE), ""),
    (re.compile(r"[ \t]+\n"), "\n"),
]


def plain(text: str) -> str:
    """Markdown and HTML as plain text: what a buyer reads in a messenger."""
    for pattern, by in _MARKDOWN:
        text = pattern.sub(by, text)
    return text.strip()
