"""What the buyer meant to type: language, the wrong keyboard layout, Russian in Latin letters.

A repair is made only where it turns unknown words into known ones; names and models stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

from bots.retrieval.morphology import is_russian, is_russian_word
from bots.retrieval.text import fold, words

_EN = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./~@#$^&"
_RU = 'ёйцукенгшщзхъфывапролджэячсмитьбю.Ё"№;:?'
_TO_RU = str.maketrans(
    _EN[:34] + 'QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>', _RU[:34] + "ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ"
)
_TO_EN = str.maketrans(
    "йцукенгшщзхъфывапролджэячсмитьбюё" + "ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮЁ",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,.`" + 'QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>~',
)

# Words an English message nearly always has one of; enough to tell it from the other two.
ENGLISH = words(
    """
    a about after again all also am an and any anything are as ask at available back bag be because
    been before best between big bigger black blue boots bot brown buy by call can cancel card cash
    change charge cheap cheaper cheapest chat check children click close closed coat cold color
    colour colors colours compare contact cost costs could courier cover credit customer damaged
    date day days deal deliver delivered delivery did difference different discount do does dollars
    don't dress each email english ever exchange expensive express far fast find first fit for
    forget free from gift give get go good got green grey had happens has have haven't he hello help
    here hey hi hour hours house how human i if ignore i'd i'll i'm in information instructions
    interest into is it item items its it's jacket jeans just kids know large last late leather left
    less let like live long longer look looking lost made make man manager many material may me mean
    medium men mens money more most much my name near need new next nice no not now number of off
    ok okay on one online only open opening operator or order ordered orders other our out over
    package paid pants parcel pay payment people person phone pick pickup pink please possible
    previous price prices problem product products promo prompt put question quick quickly ready
    real receive received red refund representative return returned returns right rules sale same
    say see sell send service several ship shipped shipping shirt shirts shoes shop should show size
    sizes small smaller so some somebody someone something sorry speak status stock store stores
    such summer support system take talk tell than thank thanks that that's the their them then
    there these they thing things think this those time times to today tomorrow too track tracking
    try two under until up us use vs wait want warm warranty was wash way we week weeks weekend
    weekends well were what what's when where where's which white who why will winter wish with
    without women womens work working works would wrong wrongly yellow yes yet you your yours
    kettle laptop phone headphones vacuum cleaner watch charger cable camera washing machine
    t-shirt sweater hoodie skirt blouse trousers sneakers sandals scarf hat gloves socks belt
    backpack jewelry guarantee city country abroad address located location parts installments
    voucher coupon certificate wholesale bulk complaint
    """
)


# Latin spellings of Russian, longest first; several readings where schemes differ.
_LATIN: dict[str, tuple[str, ...]] = {
    "shch": ("щ",), "sch": ("щ", "сч"), "sh": ("ш",), "ch": ("ч",), "zh": ("ж",), "kh": ("х",),
    "ts": ("ц", "тс"), "tz": ("ц",), "yo": ("ё", "йо"), "jo": ("ё",), "yu": ("ю",), "ju": ("ю",),
    "iu": ("ю", "иу"), "ya": ("я",), "ja": ("я",), "ia": ("я", "ия", "иа"), "ye": ("ье", "е", "ые"),
    "je": ("е", "ье"), "yi": ("ьи", "ый"), "iy": ("ий", "ый"), "ij": ("ий", "ый"), "yy": ("ый",),
    "yj": ("ый",), "ii": ("ий",), "ck": ("к",), "a": ("а",), "b": ("б",), "c": ("ц", "к", "с"),
    "d": ("д",), "e": ("е", "э", "ё"), "f": ("ф",), "g": ("г",), "h": ("х",), "i": ("и", "й"),
    "j": ("й", "ж"), "k": ("к",), "l": ("л",), "m": ("м",), "n": ("н",), "o": ("о",), "p": ("п",),
    "q": ("к", "я"), "r": ("р",), "s": ("с",), "t": ("т",), "u": ("у",), "v": ("в",),
    "w": ("ш", "в"),
    "x": ("х", "кс"), "y": ("й", "ы"), "z": ("з",), "'": ("ь",), "4": ("ч",), "6": ("ш",),
}  # fmt: skip
_LATIN_PART = re.compile("|".join(sorted(map(re.escape, _LATIN), key=len, reverse=True)))
_CONSONANTS = "бвгджзклмнпрстфхцчшщ"
MAX_READINGS = 96


@dataclass(frozen=True, slots=True)
class Repaired:
    """`text` as meant; `lang` ru | en; `how`: "" | layout | translit."""

    text: str
    lang: str
    how: str = ""


def to_russian_keys(text: str) -> str:
    """The same keys on the Russian layout: "ghbdtn" → "привет"."""
    return text.translate(_TO_RU)


def to_latin_keys(text: str) -> str:
    """The same keys on the Latin layout: "руддщ" → "hello"."""
    return text.translate(_TO_EN)


def _is_english(word: str) -> bool:
    if word in ENGLISH:
        return True
    for ending, short in (
        ("'s", ""),
        ("s", ""),
        ("ed", ""),
        ("ed", "e"),
        ("ing", ""),
        ("ing", "e"),
    ):
        if word.endswith(ending) and word.removesuffix(ending) + short in ENGLISH:
            return True
    return False


@lru_cache(maxsize=8192)
def russian_readings(word: str) -> tuple[str, ...]:
    """A Latin word as Russian ones the dictionary knows, likeliest first."""
    if not word.isascii() or len(word) < 2:
        return ()
    parts = _LATIN_PART.findall(word)
    if sum(map(len, parts)) != len(word):
        return ()
    found: list[str] = []
    readings = product(*(_LATIN[part] for part in parts))
    for reading in islice(readings, MAX_READINGS):
        text = "".join(reading).replace("ё", "е")
        for candidate in _with_soft_signs(text):
            if candidate not in found and is_russian_word(candidate):
                found.append(candidate)
        if len(found) >= 3:
            break
    return tuple(found)


def _with_soft_signs(text: str) -> list[str]:
    """ "skolko" leaves out the ь of "сколько", "platie" that of "платье": try each place once."""
    made = []
    for at in range(1, len(text) + 1):
        if text[at - 1] in "лнтсзрдмпвбжшчщ" and (
            at == len(text) or text[at] in _CONSONANTS + "еюяи"
        ):
            made.append(f"{text[:at]}ь{text[at:]}")
    # At the end it is meant more often than not: "kupit" is "купить".
    last = [made.pop()] if made and made[-1].endswith(("ть", "щь", "чь")) else []
    return [*last, text, *made]


def plain_reading(word: str) -> str:
    """The likeliest Cyrillic spelling, known or not: names of goods are compared by sound."""
    return "".join(_LATIN[part][0] for part in _LATIN_PART.findall(word)).replace("ё", "е")


_SOUND = [
    (re.compile(p), by)
    for p, by in (
        (r"shch|sch|щ", "s"), (r"sh|ш", "s"), (r"ch|ч", "c"), (r"zh|ж", "j"), (r"kh|h|х", "h"),
        (r"ts|tz|ц", "c"), (r"ck|q|к", "k"), (r"x", "ks"), (r"ph|ф", "f"), (r"w|в", "v"),
        (r"[ьъ']", ""), (r"[yj](?=[aeou])|й(?=[аеоу])", "i"), (r"я", "ia"), (r"ю", "iu"),
        (r"ё|э|е|e", "e"), (r"й|ы|и|y|j(?![a-z])", "i"), (r"а", "a"), (r"б", "b"), (r"г", "g"),
        (r"д", "d"), (r"з", "z"), (r"л", "l"), (r"м", "m"), (r"н", "n"), (r"о", "o"), (r"п", "p"),
        (r"р", "r"), (r"с|c(?=[eiy])", "s"), (r"т", "t"), (r"у", "u"), (r"ee", "i"), (r"oo", "u"),
        (r"ie(?!\w)", "e"), (r"(.)\1+", r"\1"), (r"c", "k"),
    )
]  # fmt: skip


@lru_cache(maxsize=30_000)
def sound(word: str) -> str:
    """One rough key for a word however it is spelled in either alphabet: "тропа" and "tropa"."""
    for pattern, by in _SOUND:
        word = pattern.sub(by, word)
    return word


def repair(
    text: str,
    *,
    default: str = "ru",
    is_known: Callable[[str], bool] = lambda word: False,
    names: Collection[str] = (),
) -> Repaired:
    """Decide what was meant. `is_known(word)`: the merchant's own texts have this word."""
    folded = fold(text)
    written = re.findall(r"[^\W\d_]+(?:'[a-z]+)?", folded)
    latin = [word for word in written if not is_russian(word)]
    cyrillic = [word for word in written if is_russian(word)]
    if not written:
        return Repaired(text, default)
    if cyrillic and len(cyrillic) >= len(latin) and any(len(word) > 1 for word in cyrillic):
        return _from_cyrillic(text, cyrillic, latin, is_known)
    return _from_latin(text, folded, latin, cyrillic, is_known)


def _from_cyrillic(
    text: str, cyrillic: list[str], latin: list[str], is_known: Callable[[str], bool]
) -> Repaired:
    meant = to_latin_keys(text)
    unknown = [word for word in cyrillic if not is_russian_word(word) and not is_known(word)]
    if unknown and len(unknown) * 2 >= len(cyrillic):
        read = re.findall(r"[a-z]+(?:'[a-z]+)?", fold(meant))
        english = [word for word in read if _is_english(word) or (len(word) > 2 and is_known(word))]
        if english and len(english) * 2 >= len(read):
            return Repaired(meant, "en", "layout")
    return Repaired(text, "ru")


def _from_latin(
    text: str, folded: str, latin: list[str], cyrillic: list[str], is_known: Callable[[str], bool]
) -> Repaired:
    english = sum(1 for word in latin if _is_english(word))
    keyed = _on_russian_keys(text, is_known)
    if keyed is not None and english * 2 <= len(latin):
        return Repaired(keyed, "ru", "layout")
    if english * 3 >= len(latin) and english >= 1 and not _mostly_translit(latin):
        return Repaired(text, "en")
    read, hits, letters = _from_translit(text, is_known, is_mixed=any(len(w) > 2 for w in cyrillic))
    if hits and hits * 2 >= letters:
        return Repaired(read, "ru", "translit")
    if cyrillic:
        return Repaired(read if hits else text, "ru", "translit" if hits else "")
    return Repaired(text, "en")


def _mostly_translit(latin: list[str]) -> bool:
    """More words that are only Russian than words that are only English."""
    russian = sum(1 for w in latin if len(w) > 2 and not _is_english(w) and russian_readings(w))
    english = sum(1 for w in latin if len(w) > 2 and _is_english(w))
    return russian > english


def _looks_russian(latin: str, russian: str) -> bool:
    """Unreadable as Latin, readable as Russian: a word neither side's dictionary has."""
    vowels = sum(c in "aeiouy" for c in latin.lower())
    russian_vowels = sum(c in "аеиоуыэюя" for c in russian)
    return (
        len(russian) > 4
        and vowels * 5 <= len(latin)
        and len(russian) * 2 <= russian_vowels * 7 <= len(russian) * 5
    )


def _on_russian_keys(text: str, is_word: Callable[[str], bool]) -> str | None:
    """The text on the Russian layout when that makes it Russian; names in Latin stay Latin."""
    made, known, weight = [], 0, 0
    for chunk in re.split(r"(\s+)", text):
        if not chunk or chunk.isspace() or not re.search(r"[A-Za-z]", chunk):
            made.append(chunk)
            continue
        tail = ""
        body = chunk
        while len(body) > 1 and body[-1] in "?!.,/&":
            candidate = fold(to_russian_keys(body))
            if re.fullmatch(r"[а-я]+", candidate) and is_russian_word(candidate):
                break
            tail, body = body[-1] + tail, body[:-1]
        keyed = to_russian_keys(body)
        read = re.findall(r"[а-я]+", fold(keyed))
        whole = "".join(read) == fold(keyed).replace("-", "").replace(".", "").replace('"', "")
        good = (
            whole
            and read
            and not is_word(fold(body))
            and all(
                is_russian_word(word) or is_word(word) or _looks_russian(body, word)
                for word in read
            )
        )
        size = max(len(body) - 1, 1)
        weight += size
        if good:
            known += size
            made.append(keyed + tail.replace("&", "?").replace("/", "."))
        else:
            made.append(chunk)
    if known and known * 5 >= weight * 3:
        return "".join(made)
    return None


def _from_translit(
    text: str, is_known: Callable[[str], bool], *, is_mixed: bool
) -> tuple[str, int, int]:
    """Text with readable words as Russian; how many were, of how many that counted."""
    hits = letters = 0

    def read(match: re.Match[str]) -> str:
        nonlocal hits, letters
        word = fold(match.group())
        if len(word) < 2:
            return _SINGLE.get(word, match.group())
        readings = russian_readings(word)
        ours = next((r for r in readings if is_known(r)), None)
        if is_known(word) and (ours is None or is_mixed):
            return match.group()
        letters += 1
        if readings:
            hits += 1
            return ours or readings[0]
        return match.group()

    return re.sub(r"[A-Za-z][A-Za-z']*", read, text), hits, letters


_SINGLE = {"a": "а", "i": "и", "v": "в", "s": "с", "k": "к", "o": "о", "u": "у", "y": "у"}
