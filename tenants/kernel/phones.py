"""Telephone numbers as one text each (E.164), so that two spellings compare equal."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers


def phone_normalised(text: str, region: str = "RU") -> str:
    """`8 (916) 123-45-67` → `+79161234567`; empty where it cannot be a number."""
    text = str(text or "").strip()
    return _normalised(text, region) if text and len(text) <= 40 else ""


@lru_cache(maxsize=8192)
def _normalised(text: str, region: str) -> str:
    """Kept: the same buyers write and ring again, and reading a number takes a while."""
    digits = "".join(filter(str.isdigit, text))
    if region == "RU" and not text.startswith("+") and len(digits) == 11 and digits[0] == "7":
        text = f"+{digits}"
    try:
        found = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(found):
        return ""
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
