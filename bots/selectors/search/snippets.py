"""What is shown of a message that was found: the part around the words, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.db.models import TextField

from bots.models import Message
from bots.retrieval.text import fold
from bots.selectors.search.asked import Asked
from bots.selectors.search.hits import Way
from bots.selectors.search.words import (
    PLAIN,
    Sql,
)

SNIPPET = 160
_OPEN, _CLOSE = "\ue000", "\ue001"


def snippets_of(pks: Iterable[int], way: Way, asked: Asked) -> dict[int, dict[str, Any]]:
    rows = Message.objects.filter(pk__in=pks).select_related("user").prefetch_related("attachments")
    if way.query:
        options = f"HighlightAll=true, StartSel={_OPEN}, StopSel={_CLOSE}"
        rows = rows.annotate(
            marked=Sql(
                ("text",),
                f"ts_headline('russian', translate({{0}}, {PLAIN}), ({way.query}), '{options}')",
                TextField(),
            )
        )
    found = {}
    for row in rows:
        text, marks = row.text, _places(row, way, asked)
        if not marks:
            for one in row.attachments.all():
                if one.transcript:
                    text, marks = one.transcript, _plain_places(one.transcript, asked)
                    break
        shown, marks = _cut(text, marks)
        found[row.pk] = {
            "message": row.pk,
            "jump": {"conversation": row.conversation_id, "seq": row.seq},
            "author": row.author,
            "kind": row.kind,
            "name": str(row.user) if row.user else "",
            "at": row.sent_at,
            "text": shown,
            "marks": utf16(shown, marks),
        }
    return found


def _places(row: Any, way: Way, asked: Asked) -> list[tuple[int, int]]:
    if not way.query:
        return _plain_places(row.text, asked)
    found, at, start = [], 0, 0
    for c in row.marked:
        if c == _OPEN:
            start = at
        elif c == _CLOSE:
            found.append((start, at))
        else:
            at += 1
    return found if at == len(row.text) else _plain_places(row.text, asked)


def _plain_places(text: str, asked: Asked) -> list[tuple[int, int]]:
    folded = fold(text)
    if len(folded) != len(text):
        return []
    words = {w for readings in asked.words for r in readings for w in r if len(w) > 2}
    found = {(m.start(), m.end()) for word in words for m in re.finditer(re.escape(word), folded)}
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _cut(text: str, marks: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """The part of a text around its first mark, at borders of words."""
    if len(text) <= SNIPPET:
        return text, marks
    first = marks[0][0] if marks else 0
    start = max(0, first - SNIPPET // 3)
    if start:
        gap = text.find(" ", start, first)
        start = gap + 1 if gap >= 0 else start
    end = min(len(text), start + SNIPPET)
    head, tail = "…" if start else "", "…" if end < len(text) else ""
    shift = len(head) - start
    kept = [(a + shift, min(b, end) + shift) for a, b in marks if start <= a < end]
    return head + text[start:end] + tail, kept


def utf16(text: str, marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if text.isascii() or max(text, default="") < "\U00010000":
        return marks
    units = [0]
    for c in text:
        units.append(units[-1] + (2 if c > "\uffff" else 1))
    return [(units[a], units[b]) for a, b in marks]
