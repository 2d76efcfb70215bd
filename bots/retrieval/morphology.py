"""Words as lemmas: a dictionary for Russian, stems for English and for what it does not know.

The dictionary is loaded at the first Russian word of a process (about 25 MB) and shared by its
threads.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import snowballstemmer

_lock = threading.Lock()
_analyzer: Any = None
_russian = snowballstemmer.stemmer("russian")
_english = snowballstemmer.stemmer("english")

LETTERS = frozenset("абвгдежзийклмнопрстуфхцчшщъыьэюя")
# Words that pymorphy reads as something rarer than a shop's buyer means.
_FIXED = {
    "есть": ("быть", "VERB"),
    **dict.fromkeys(("велик", "велика", "велико", "велики"), ("великоватый", "ADJS")),
    **dict.fromkeys(("мала", "малы"), ("маловатый", "ADJS")),
    "ест": ("быть", "VERB"),  # nobody eats in a shop
    "стоят": ("стоить", "VERB"),
    "стоит": ("стоить", "VERB"),
    "мой": ("мой", "ADJF"),
    "моя": ("мой", "ADJF"),
    "мою": ("мой", "ADJF"),
    "мое": ("мой", "ADJF"),
    "моего": ("мой", "ADJF"),
    "моем": ("мой", "ADJF"),
    "моей": ("мой", "ADJF"),
    "мне": ("я", "NPRO"),
    "при": ("при", "PREP"),
    "для": ("для", "PREP"),
    "три": ("три", "NUMR"),
    "оплата": ("оплата", "NOUN"),
    "почем": ("почем", "ADVB"),
    "скольки": ("сколько", "ADVB"),
    "берете": ("брать", "VERB"),
    "кеды": ("кед", "NOUN"),
    "кед": ("кед", "NOUN"),
    "боди": ("боди", "NOUN"),
    "худи": ("худи", "NOUN"),
    "поло": ("поло", "NOUN"),
    "часы": ("час", "NOUN"),
}


@dataclass(frozen=True, slots=True)
class Word:
    """`lemmas`: likely dictionary forms, best first. `pos` is pymorphy's; LATN, NUMB, UNKN."""

    lemmas: tuple[str, ...]
    pos: str
    is_known: bool
    is_place: bool = False

    @property
    def lemma(self) -> str:
        return self.lemmas[0]


def _morph() -> Any:
    global _analyzer
    if _analyzer is None:
        with _lock:
            if _analyzer is None:
                import pymorphy3

                logging.getLogger("pymorphy3").setLevel(logging.WARNING)

                _analyzer = pymorphy3.MorphAnalyzer()
    return _analyzer


def is_russian(word: str) -> bool:
    return any(c in LETTERS for c in word)


def is_russian_word(word: str) -> bool:
    """The dictionary has it (folded: ё as е)."""
    return word in _FIXED or bool(_morph().word_is_known(word))


@lru_cache(maxsize=30_000)
def analyse(word: str) -> Word:
    """One folded word. Thread-safe: a stemmer works on its own state, so it is guarded."""
    if any(c.isdigit() for c in word):
        return Word((word,), "NUMB", True)
    if not is_russian(word):
        return Word((_stem(_english, word.removesuffix("'s")),), "LATN", False)
    if fixed := _FIXED.get(word):
        return Word((fixed[0],), fixed[1], True)
    parses = _morph().parse(word)
    if not is_russian_word(word):
        stem = _stem(_russian, word)
        pos = str(parses[0].tag.POS or "UNKN") if parses else "UNKN"
        return Word((stem,), pos, False)
    lemmas: list[str] = []
    for parse in parses:
        form = parse.normal_form.replace("ё", "е")
        if form not in lemmas and (not lemmas or parse.score >= 0.15):
            lemmas.append(form)
    tag = parses[0].tag
    pos = str(tag.POS or "UNKN")
    if "Apro" in tag:  # "который", "всякий": pronouns in all but form
        pos = "NPRO"
    if pos == "NOUN" and parses[0].score < 0.7:
        # "примете" is rather a deed than an omen: when in doubt it weighs less.
        pos = next((str(p.tag.POS) for p in parses if p.tag.POS == "VERB" and p.score >= 0.2), pos)
    return Word(tuple(lemmas[:3]), pos, True, "Geox" in tag)


def _stem(stemmer: Any, word: str) -> str:
    with _lock:
        return str(stemmer.stemWord(word))


def lemma(word: str) -> str:
    return analyse(word).lemma


@lru_cache(maxsize=4096)
def is_person_name(word: str) -> bool:
    """A given name, patronymic or surname, where the dictionary is sure of it."""
    if not is_russian(word) or not is_russian_word(word):
        return False
    best = _morph().parse(word)[0]
    return best.score >= 0.5 and bool({"Name", "Surn", "Patr"} & set(best.tag.grammemes))
