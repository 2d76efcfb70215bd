"""Personal data does not leave: it is replaced before the call and put back after.

A `Mask` lives as long as one call (or the rounds of one turn). The same value always gets the same
placeholder, `[PHONE_1]`; what the model writes back is restored exactly as it was masked. A text
that already looks like a placeholder is itself masked, so restoring what was masked gives the
original back, whatever the original was.

Found by pattern: phones, e-mails, bank cards (Luhn), passport and SNILS numbers, and, in the
buyer's own words, names after "меня зовут" and street addresses. Found because known: the
contact's names, phones, e-mails, addresses and, when asked for, order numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from os.path import commonprefix
from typing import Any

from bots.llm.base import ChatMessage, ModelMalformed, ToolCall

NOTE = (
    "Метки вида [PHONE_1] или [NAME_2] скрывают личные данные. "
    "Повторяй их в ответе и в аргументах функций без изменений, не придумывай новых."
    " / Marks such as [PHONE_1] stand for hidden personal data: repeat them unchanged, invent none."
)

KINDS = ("PHONE", "EMAIL", "CARD", "DOC", "NAME", "ADDRESS", "ORDER", "TEXT")
_KIND = "|".join(KINDS)
# What we write, and how models bend it: other case, spaces, markdown escapes on both brackets.
_PLACEHOLDER = re.compile(
    rf"\[\s?({_KIND})_(\d{{1,4}})\s?\]|\\\[\s?({_KIND})\\?_(\d{{1,4}})\s?\\\]", re.IGNORECASE
)
_LONGEST = 24

_EMAIL = re.compile(r"[\w.+\-]+@(?:[\w\-]+\.)+[^\W\d_]{2,}")
_DIGITS = re.compile(r"(?<![\d])\d(?:[  \-]?\d){12,40}(?!\d)")
_PHONE = re.compile(
    r"(?<![\w+])(?:"
    r"\+7(?:[\-  ().]{0,3}\d){10}(?!\d)"
    r"|\+\d(?:[\-  ().]{0,3}\d){9,14}"  # international, with a plus; a date may follow
    r"|[78][\-  ]?\(?\d{3}\)?(?:[\-  .]?\d){7}"  # Russian, 11 digits
    r"|\(?9\d{2}\)?(?:[\-  ]?\d){7}"  # Russian mobile without its prefix
    r")(?!\w)"
)
_SNILS = re.compile(r"(?<!\d)\d{3}-\d{3}-\d{3}[ -]\d{2}(?!\d)")
_PASSPORT = re.compile(r"паспорт[^\d\n]{0,20}(\d{2} ?\d{2} ?№? ?\d{6})(?!\d)", re.IGNORECASE)
# A run long enough for any of them; the patterns above look only there.
_RUN = re.compile(r"\d[\d\-  ().]{5,}\d")
_WORD = r"[А-ЯЁA-Z][а-яёa-z]+(?:-[А-ЯЁA-Z][а-яёa-z]+)?"
_INTRODUCED = re.compile(
    r"(?i:меня\s+зовут|зовут\s+меня|мо[её]\s+имя|на\s+имя|получатель:?|фио:?|my\s+name\s+is)"
    rf"\s+({_WORD}(?:\s+{_WORD}){{0,2}})"
)
_STREET = re.compile(
    r"(?i:(?:ул(?:\.|ица)|пр(?:оспект|-т|-кт)\.?|пер(?:\.|еулок)|б(?:ульвар|-р)\.?|ш(?:\.|оссе)"
    r"|наб(?:\.|ережная)|пл(?:\.|ощадь))\s*[\w\-.]+(?:\s+[\w\-.]+){0,2}?,?\s*"
    r"(?:д(?:\.|ом)?\s*)?\d+\s*[а-я]?(?:\s*/\s*\d+)?"
    r"(?:,?\s*(?:к(?:орп)?(?:\.|ус)?|стр\.?|строение)\s*\d+)?"
    r"(?:,?\s*(?:кв(?:\.|артира)?|оф(?:\.|ис)?)\s*\d+)?)"
)
_ENDINGS = "(?:а|я|о|ы|и|е|у|ю|й|ь|ой|ей|ою|ею|ом|ем|ём|ым|им|ию|ии|)"
_AS_ADJECTIVE = "(?:ий|ый|ой|ая|яя|ого|его|ому|ему|ым|им|ом|ем|ей|ую|юю|ых|их|ыми|ими|ие|ые)"
# Names that lose a vowel where they are declined.
_FLEETING = {"павел": "Павл", "лев": "Льв"}


@dataclass(frozen=True, slots=True)
class Known:
    """What we know of the contact. Orders are masked only when listed here."""

    names: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()


class Mask:
    """Placeholders of one call, both ways."""

    def __init__(self, known: Known | None = None) -> None:
        self._values: dict[tuple[str, int], str] = {}
        self._places: dict[tuple[str, str], str] = {}
        self._count: dict[str, int] = {}
        known = known or Known()
        self._known = _finders(known)
        for kind, values in (
            ("NAME", known.names),
            ("PHONE", known.phones),
            ("EMAIL", known.emails),
            ("ADDRESS", known.addresses),
            ("ORDER", known.orders),
        ):
            for value in values:
                if value.strip():
                    self._place(kind, value.strip())
        self._used = False

    @property
    def is_used(self) -> bool:
        """Whether anything was masked in a text."""
        return self._used

    def _place(self, kind: str, value: str) -> str:
        place = self._places.get((kind, value))
        if place is None:
            number = self._count[kind] = self._count.get(kind, 0) + 1
            place = self._places[kind, value] = f"[{kind}_{number}]"
            self._values[kind, number] = value
        return place

    # --- out ---
    def text(self, text: str, *, from_buyer: bool = False) -> str:
        """`text` with placeholders. `from_buyer` also looks for names and addresses by shape."""
        if not text:
            return text
        spans: list[tuple[int, int, str]] = []

        def claim(start: int, end: int, kind: str) -> None:
            if start < end and all(end <= s or start >= e for s, e, _ in spans):
                spans.append((start, end, kind))

        if "[" in text:
            for found in _PLACEHOLDER.finditer(text):
                claim(*found.span(), "TEXT")
        if "@" in text:
            for found in _EMAIL.finditer(text):
                claim(*found.span(), "EMAIL")
        runs = [found.span() for found in _RUN.finditer(text)]
        lower = text.lower().replace("ё", "е")
        if runs and "паспорт" in lower:
            for found in _PASSPORT.finditer(text):
                claim(*found.span(1), "DOC")
        for start, end in runs:
            # One more on either side: what stands next to a number decides what it is.
            begin, stop = max(0, start - 2), end + 1
            for found in _SNILS.finditer(text, begin, stop):
                claim(*found.span(), "DOC")
            for found in _DIGITS.finditer(text, begin, stop):
                for first, last in _cards(found.group()):
                    claim(found.start() + first, found.start() + last, "CARD")
            for found in _PHONE.finditer(text, begin, stop):
                if 10 <= _count_digits(found.group()) <= 15:
                    claim(*found.span(), "PHONE")
        for kind, needle, pattern in self._known:
            if needle in lower if needle else runs:
                for found in pattern.finditer(text):
                    is_name = kind != "NAME" or from_buyer or found.group()[:1].isupper()
                    if is_name:
                        claim(*found.span(), kind)
        if from_buyer:
            for found in _INTRODUCED.finditer(text):
                claim(*found.span(1), "NAME")
            for found in _STREET.finditer(text):
                claim(*found.span(), "ADDRESS")
        if not spans:
            return text
        self._used = True
        out, at = [], 0
        for start, end, kind in sorted(spans):
            out += [text[at:start], self._place(kind, text[start:end])]
            at = end
        return "".join([*out, text[at:]])

    def value(self, value: Any) -> Any:
        """A JSON value: strings masked, and numbers that are a phone or a card."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {k: self.value(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(v) for v in value]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**9:
            masked = self.text(str(value))
            return value if masked == str(value) else masked
        return value

    def message(self, message: ChatMessage) -> ChatMessage:
        if message.role == "tool":
            content = self._tool_result(message.content)
        else:
            content = self.text(message.content, from_buyer=message.role == "user")
        calls = tuple(replace(c, arguments=self.value(c.arguments)) for c in message.tool_calls)
        return replace(message, content=content, tool_calls=calls)

    def messages(self, messages: Iterable[ChatMessage]) -> tuple[ChatMessage, ...]:
        """All masked, with a note for the model when a placeholder is in them."""
        masked = tuple(self.message(m) for m in messages)
        return (*masked, ChatMessage("system", NOTE)) if self._used else masked

    def _tool_result(self, content: str) -> str:
        try:
            value = json.loads(content)
        except ValueError:
            return self.text(content)
        masked = self.value(value)
        return content if masked == value else json.dumps(masked, ensure_ascii=False)

    # --- back ---
    def restore(self, text: str) -> str:
        """Placeholders back to values. Raises ModelMalformed at one that was never given out."""
        return _PLACEHOLDER.sub(self._back, text)

    def _back(self, found: re.Match[str]) -> str:
        kind, number = found[1] or found[3], found[2] or found[4]
        value = self._values.get((kind.upper(), int(number)))
        if value is None:
            raise ModelMalformed("the model invented a placeholder")
        return value

    def restore_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.restore(value)
        if isinstance(value, Mapping):
            return {k: self.restore_value(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.restore_value(v) for v in value]
        return value

    def restore_call(self, call: ToolCall) -> ToolCall:
        return replace(call, arguments=self.restore_value(call.arguments))


class StreamRestorer:
    """Restores a text that comes in pieces; a placeholder may be cut anywhere.

    The pieces given out, joined, are what `Mask.restore` makes of the pieces taken in, joined.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = ""

    def feed(self, piece: str) -> str:
        text = self._held + piece
        cut = len(text)
        opened = max(text.rfind("[", max(0, cut - _LONGEST)), -1)
        if opened >= 0 and "]" not in text[opened:]:
            cut = opened
            if cut and text[cut - 1] == "\\":
                cut -= 1
        elif text.endswith("\\"):
            cut -= 1
        self._held = text[cut:]
        return self._mask.restore(text[:cut])

    def end(self) -> str:
        held, self._held = self._held, ""
        return self._mask.restore(held)


def _cards(run: str) -> Iterator[tuple[int, int]]:
    """Where bank cards are in a run of digit groups: other numbers may stand beside them."""
    groups = [m.span() for m in re.finditer(r"\d+", run)]
    windows = [
        (start, end)
        for first, (start, _) in enumerate(groups)
        for _, end in groups[first : first + 6]
    ]
    # The usual length first: by chance one number in ten passes the check.
    windows.sort(key=lambda w: _count_digits(run[w[0] : w[1]]) != 16)
    for start, end in windows:
        digits = [int(c) for c in run[start:end] if c.isdigit()]
        if 15 <= len(digits) <= 19 and 2 <= digits[0] <= 6 and _luhn(digits):
            yield start, end


def _count_digits(text: str) -> int:
    return sum(c.isdigit() for c in text)


def _luhn(digits: list[int]) -> bool:
    if len(set(digits)) < 2:
        return False
    doubled = [d * 2 - 9 * (d > 4) for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


# A kind, what must be in the lower-case text (empty: any long number), and where exactly.
_Finder = tuple[str, str, re.Pattern[str]]


@lru_cache(maxsize=512)
def _finders(known: Known) -> tuple[_Finder, ...]:
    found: list[_Finder] = []

    def add(kind: str, needle: str, pattern: str) -> None:
        needle = needle.lower().replace("ё", "е")
        found.append((kind, needle, re.compile(pattern, re.IGNORECASE)))

    for address in sorted(known.addresses, key=len, reverse=True):
        words = address.split()
        if len(address.strip()) >= 6:
            add("ADDRESS", words[0], r"\s+".join(map(_loose, words)))
    for phone in known.phones:
        digits = "".join(c for c in phone if c.isdigit())
        if len(digits) >= 7:
            add("PHONE", "", r"(?<!\d)\+?" + r"[\-  ().]*".join(digits) + r"(?!\d)")
    for email in known.emails:
        if "@" in email:
            add("EMAIL", email.strip(), r"(?<![\w.])" + _loose(email.strip()) + r"(?!\w)")
    for order in known.orders:
        if len(order.strip()) >= 3:
            add("ORDER", order.strip(), rf"(?<!\w){_loose(order.strip())}(?!\w)")
    parts: dict[str, None] = {}
    for name in sorted(known.names, key=len, reverse=True):
        words = [w for w in re.split(r"[\s,]+", name) if len(w.strip(".")) >= 2]
        parts |= dict.fromkeys(words)
        if len(words) > 1:
            whole = r"\s+".join(_inflected(w) for w in words)
            add("NAME", _needle(words[0]), rf"(?<!\w){whole}(?!\w)")
    for word in parts:
        add("NAME", _needle(word), rf"(?<!\w){_inflected(word)}(?!\w)")
    return tuple(found)


def _loose(text: str) -> str:
    """Exactly this text, with ё and е taken for one letter."""
    return re.sub("[её]", "[её]", re.escape(text), flags=re.IGNORECASE)


def _is_russian(word: str) -> bool:
    return bool(re.fullmatch(r"[а-яёА-ЯЁ\-]{3,}", word))


def _stems(word: str) -> list[str]:
    """What stays of a Russian name while its ending changes, the longest first."""
    if not _is_russian(word):
        return [word]
    if other := _FLEETING.get(word.lower()):
        return [word, other]
    found = [word[:-1] if word[-1].lower() in "аяйьыиое" else word]
    if len(word) >= 5 and word[-2:].lower() in ("ий", "ый", "ой", "ая", "яя"):
        found.append(word[:-2])  # declined as an adjective: Достоевский, Достоевского
    return found


def _needle(word: str) -> str:
    """What a text holds if it holds the name in any case."""
    stems = [stem.lower().replace("ё", "е") for stem in _stems(word.split("-")[0])]
    return commonprefix(stems)  # noqa: RUF071 - letters are meant, no paths


def _inflected(word: str) -> str:
    """A Russian name in any case: its stem and the endings names take. Others as they are."""
    if "-" in word.strip("-"):
        return "-".join(_inflected(part) for part in word.split("-"))
    if not _is_russian(word):
        return _loose(word)
    stem, *shorter = _stems(word)
    ways = [_loose(stem) + _ENDINGS]
    # A shorter stem is that of common words, too ("толстая"): there a capital tells.
    endings = _ENDINGS if word.lower() in _FLEETING else _AS_ADJECTIVE
    ways += [f"(?-i:(?=[А-ЯЁ])){_loose(other)}{endings}" for other in shorter]
    return f"(?:{'|'.join(ways)})"
