"""Small things about letters."""

from __future__ import annotations

_LATIN = dict(zip("абвгдеёзийклмнопрстуфцыэ", "abvgdeeziyklmnoprstufcye", strict=True))
_LATIN |= {"ж": "zh", "х": "kh", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ь": "", "ю": "yu"}
_LATIN |= {"я": "ya", "і": "i", "ї": "yi", "є": "ye", "ґ": "g", "ў": "u"}


def whole(text: str) -> int | None:
    """The number somebody wrote in an address; None for what is none, or larger than any row's.

    `isdigit` alone is true for “²”, too.
    """
    return int(text) if text.isdecimal() and len(text) < 19 else None


def latin(text: str) -> str:
    """Cyrillic in Latin letters, as people write names of sites; the rest stays."""
    return "".join(_LATIN.get(char, char) for char in text.lower())
