"""Two plain searches over the same documents, for comparison: which document comes first?

BM25 over lemmas (pymorphy3, Snowball for English) and TF-IDF over characters (3 to 5, in words).
They know no merchant's fields, no privacy and cannot refuse: only "right source first" compares.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import cache

import snowballstemmer
from pymorphy3 import MorphAnalyzer

from config.demo import world
from tests.evaluation.cases import Case

Tokens = Callable[[str], Iterable[str]]


@cache
def _morph() -> MorphAnalyzer:
    return MorphAnalyzer()


@cache
def lemma(word: str) -> str:
    if re.fullmatch(r"[а-я]+", word):
        return _morph().parse(word)[0].normal_form.replace("ё", "е")
    return snowballstemmer.stemmer("english").stemWord(word) if word.isascii() else word


def lemmas(text: str) -> list[str]:
    return [lemma(word) for word in re.findall(r"\w+", text.lower().replace("ё", "е"))]


def grams(text: str) -> list[str]:
    found = []
    for word in re.findall(r"\w+", text.lower().replace("ё", "е")):
        padded = f" {word} "
        found += [
            padded[at : at + n] for n in (3, 4, 5) for at in range(max(0, len(padded) - n + 1))
        ]
    return found


class Search:
    """Documents of one merchant and language. `kind` is "bm25" or "tfidf"."""

    def __init__(self, merchant: str, lang: str, kind: str) -> None:
        self.kind = kind
        self.tokens: Tokens = lemmas if kind == "bm25" else grams
        documents = [d for d in world.documents(merchant) if d.lang == lang or "product" in d.ref]
        documents += world.order_documents(merchant)
        self.refs = [document.ref for document in documents]
        counts = [Counter(self.tokens(f"{d.title} {d.title} {d.text}")) for d in documents]
        self.postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        sizes = [sum(count.values()) for count in counts]
        mean = sum(sizes) / len(sizes)
        seen = Counter(token for count in counts for token in count)
        for at, count in enumerate(counts):
            row = {}
            for token, times in count.items():
                idf = math.log(1 + (len(counts) - seen[token] + 0.5) / (seen[token] + 0.5))
                if kind == "bm25":
                    rest = 1.2 * (0.25 + 0.75 * sizes[at] / mean)
                    row[token] = idf * times * 2.2 / (times + rest)
                else:
                    row[token] = idf * idf * (1 + math.log(times))
            norm = math.sqrt(sum(w * w for w in row.values())) if kind == "tfidf" else 1.0
            for token, weight in row.items():
                self.postings[token].append((at, weight / norm))

    def first(self, query: str) -> str | None:
        scores: dict[int, float] = defaultdict(float)
        for token in set(self.tokens(query)):
            for at, weight in self.postings.get(token, ()):
                scores[at] += weight
        return self.refs[max(scores, key=lambda at: (scores[at], -at))] if scores else None


@cache
def search(merchant: str, lang: str, kind: str) -> Search:
    return Search(merchant, lang, kind)


def query(case: Case) -> str:
    """What was asked; in a follow-up also the buyer's turn before it."""
    asked = [message["text"] for message in case.messages if message["role"] == "buyer"]
    return " ".join(asked[-2:])


def right_source_first(cases: Iterable[Case], kind: str) -> float:
    """The share of cases with a right source where this search puts one first."""
    asked = [case for case in cases if case.sources and "answer" in case.decisions]
    right = sum(
        search(case.merchant, case.lang, kind).first(query(case)) in case.sources for case in asked
    )
    return round(right / len(asked), 4)
