"""Numbers and order codes as people say them → as they are printed. Russian and English.

“заказ двенадцать тридцать четыре” is order 1234, while “сорок два сорок четыре” in a sentence are
two sizes: numbers said one after another become one only where a code is meant, that is after a
word such as “заказ”, as the whole utterance, or as single figures. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["zero", "unit", "teen", "tens", "hundreds", "hundred", "power"]
LONGEST = 20_000  # characters that are looked at


def _words(text: str) -> list[str]:
    return text.split()


@dataclass(frozen=True)
class _Word:
    kind: Kind
    value: int
    is_ordinal: bool = False


def _russian() -> dict[str, _Word]:
    words: dict[str, _Word] = {}

    def add(kind: Kind, value: int, *forms: str) -> None:
        for form in forms:
            words[form.replace("ё", "е")] = _Word(kind, value)

    add("zero", 0, "ноль", "нуль", "ноля", "нуля")
    add("unit", 1, *_words("один одна одно одного одной одному одну одним"))
    add("unit", 2, *["два", "две", "двух", "двум", "двумя"])
    add("unit", 3, *["три", "трех", "трем", "тремя"])
    add("unit", 4, *["четыре", "четырех", "четырем", "четырьмя"])
    for value, stem in ((5, "пят"), (6, "шест"), (7, "сем"), (9, "девят")):
        add("unit", value, stem + "ь", stem + "и", stem + "ью")
    add("unit", 8, "восемь", "восьми", "восемью")
    add("teen", 10, "десять", "десяти", "десятью")
    teens = _words("один две три четыр пят шест сем восем девят")
    for value, stem in enumerate(teens, start=11):
        add("teen", value, *(f"{stem}надцат{end}" for end in ("ь", "и", "ью")))
    for value, stem in ((20, "двадцат"), (30, "тридцат")):
        add("tens", value, stem + "ь", stem + "и", stem + "ью")
    add("tens", 40, "сорок", "сорока")
    for value, stem, of in ((50, "пят", "пяти"), (60, "шест", "шести"), (70, "сем", "семи")):
        add("tens", value, stem + "ьдесят", of + "десяти")
    add("tens", 80, "восемьдесят", "восьмидесяти")
    add("tens", 90, "девяносто", "девяноста")
    add("hundreds", 100, "сто", "ста")
    add("hundreds", 200, "двести", "двухсот")
    add("hundreds", 300, "триста", "трехсот")
    add("hundreds", 400, "четыреста", "четырехсот")
    for value, stem, of in ((500, "пять", "пяти"), (600, "шесть", "шести"), (700, "семь", "семи"),
                            (800, "восемь", "восьми"), (900, "девять", "девяти")):  # fmt: skip
        add("hundreds", value, stem + "сот", of + "сот")
    add("power", 1000, *_words("тысяча тысячи тысяч тысячу тысячей тыщ тыща тыщи"))
    add("power", 1_000_000, *["миллион", "миллиона", "миллионов"])
    ordinals: dict[str, tuple[Kind, int]] = {
        "перв": ("unit", 1), "втор": ("unit", 2), "трет": ("unit", 3), "четверт": ("unit", 4),
        "пят": ("unit", 5), "шест": ("unit", 6), "седьм": ("unit", 7), "восьм": ("unit", 8),
        "девят": ("unit", 9), "десят": ("teen", 10), "двадцат": ("tens", 20),
        "тридцат": ("tens", 30), "сороков": ("tens", 40), "пятидесят": ("tens", 50),
        "шестидесят": ("tens", 60), "семидесят": ("tens", 70), "восьмидесят": ("tens", 80),
        "девяност": ("tens", 90), "сот": ("hundreds", 100),
    }  # fmt: skip
    ordinals |= {f"{stem}надцат": ("teen", n) for n, stem in enumerate(teens, start=11)}
    ends = _words("ый ой ий ая ое ого ому ым ом ую ые ых ья ье ьего ьей ьему ью")
    for stem, (kind, value) in ordinals.items():
        for end in ends:
            words.setdefault(stem + end, _Word(kind, value, is_ordinal=True))
    return words


def _english() -> dict[str, _Word]:
    words = {"zero": _Word("zero", 0), "nought": _Word("zero", 0)}
    for value, word in enumerate(_words("one two three four five six seven eight nine"), start=1):
        words[word] = _Word("unit", value)
    teens = _words(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
    )
    for value, word in enumerate(teens, start=10):
        words[word] = _Word("teen", value)
    tens = _words("twenty thirty forty fifty sixty seventy eighty ninety")
    for value, word in enumerate(tens, start=2):
        words[word] = _Word("tens", value * 10)
    words["hundred"] = _Word("hundred", 100)
    words["thousand"] = _Word("power", 1000)
    words["million"] = _Word("power", 1_000_000)
    for value, word in enumerate(_words("first second third fourth fifth sixth"), start=1):
        words[word] = _Word("unit", value, is_ordinal=True)
    return words


_WORDS = {"ru": _russian(), "en": _english()}
_SIGNS = {
    "тире": "-", "дефис": "-", "минус": "-", "дробь": "/", "слэш": "/", "слеш": "/",
    "dash": "-", "hyphen": "-", "minus": "-", "slash": "/",
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3, "дважды": 2, "трижды": 3}
# Letters by the names they have when a code is dictated.
_LETTERS = {
    "ru": {
        **{one: one.upper() for one in "абвгдежзклмнопрстуфхцчшэюя"},
        "бэ": "Б", "вэ": "В", "гэ": "Г", "дэ": "Д", "жэ": "Ж", "зэ": "З", "ка": "К", "эль": "Л",
        "эл": "Л", "эм": "М", "эн": "Н", "пэ": "П", "эр": "Р", "эс": "С", "тэ": "Т", "эф": "Ф",
        "ха": "Х", "цэ": "Ц", "ча": "Ч", "ша": "Ш", "эй": "A", "би": "B", "си": "C", "ди": "D",
        "джи": "G", "эйч": "H", "ай": "I", "джей": "J", "кей": "K", "кью": "Q", "ар": "R",
        "ти": "T", "ви": "V", "дабл-ю": "W", "икс": "X", "игрек": "Y", "зет": "Z", "зед": "Z",
        **{one: one.upper() for one in "abcdefghijklmnopqrstuvwxyz"},
    },
    "en": {
        **{one: one.upper() for one in "abcdefghijklmnopqrstuvwxyz"},
        "bee": "B", "cee": "C", "dee": "D", "gee": "G", "jay": "J", "kay": "K", "ell": "L",
        "em": "M", "en": "N", "pee": "P", "cue": "Q", "queue": "Q", "ess": "S", "tee": "T",
        "vee": "V", "ex": "X", "zed": "Z", "zee": "Z",
        **{word: word[0].upper() for word in _words(
        "alpha alfa bravo charlie delta echo foxtrot hotel india juliet juliett kilo "
        "lima mike november oscar papa quebec romeo sierra tango uniform victor "
        "whiskey xray yankee zulu"
    )},
    },
}  # fmt: skip
_CODE_AHEAD = re.compile(
    r"^(?:заказ(?:а|у|ом|е|ы|ов)?|номер(?:а|у|ом|е)?|код(?:а|у|ом)?|трек(?:а|у|ом)?|"
    r"посылк(?:а|и|у|е|ой)|накладн(?:ая|ой|ую)|телефон(?:а|у|ом)?|артикул(?:а|у|ом)?|"
    r"отправлени[еяю]|order|number|code|tracking|parcel|package|phone|sku|article)$"
)
_BETWEEN = frozenset(_words("мой моего под за это is my the no вот"))
_FILLERS = frozenset(_words("вариант номер option number the one давай давайте please пожалуйста"))
_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:'[a-z]+)?")
_GAP = re.compile(r"^[ \t,\-–—]*$")
_GAP_OF_LETTERS = re.compile(r"^[ \t,.\-–—]*$")
_HALF = re.compile(r"^ (?:с половиной|and a half)\b")


@dataclass
class _Piece:
    text: str
    start: int
    end: int
    words: int = 1
    is_figure: bool = False  # said or written as a single figure
    is_spelled: bool = False  # a letter or a sign
    was_digits: bool = False
    is_small: bool = False  # one word below ten
    is_ordinal: bool = False


def digits(text: str, language: str) -> str:
    """The text with spoken numbers in figures; everything else is left as it was."""
    lang = "en" if language[:2] == "en" else "ru"
    head, tail = text[:LONGEST], text[LONGEST:]
    tokens = [
        (found.group().lower().replace("ё", "е"), found.start(), found.end())
        for found in _TOKEN.finditer(head)
    ]
    out, at, place = "", 0, 0
    while place < len(tokens):
        pieces, after = _run(head, tokens, place, lang)
        if not pieces:
            place += 1
            continue
        is_whole = all(t[0] in _FILLERS for t in [*tokens[:place], *tokens[after:]])
        said = _said(pieces, _is_code(tokens, place) or is_whole, is_whole, head, lang)
        if said is not None:
            if is_whole and len(pieces) == 1 and pieces[0].is_ordinal and len(said) < 3:
                return ("option " if lang == "en" else "вариант ") + said
            out += head[at : pieces[0].start] + said
            at = pieces[-1].end
            if half := _HALF.match(head[at:].lower()):
                out += ".5" if lang == "en" else ",5"
                at += half.end()
        place = after
    return out + head[at:] + tail


def _is_code(tokens: list[tuple[str, int, int]], place: int) -> bool:
    """Whether a word such as “заказ” stands right before."""
    for word, _, _ in reversed(tokens[max(0, place - 4) : place]):
        if _CODE_AHEAD.match(word):
            return True
        if word not in _BETWEEN:
            return False
    return False


def _run(
    text: str, tokens: list[tuple[str, int, int]], place: int, lang: str
) -> tuple[list[_Piece], int]:
    """Numbers said one after another from here, and the place of what follows them."""
    first, pieces = place, list[_Piece]()
    if _is_code(tokens, place) or place == 0:
        spelled, place = _letters(text, tokens, place, lang)
        follows = place < len(tokens) and _is_number(tokens[place][0], lang)
        if spelled and follows:
            pieces = spelled
        else:
            place = first
    numbers = 0
    while place < len(tokens):
        word, start, end = tokens[place]
        gap = text[pieces[-1].end : start] if pieces else ""
        is_after_letter = bool(pieces) and pieces[-1].is_spelled
        if not (_GAP_OF_LETTERS if is_after_letter else _GAP).match(gap):
            break
        if word in _SIGNS and pieces and place + 1 < len(tokens):
            if not _is_number(tokens[place + 1][0], lang):
                break
            pieces.append(_Piece(_SIGNS[word], start, end, is_spelled=True))
            place += 1
            continue
        if "," in gap and word.isdigit():
            break
        found = _number(text, tokens, place, lang, is_first=numbers == 0)
        if found is None:
            break
        piece, place = found
        pieces.append(piece)
        numbers += 1
        if piece.is_ordinal:
            break
    if not numbers:
        return [], first
    while pieces and pieces[-1].is_spelled:
        pieces.pop()
    return pieces, place


def _letters(
    text: str, tokens: list[tuple[str, int, int]], place: int, lang: str
) -> tuple[list[_Piece], int]:
    """Up to four letters of a code: “а бэ”, “A. B.”, “alpha bravo”; a dash may follow."""
    pieces: list[_Piece] = []
    while place < len(tokens) and len(pieces) < 4:
        word, start, end = tokens[place]
        letter = _SIGNS.get(word) if pieces else None
        letter = letter or _LETTERS[lang].get(word)
        if letter is None or (pieces and not _GAP_OF_LETTERS.match(text[pieces[-1].end : start])):
            break
        pieces.append(_Piece(letter, start, end, is_spelled=True))
        place += 1
    return pieces, place


def _is_number(word: str, lang: str) -> bool:
    known = _WORDS[lang].get(word)
    return (
        (known is not None and not known.is_ordinal)
        or (word.isascii() and word.isdigit())
        or word in _TIMES
        or (lang == "en" and word in ("oh", "o"))
    )


def _number(
    text: str, tokens: list[tuple[str, int, int]], place: int, lang: str, *, is_first: bool
) -> tuple[_Piece, int] | None:
    """One number from here: its words are taken as long as they belong together."""
    word, start, end = tokens[place]
    words = _WORDS[lang]
    if word in _TIMES and place + 1 < len(tokens):
        figure = tokens[place + 1]
        known = words.get(figure[0])
        value = (
            "0" if figure[0] in ("oh", "o") else figure[0] if figure[0].isdigit() else
            str(known.value) if known and known.value < 10 else ""
        )  # fmt: skip
        if len(value) == 1 and _GAP.match(text[end : figure[1]]):
            return _Piece(value * _TIMES[word], start, figure[2], words=2), place + 2
    follows = place + 1 < len(tokens) and _is_number(tokens[place + 1][0], lang)
    is_nought = not is_first or (follows and (place == 0 or _is_code(tokens, place)))
    if word in ("oh", "o") and lang == "en" and is_nought:
        return _Piece("0", start, end, is_figure=True), place + 1
    if word.isascii() and word.isdigit():
        return _digits_written(text, tokens, place, words)
    known = words.get(word)
    if known is None:
        return None
    total, part, room = 0, 0, 1_000_000_000
    begun, is_ordinal = place, False
    while place < len(tokens):
        word, start, _ = tokens[place]
        if place > begun and not re.match(r"^(?:[ \t]+|-)$", text[tokens[place - 1][2] : start]):
            break
        known = words.get(word)
        if known is None:
            is_and = lang == "en" and word == "and" and part > 0 and part % 100 == 0
            nxt = words.get(tokens[place + 1][0]) if place + 1 < len(tokens) else None
            if is_and and nxt and nxt.kind in ("unit", "teen", "tens"):
                place += 1
                continue
            break
        step = _add(known, total, part, room, is_first=place == begun)
        if step is None:
            break
        total, part, room = step
        place += 1
        if known.is_ordinal or known.kind == "zero":
            is_ordinal = known.is_ordinal
            break
    if place == begun:
        return None
    amount = total + part
    count = place - begun
    only = words[tokens[begun][0]]
    if count == 1 and only.kind in ("power", "hundred"):
        return None
    return _Piece(
        str(amount),
        tokens[begun][1],
        tokens[place - 1][2],
        words=count,
        is_figure=count == 1 and amount < 10,
        is_small=count == 1 and amount < 10,
        is_ordinal=is_ordinal,
    ), place


def _digits_written(
    text: str, tokens: list[tuple[str, int, int]], place: int, words: dict[str, _Word]
) -> tuple[_Piece, int]:
    """Figures of the recogniser; “5 тысяч” is 5000."""
    word, start, end = tokens[place]
    if place + 1 < len(tokens):
        power = words.get(tokens[place + 1][0])
        near = text[end : tokens[place + 1][1]] == " "
        if power and power.kind == "power" and near and len(word) < 4:
            said = str(int(word) * power.value)
            return _Piece(said, start, tokens[place + 1][2], words=2), place + 2
    return _Piece(word, start, end, is_figure=len(word) == 1, was_digits=True), place + 1


def _add(
    word: _Word, total: int, part: int, room: int, *, is_first: bool
) -> tuple[int, int, int] | None:
    """The number with one more word; None where that begins another. `room`: what still fits
    has to be below it."""
    match word.kind:
        case "zero":
            return (0, 0, 0) if is_first else None
        case "unit" | "teen" | "tens" | "hundreds":
            if word.value >= room:
                return None
            below = {"unit": 0, "teen": 0, "tens": 10, "hundreds": 100}[word.kind]
            return total, part + word.value, below
        case "hundred":
            if not 0 < part < 100 or room == 100:
                return None
            return total, part * 100, 100
        case "power":
            if part == 0 and not is_first:
                return None
            if total and total % (word.value * 1000):
                return None
            return total + max(part, 1) * word.value, 0, word.value
    return None


def _said(pieces: list[_Piece], is_code: bool, is_whole: bool, text: str, lang: str) -> str | None:
    """What stands in the text instead; None where it is left as it was said."""
    numbers = [piece for piece in pieces if not piece.is_spelled]
    spelled = len(numbers) < len(pieces)
    figures = len(numbers) >= 3 and all(piece.is_figure for piece in numbers)
    if is_code and (len(pieces) > 1 or spelled):
        return "".join(piece.text for piece in pieces)
    if figures or _is_phone(numbers):
        return "".join(piece.text for piece in numbers)
    if all(piece.was_digits for piece in numbers):
        return None
    if len(numbers) == 1:
        (only,) = numbers
        if only.is_small and not (is_code or is_whole):
            return None
        if only.is_ordinal and only.words == 1 and lang == "en" and not is_whole:
            return None
        return only.text
    out, at = "", pieces[0].start
    for piece in pieces:
        out += text[at : piece.start] + piece.text
        at = piece.end
    return out


def _is_phone(numbers: list[_Piece]) -> bool:
    """“8 916 123 45 67”, however it was said."""
    said = "".join(piece.text for piece in numbers)
    return len(numbers) > 2 and (
        (len(said) == 11 and said[0] in "78") or (len(said) == 10 and said[0] == "9")
    )
