"""Languages that a dialogue is translated between, and telling which one a text is in."""

from __future__ import annotations

import re

# Code → (its own name, how a model is told).
LANGUAGES = {
    "ru": ("Русский", "Russian"),
    "en": ("English", "English"),
    "kk": ("Қазақша", "Kazakh"),
    "uz": ("O‘zbekcha", "Uzbek"),
    "ky": ("Кыргызча", "Kyrgyz"),
    "tg": ("Тоҷикӣ", "Tajik"),
    "be": ("Беларуская", "Belarusian"),
    "uk": ("Українська", "Ukrainian"),
    "hy": ("Հայերեն", "Armenian"),
    "ka": ("ქართული", "Georgian"),
    "az": ("Azərbaycanca", "Azerbaijani"),
    "tt": ("Татарча", "Tatar"),
    "tr": ("Türkçe", "Turkish"),
    "zh": ("中文", "Chinese"),
    "ar": ("العربية", "Arabic"),
    "he": ("עברית", "Hebrew"),
    "de": ("Deutsch", "German"),
    "fr": ("Français", "French"),
    "es": ("Español", "Spanish"),
    "it": ("Italiano", "Italian"),
    "pl": ("Polski", "Polish"),
    "sr": ("Српски", "Serbian"),
}
_SCRIPTS = (
    ("hy", "[԰-֏]"),
    ("ka", "[Ⴀ-ჿ]"),
    ("he", "[֐-׿]"),
    ("ar", "[؀-ۿ]"),
    ("zh", "[一-鿿]"),
)
# Letters that only this language of those above writes; the surest first.
_LETTERS = (
    ("tg", "[ҷӣӯҳ]"),
    ("kk", "[ғқұһ]"),
    ("tt", "[җ]"),
    ("ky", "[ңөү]"),
    ("be", "[ў]"),
    ("uk", "[їєґ]"),
    ("sr", "[ђјљњћџ]"),
    ("az", "[ə]"),
    ("tr", "[ğış]"),
    ("pl", "[ąćęłńśźż]"),
    ("de", "[ßäöü]"),
    ("es", "[ñ¿¡]"),
)
_CYRILLIC = frozenset({"ru", "kk", "uz", "ky", "tg", "be", "uk", "tt", "sr"})
_LETTER = re.compile(r"[^\W\d_]")


def language_of(text: str, hint: str = "") -> str:
    """The language of a text; `hint` (what the channel says) decides where letters do not.

    Empty for a text without words.
    """
    said = text.lower()
    letters = _LETTER.findall(re.sub(r"https?://\S+", "", said))
    if len(letters) < 2:
        return ""
    for code, script in _SCRIPTS:
        if re.search(script, said):
            return code
    for code, marks in _LETTERS:
        if re.search(marks, said):
            return code
    hint = hint[:2].lower()
    is_cyrillic = sum("а" <= one <= "я" or one == "ё" for one in letters) * 2 > len(letters)
    if is_cyrillic:
        return hint if hint in _CYRILLIC and len(letters) < 8 else "ru"
    return hint if hint in LANGUAGES and hint not in _CYRILLIC | {"ka", "hy"} else "en"


def told(code: str) -> str:
    return LANGUAGES[code][1] if code in LANGUAGES else code
