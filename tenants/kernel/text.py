"""Small things about letters."""

from __future__ import annotations

import json
import re
from typing import Any

# NUL, and halves of a character that a browser's `slice` has cut in two.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

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


def storable(value: Any) -> Any:
    """What JSON was read into, without the characters that PostgreSQL keeps in no text."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, dict):
        return {storable(key): storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    return value


def storable_json(value: Any) -> str:
    """JSON that PostgreSQL takes. Almost every value is fine as it is and is not walked through."""
    text = json.dumps(value, ensure_ascii=False)
    if "\\u0000" not in text:
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    return json.dumps(storable(value), ensure_ascii=False)
