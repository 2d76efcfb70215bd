"""A query as it was typed: its words in every reading, its digits, what narrows it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from bots.retrieval.repair import russian_readings, to_latin_keys, to_russian_keys
from bots.retrieval.text import fold
from bots.selectors.policy import of_teams

WORDS_AT_MOST = 8


@dataclass(frozen=True)
class Narrow:
    """What the search is narrowed to; empty is everything."""

    channel: int | None = None
    team: int | None = None
    agent: int | None = None
    label: str = ""
    status: str = ""
    author: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def of_conversation(self, prefix: str = "") -> Q:
        found = Q()
        for name, value in (
            ("channel", self.channel),
            ("agent", self.agent),
            ("status", self.status),
            ("labels__contains", [self.label] if self.label else None),
        ):
            if value:
                found &= Q(**{f"{prefix}{name}": value})
        return found & of_teams([self.team], prefix) if self.team else found

    def of_message(self, prefix: str = "") -> Q:
        found = self.of_conversation(f"{prefix}conversation__")
        if self.author:
            found &= Q(**{f"{prefix}author": self.author})
        if self.since:
            found &= Q(**{f"{prefix}sent_at__gte": self.since})
        if self.until:
            found &= Q(**{f"{prefix}sent_at__lt": self.until})
        return found

    @property
    def is_of_messages(self) -> bool:
        return bool(self.author or self.since or self.until)


EVERYTHING = Narrow()
Reading = tuple[str, ...]  # words that stand one after another


@dataclass(frozen=True)
class Asked:
    """A query as read. `words`: for each, the readings any of which will do."""

    text: str
    words: tuple[tuple[Reading, ...], ...] = ()
    digits: str = ""  # of a telephone or another number, where it is nothing else
    plain: tuple[str, ...] = field(default=())  # as typed, folded

    @property
    def is_empty(self) -> bool:
        return not self.words and not self.digits


_NUMBER = re.compile(r"[#№\s(]*[+\d][\d\s().,/\-–—\u00a0]{2,}")
RUN = re.compile(r"[^\W_]+")


def read(text: str) -> Asked:
    text = " ".join(text.replace("\x00", " ").split())[:200]
    digits = "".join(c for c in text if c.isdigit() and c.isascii())
    if not (_NUMBER.fullmatch(text) and len(digits) >= 4):
        digits = ""
    chunks = text.split()[:WORDS_AT_MOST]
    words = [readings for chunk in chunks if (readings := _readings(chunk))]
    plain = tuple(word for chunk in chunks for word in _runs(chunk))
    return Asked(text, tuple(words), digits, plain)


def _runs(text: str) -> Reading:
    return tuple(RUN.findall(fold(text)))


def _readings(chunk: str) -> tuple[Reading, ...]:
    found = {_runs(chunk): None}
    letters = "".join(c for c in chunk if c.isalpha()).lower()
    if len(letters) >= 3:
        if letters.isascii():
            keyed = _runs(to_russian_keys(chunk))
            if keyed and not any(c.isascii() and c.isalpha() for w in keyed for c in w):
                found[keyed] = None
            for reading in russian_readings(letters)[:2]:
                found[_runs(reading)] = None
        elif all("а" <= c <= "я" or c == "ё" for c in letters):
            found[_runs(to_latin_keys(chunk))] = None
    return tuple(reading for reading in found if reading)
