"""The words of one merchant's texts: how common each is, and which one a misspelt word means.

Kept packed in one row (KnowledgeIndex) and unpacked once a process and version.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile
from math import log
from typing import Any

from pydantic_core import to_json
from rapidfuzz import process
from rapidfuzz.distance import OSA

from bots.models import KnowledgeIndex, Synonym
from bots.retrieval.glossary import Glossary
from bots.retrieval.morphology import analyse, is_russian, is_russian_word
from bots.retrieval.repair import ENGLISH, sound
from tenants.kernel.context import current_schema

FORMS_A_LEMMA = 6
MAX_WORDS_IN_MEMORY = 600_000


@dataclass
class Words:
    """The packed contents: {lemma: [articles' passages, products with it, *forms as written]}."""

    lemmas: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def unpack(cls, data: bytes) -> Words:
        if not data:
            return cls()
        return cls(json.loads(zlib.decompress(bytes(data))))

    def pack(self) -> bytes:
        return zlib.compress(to_json(self.lemmas), 1)  # a third of what json.dumps takes

    def change(
        self,
        kind: str,
        *,
        gone: Counter[str],
        come: Counter[str],
        forms: Mapping[str, Iterable[str]],
    ) -> None:
        for lemma in dict.fromkeys((*gone, *come)):
            in_a, in_p, *known = self.lemmas.get(lemma, (0, 0))
            delta = come[lemma] - gone[lemma]
            in_a, in_p = (in_a + delta, in_p) if kind == "article" else (in_a, in_p + delta)
            in_a, in_p = max(in_a, 0), max(in_p, 0)
            if not in_a + in_p:
                self.lemmas.pop(lemma, None)
                continue
            fresh = [form for form in forms.get(lemma, ()) if form not in known]
            self.lemmas[lemma] = [in_a, in_p, *[*known, *fresh][:FORMS_A_LEMMA]]


class Vocabulary:
    """One version of a merchant's words, unpacked. Never changed after it is made."""

    def __init__(self, version: int, passages: int, words: Words, glossary: Glossary) -> None:
        self.version = version
        self.passages = passages
        self.glossary = glossary
        self._count = {lemma: in_a + in_p for lemma, (in_a, in_p, *_) in words.lemmas.items()}
        self._articles = {lemma: in_a for lemma, (in_a, *_) in words.lemmas.items() if in_a}
        self._size = {
            "article": self._articles.get("=a", 0),
            "product": self._count.get("=p", 0),
        }
        self._lemma_of: dict[str, str] = {}
        for lemma, (_, _, *forms) in words.lemmas.items():
            for form in forms:
                self._lemma_of.setdefault(form, lemma)
        for lemma in self._count:
            if lemma.isalpha():
                self._lemma_of.setdefault(lemma, lemma)
        self._sorted = sorted(lemma for lemma in self._count if lemma.isalpha())
        self._by_length: dict[int, list[str]] = {}
        for form in self._lemma_of:
            if len(form) > 2 and form.isalpha():
                self._by_length.setdefault(len(form), []).append(form)
        self._sounds: dict[str, list[str]] | None = None
        self._foreign: list[str] | None = None
        self._meant: dict[int, list[str]] | None = None
        self._corrections: dict[str, str | None] = {}
        # Questions read with these words (bots.retrieval.query.understand).
        self.questions: dict[tuple[str, str], Any] = {}

    def __len__(self) -> int:
        return len(self._lemma_of)

    def count(self, lemma: str) -> int:
        return self._count.get(lemma, 0)

    def in_products(self, lemma: str) -> int:
        return self._count.get(lemma, 0) - self._articles.get(lemma, 0)

    def in_articles(self, lemma: str) -> int:
        return self._articles.get(lemma, 0)

    def has(self, word: str) -> bool:
        """A word in any form the texts have it in, or its lemma."""
        return word in self._lemma_of or any(form in self._count for form in analyse(word).lemmas)

    def rarity(self, lemma: str, kind: str = "product") -> float:
        """0…1 among passages of a kind: a word all of them have to one that a single one has.

        A word of the other kind only, or of none, is the rarest.
        """
        size = self._size[kind]
        in_articles = self._articles.get(lemma, 0)
        count = in_articles if kind == "article" else self._count.get(lemma, 0) - in_articles
        if not count or not size:
            return 1.0
        top = log(1 + size / 0.75)
        return min(max(log(1 + (size - count + 0.5) / (count + 0.5)) / top, 0.0), 1.0)

    def kin(self, lemma: str, limit: int = 6) -> list[str]:
        """Words of the same root by their beginning: "отменить" finds "отмена"."""
        if len(lemma) < 5 or any(c.isdigit() for c in lemma):
            return []
        stem = lemma[: max(4, round(len(lemma) * 0.6))]
        found = []
        at = bisect_left(self._sorted, stem)
        while at < len(self._sorted) and self._sorted[at].startswith(stem):
            word = self._sorted[at]
            if word != lemma and _is_kin(word, lemma):
                found.append(word)
            at += 1
            if len(found) > 24:
                break
        return sorted(found, key=lambda word: -self._count[word])[:limit]

    def correct(self, word: str) -> list[str]:
        """The word or words of the texts that were meant; nothing when the word is fine."""
        if len(word) < 3 or any(c.isdigit() for c in word) or self.has(word):
            return []
        if (analyse(word).lemma,) in self.glossary:
            return []
        if word not in self._corrections:
            if len(self._corrections) > 4096:
                self._corrections.clear()
            self._corrections[word] = self._nearest(word)
        found = self._corrections[word]
        return found.split() if found else []

    def _nearest(self, word: str) -> str | None:
        heard = sound(word)
        alike = self._by_sound().get(heard) if len(heard) >= 3 else None
        if not _odd(word):
            return None
        if alike:
            return alike[0]
        if whole := self._cut_short(word):
            return whole
        if two := self._two(word):
            return two
        far = 1 if len(word) <= 5 else 2 if len(word) <= 10 else 3
        best: tuple[float, str] | None = None
        for choices in self._near(word, far):
            for form, distance, _ in process.extract(
                word, choices, scorer=OSA.distance, score_cutoff=far, limit=8
            ):
                if word.isascii() and (len(word) < 5 or form[0] != word[0]):
                    continue  # English words lie close: "weather" is no "leather"
                price = distance / max(len(word), len(form))
                price += _first_letters(word[0], form[0])
                price -= 0.01 * min(log(1 + self.count(self._lemma_of.get(form, form))), 8)
                if best is None or price < best[0]:
                    best = (price, form)
        if best and best[0] <= 0.3:
            return best[1]
        stem = analyse(word).lemma
        if stem != word and len(stem) > 3:  # an ending the texts do not have: "курером"
            for choices in self._near(stem, 1):
                found = process.extractOne(stem, choices, scorer=OSA.distance, score_cutoff=1)
                if found and found[0][0] == stem[0]:
                    return str(found[0])
        if len(word) >= 5 and (heard := self._heard(word)):  # type: ignore[assignment]
            return heard
        return None

    def sounds_like(self, word: str) -> list[str]:
        """Lemmas of the other alphabet that sound the same: "макс" and "max"."""
        heard = sound(word)
        if len(heard) < 3:
            return []
        forms = self._by_sound().get(heard, ())
        return [self._lemma_of[f] for f in forms if is_russian(f) != is_russian(word)][:3]

    def nearly_sounds_like(self, word: str) -> list[str]:
        """A misspelt name of the other alphabet: "бадс" and "buds"."""
        heard = sound(word)
        if len(heard) < 4 or not is_russian(word):
            return []
        if self._foreign is None:
            self._foreign = [key for key, forms in self._by_sound().items() if forms[0].isascii()]
        found = process.extract(heard, self._foreign, scorer=OSA.distance, score_cutoff=1, limit=3)
        return [
            self._lemma_of[form]
            for key, _, _ in found
            if key[0] == heard[0]
            for form in self._by_sound()[key][:1]
        ]

    def slips(self, word: str) -> list[str]:
        """Lemmas one missing or doubled letter away from a real word the texts do not have."""
        if len(word) < 5 or not word.isalpha():
            return []
        found = []
        for length in (len(word) - 1, len(word) + 1):
            for form, _, _ in process.extract(
                word, self._by_length.get(length, ()), scorer=OSA.distance, score_cutoff=1, limit=3
            ):
                if form[0] == word[0]:
                    found.append(self._lemma_of[form])
        return found

    def _near(self, word: str, far: int) -> Iterable[list[str]]:
        for length in range(len(word) - far, len(word) + far + 1):
            yield self._by_length.get(length, [])
            yield _COMMON_BY_LENGTH.get(length, [])
            yield self._synonyms().get(length, [])

    def _cut_short(self, word: str) -> str | None:
        """ "корич" is "коричневый": the beginning of one word of the texts, and of no other."""
        if len(word) < 4 or not is_russian(word):
            return None
        at = bisect_left(self._sorted, word)
        begun = list(
            islice(takewhile(lambda w: w.startswith(word), islice(self._sorted, at, None)), 5)
        ) or self._forms_begun(word)
        if (
            not begun
            or len(begun) > 4
            or any(not w.startswith(begun[0][: len(word) + 1]) for w in begun)
        ):
            return None
        return max(begun, key=lambda w: self._count[w])

    def _forms_begun(self, word: str) -> list[str]:
        """ "зауж" begins "зауженные", which the dictionary has under another beginning."""
        longer = range(len(word) + 2, len(word) + 7)
        found = (f for n in longer for f in self._by_length.get(n, ()) if f.startswith(word))
        return sorted({self._lemma_of[form] for form in islice(found, 5)})

    def _heard(self, word: str) -> str | None:
        key = sound(word)
        found = process.extractOne(
            key, list(self._by_sound()), scorer=OSA.distance, score_cutoff=1 if len(key) < 8 else 2
        )
        return self._by_sound()[found[0]][0] if found and found[0][:1] == key[:1] else None

    def _two(self, word: str) -> str | None:
        """ "кроссбоди" is "кросс боди"."""
        if len(word) < 7:
            return None
        for at in range(3, len(word) - 2):
            left, right = word[:at], word[at:]
            if left in self._lemma_of and right in self._lemma_of:
                return f"{left} {right}"
        return None

    def _synonyms(self) -> dict[int, list[str]]:
        """Words of the glossary that stand for a word of the texts: "питр" is "питер"."""
        if self._meant is None:
            meant: dict[int, list[str]] = {}
            for word in self.glossary.words():
                if len(word) > 3 and is_russian(word) and word.isalpha():
                    meanings = self.glossary.meanings((word,))
                    if any(self._count.get(key[0]) for key in meanings):
                        meant.setdefault(len(word), []).append(word)
            self._meant = meant
        return self._meant

    def _by_sound(self) -> dict[str, list[str]]:
        if self._sounds is None:
            sounds: dict[str, list[str]] = {}
            for form in self._lemma_of:
                if len(form) > 2 and form.isalpha():
                    sounds.setdefault(sound(form), []).append(form)
            self._sounds = sounds
        return self._sounds


_SWAPPED = ("ао", "ие", "еэ", "ыи", "юу", "яа", "ei", "cs", "ck", "iy")


def _first_letters(one: str, other: str) -> float:
    """A wrong first letter is rare, unless the two sound alike."""
    if one == other:
        return 0.0
    return 0.05 if "".join(sorted((one, other))) in {"".join(sorted(p)) for p in _SWAPPED} else 0.12


# "горчица", "горчичный": the end of a root changes before an ending.
_CHANGING = frozenset({"цч", "чц", "кч", "чк", "гж", "жг", "хш", "шх"})


def _is_kin(one: str, other: str) -> bool:
    if one.isascii():  # English stems: "friday" is no kin of "fridg"
        return one.startswith(other) or other.startswith(one)
    common = next(
        (
            at
            for at, (a, b) in enumerate(zip(one, other, strict=False))
            if a != b and a + b not in _CHANGING
        ),
        min(len(one), len(other)),
    )
    shorter, longer = sorted((len(one), len(other)))
    return longer - shorter <= 4 and common >= 4 and common * 4 >= shorter * 3


def _odd(word: str) -> bool:
    """No dictionary has it, so it may be misspelt."""
    return not (is_russian_word(word) if is_russian(word) else word in ENGLISH)


# What buyers write whether or not the texts have it: misspelt, it is still understood.
COMMON = """
сколько стоит стоимость цена цену доставка доставку доставки доставить привезете возврат вернуть
обмен размер размеры наличие наличии оплата оплатить купить заказ заказа заказать оператор
оператора человек человека менеджер менеджера консультант скольки позовите соедините подскажите
здравствуйте привет спасибо пожалуйста работаете открыто адрес магазин магазина телефон скидка
скидки промокод гарантия гарантию сравнить отличается разница какой какая какие когда где почему
можно есть цвет цвета бесплатно курьер самовывоз примерка сертификат рассрочка
delivery shipping price return refund exchange warranty order operator human person address
discount available payment size colour color please between difference compare
""".split()  # noqa: SIM905
_COMMON_BY_LENGTH: dict[int, list[str]] = {}
for _word in COMMON:
    _COMMON_BY_LENGTH.setdefault(len(_word), []).append(_word)


# ── One process' memory of merchants ─────────────────────────────────────────────────────────
_kept: OrderedDict[str, Vocabulary] = OrderedDict()
_looked: dict[str, float] = {}
LOOK_EVERY_S = 0.5
_lock = threading.Lock()


def vocabulary() -> Vocabulary:
    """The current merchant's words; read again only when the index has changed."""
    schema = current_schema()
    with _lock:
        kept = _kept.get(schema)
        looked = _looked.get(schema)
        if kept is not None and looked is not None and time.monotonic() - looked < LOOK_EVERY_S:
            _kept.move_to_end(schema)
            return kept
    version = KnowledgeIndex.objects.values_list("version", flat=True).first() or 0
    with _lock:
        kept = _kept.get(schema)
        if kept is not None and kept.version == version:
            _kept.move_to_end(schema)
            _looked[schema] = time.monotonic()
            return kept
    made = load()
    with _lock:
        _kept[schema] = made
        _looked[schema] = time.monotonic()
        _kept.move_to_end(schema)
        while len(_kept) > 1 and sum(map(len, _kept.values())) > MAX_WORDS_IN_MEMORY:
            _looked.pop(_kept.popitem(last=False)[0], None)
    return made


def changed() -> None:
    """This process changed the index: look again at once. Others do within LOOK_EVERY_S."""
    with _lock:
        _looked.pop(current_schema(), None)


def load() -> Vocabulary:
    row = KnowledgeIndex.objects.first()
    rows = [
        [word.strip() for word in words.replace(";", ",").replace("=", ",").split(",")]
        for words in Synonym.objects.values_list("words", flat=True)
    ]
    glossary = Glossary([*_built_in_groups(), *rows]) if rows else _built_in()
    if row is None:
        return Vocabulary(0, 0, Words(), glossary)
    return Vocabulary(row.version, row.passages, Words.unpack(row.words), glossary)  # type: ignore[arg-type]


def _built_in() -> Glossary:
    from bots.retrieval.glossary import built_in

    return built_in()


def _built_in_groups() -> list[list[str]]:
    from bots.retrieval.glossary import GROUPS

    return [line.split(", ") for line in GROUPS.split("\n") if line.strip()]
