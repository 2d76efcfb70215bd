"""Which of a shop's matters a question is about, and which an article is: returns, delivery, care…

Learnt when a process starts from `matters.txt`, where each matter has titles as shops write them
and wordings as buyers do, in both languages. They are of no shop and copied from no evaluation
case. A word counts by how often it is said of each matter (naive Bayes), so that a question is
understood by words no text of the merchant has: "какие номиналы?" asks about gift cards.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log, sqrt
from pathlib import Path

from bots.retrieval.aspect import other_aspect
from bots.retrieval.glossary import GROUPS, broader, lemma_key, place_keys
from bots.retrieval.morphology import analyse
from bots.retrieval.text import tokens, words

WORDINGS = Path(__file__).with_name("matters.txt")

# Weight of the belief that a word may be said of any matter, in wordings.
DOUBT = 2.5
# Words of one question lean on each other; taken as independent they would be too sure.
TEMPERATURE = 2.0
LEANT_ON = 0.25  # weight of what was said before
TELLING = 0.7  # evidence of a word, from where on it is said of a matter
ITS_OWN = 0.6  # share of a matter, from where on a title is of it
NEAR_TITLE = 0.35  # below this a title is of no matter that is known
_MUTE = frozenset({"PREP", "CONJ", "PRCL", "NPRO", "INTJ"})
_TELLING = words("не без назад себя кто нельзя")
_ENGLISH_MUTE = words("""
a an the i me my we our us you your he she it its they them this that these those is am are was
were be been do doe did have has had can could would should will shall may might must of and or but
please pleas to in on at for by with
""")
NUMBER, TOWN, ABROAD, SOME_GOODS = "#", "@town", "@abroad", "@goods"
GOODS = frozenset({"одежда", "обувь", "cloth", "shoe"})
_SOME_COUNTRY = ("заграница",)


@dataclass(frozen=True, slots=True)
class Wordings:
    """`evidence`: word → how much it speaks for each matter (logarithms, in `names`' order)."""

    names: tuple[str, ...]
    evidence: dict[str, array[float]]
    weight: dict[str, float]  # of a word in comparing titles
    said: list[tuple[int, float]]  # each wording: its matter and its length
    has: dict[str, list[int]]  # word → wordings


def kinship(text: str, title: str, before: str = "") -> float:
    """How likely it is that an article of this title is about what was asked, 0…1.

    `before`: what the question leans on; its words tell less.
    """
    asked = asked_about(text, before)
    return max((asked[at] * share for at, share in told_by(title)), default=0.0)


def is_said_of(lemmas: Iterable[str], title: str) -> bool:
    """Do buyers say one of these words of what an article of this title is about?"""
    known, heads = wordings(), _heads()
    matters = [at for at, share in told_by(title) if share > ITS_OWN]
    said = _known(tuple(heads.get(lemma, lemma) for lemma in lemmas), known)
    speaks = [known.evidence.get(one) for one in said]
    return any(one[at] > TELLING for one in speaks if one for at in matters)


@lru_cache(maxsize=512)
def asked_about(text: str, before: str = "") -> tuple[float, ...]:
    """The share of each matter in a question."""
    known = wordings()
    sums = [0.0] * len(known.names)
    now = _known(telling_words(text), known)
    told = [(word, 1.0) for word in now]
    told += [(word, LEANT_ON) for word in _known(telling_words(before), known) if word not in now]
    for word, share in told:
        if speaks := known.evidence.get(word):
            sums = [a + share * b for a, b in zip(sums, speaks, strict=True)]
    most = max(sums)
    likely = [exp((one - most) / TEMPERATURE) for one in sums]
    total = sum(likely)
    return tuple(one / total for one in likely)


@lru_cache(maxsize=4096)
def told_by(title: str) -> tuple[tuple[int, float], ...]:
    """(matter, share) for those that an article of this title may be of."""
    known = wordings()
    named = telling_words(title)
    size = sqrt(sum(known.weight.get(word, 1.0) ** 2 for word in named)) or 1.0
    common: dict[int, float] = defaultdict(float)
    for word in named:
        for at in known.has.get(word, ()):
            common[at] += known.weight[word] ** 2
    near: dict[int, list[float]] = defaultdict(list)
    for at, value in common.items():
        matter, length = known.said[at]
        near[matter].append(value / (size * length))
    best = {
        matter: 0.6 * max(values) + 0.4 * sum(sorted(values)[-3:]) / 3
        for matter, values in near.items()
    }
    most = max(best.values(), default=0.0)
    if most < NEAR_TITLE:
        return ()
    return tuple((matter, (value / most) ** 3) for matter, value in best.items())


@lru_cache(maxsize=1)
def wordings() -> Wordings:
    read: list[tuple[int, tuple[str, ...]]] = []
    names: list[str] = []
    for block in WORDINGS.read_text("utf-8").split("# ")[1:]:
        head, _, rest = block.partition("\n")
        name, _, titles = head.partition(": ")
        for said in [*titles.split(";"), *rest.replace("\n", " ").split(" / ")]:
            if found := telling_words(said.strip(" /")):
                read.append((len(names), found))
        names.append(name)
    return _learnt(tuple(names), read)


def _learnt(names: tuple[str, ...], read: list[tuple[int, tuple[str, ...]]]) -> Wordings:
    matters, whole = range(len(names)), len(read)
    of_matter = Counter(matter for matter, _ in read)
    times: dict[str, Counter[int]] = defaultdict(Counter)
    has: dict[str, list[int]] = defaultdict(list)
    for at, (matter, found) in enumerate(read):
        for word in found:
            times[word][matter] += 1
            has[word].append(at)
    evidence, weight = {}, {}
    for word, count in times.items():
        total = sum(count.values())
        share = total / whole
        speaks = [(count[m] + DOUBT * share) / (of_matter[m] + DOUBT) / share for m in matters]
        evidence[word] = array("f", map(log, speaks))
        spread = -sum(n / total * log(n / total) for n in count.values()) / log(len(names))
        weight[word] = max(0.08, 1 - spread) * log(1 + whole / total) / log(1 + whole)
    said = [(m, sqrt(sum(weight[word] ** 2 for word in found))) for m, found in read]
    return Wordings(names, evidence, weight, said, dict(has))


def telling_words(text: str) -> tuple[str, ...]:
    """Different words that may tell, each as the first of its group in the glossary."""
    found: dict[str, None] = {}
    for token in tokens(text):
        if token.is_number:
            found[NUMBER] = None
        elif len(token.text) > 1 and (word := _as_told(token.text)):
            found[word] = None
    return tuple(found)


@lru_cache(maxsize=8192)
def _as_told(text: str) -> str:
    """A folded word as it is counted; "" for one that tells nothing."""
    word = analyse(text)
    if word.pos in _MUTE and text not in _TELLING:
        return ""
    if {word.lemma, text} & _ENGLISH_MUTE:
        return ""
    if kinds := place_keys(text, word.lemma, word.is_place):
        return ABROAD if _SOME_COUNTRY in kinds else TOWN
    if GOODS & broader(word.lemmas):
        return SOME_GOODS  # a dress or boots: the matter is the same
    head = _heads().get(word.lemma, word.lemma)
    return TOWN if place_keys(head, head, analyse(head).is_place) else head


def _known(said: tuple[str, ...], known: Wordings) -> list[str]:
    """The words as the wordings have them: verbs also by their other aspect."""
    found = []
    for word in said:
        if word not in known.evidence:
            heads = (_heads().get(one, one) for one in other_aspect(word))
            word = next((one for one in heads if one in known.evidence), word)
        found.append(word)
    return found


@lru_cache(maxsize=1)
def _heads() -> dict[str, str]:
    heads: dict[str, str] = {}
    for line in GROUPS.split("\n"):
        keys = [key for word in line.split(", ") if (key := lemma_key(word))]
        for key in keys:
            if len(key) == 1:
                heads.setdefault(key[0], "_".join(keys[0]))
    return heads
