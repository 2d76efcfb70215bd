"""A document of 10 MB that is read and indexed beside a load, again and again while it lasts.

An exported page: nearly the two million characters that a document may hold, in six hundred
chapters, and the mark-up that makes ten megabytes of them.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from django.conf import settings

from tenants.kernel.context import merchant_context

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTES = 10_000_000
CHAPTERS, PARAGRAPHS, LETTERS = 600, 6, 3_100
PATIENCE_S = 300.0


def page(chance: random.Random, size: int = BYTES) -> bytes:
    """At least `size` bytes of HTML; another text each time."""
    from config.bench.search import World

    words = World(chance).common
    share = size / BYTES
    chapters = max(1, round(CHAPTERS * share))
    padding = "x" * max(0, round((size / chapters - LETTERS * 1.95) / PARAGRAPHS) - 40)
    parts = ["<!doctype html><html><head><title>Справочник</title></head><body><main>"]
    for number in range(1, chapters + 1):
        parts.append(f"<h2>Глава {number}: {' '.join(chance.choices(words, k=3))}</h2>")
        for _ in range(PARAGRAPHS):
            told, letters = [], 0
            while letters < LETTERS / PARAGRAPHS:
                told.append(chance.choice(words))
                letters += len(told[-1]) + 1
            parts.append(f'<p class="text" data-layout="{padding}">{" ".join(told)}.</p>')
    parts.append("</main></body></html>")
    made = "\n".join(parts).encode()
    return made + b"\n<!--" + b"x" * max(0, size - len(made)) + b"-->"


class Reading:
    """What became of the documents: seconds of each, and how much of the time one was at work."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.chapters = 0
        self.busy_s = 0.0
        self.failure = ""

    def figures(self, during_s: float) -> dict[str, float]:
        return {
            "documents_indexed": len(self.seconds),
            "document_s": round(max(self.seconds, default=0.0), 1),
            "document_chapters": self.chapters,
            "beside_share": round(min(1.0, self.busy_s / during_s), 2),
        }


@contextmanager
def beside(shops: list[Any], size: int = BYTES) -> Iterator[Reading]:
    """One document after the other, each of another merchant, until the block ends; the one at
    work then is not waited for."""
    reading, stop = Reading(), threading.Event()
    chance = random.Random(7)
    made = [page(chance, size) for _ in range(2)]

    def work() -> None:
        for number in range(10**6):
            if stop.is_set():
                return
            begun = time.monotonic()
            try:
                _one(shops[number % len(shops)], made[number % 2], reading, stop)
            except (RuntimeError, psycopg.Error) as error:
                reading.failure = str(error)
                return
            finally:
                reading.busy_s += time.monotonic() - begun

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield reading
    finally:
        stop.set()
        thread.join(timeout=30)


def _one(shop: Any, content: bytes, reading: Reading, stop: threading.Event) -> None:
    from bots.services.knowledge import knowledge_file_add
    from tenants.kernel.context import release_connection
    from tenants.kernel.files import file_save

    begun = time.monotonic()
    with merchant_context(shop.schema_name):
        stored = file_save(content, name="handbook.html", purpose="knowledge")
        found, _job = knowledge_file_add(file=stored)
    release_connection()
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        connection.execute(f'SET search_path TO "{shop.schema_name}"')
        while not stop.wait(0.5):
            if time.monotonic() - begun > PATIENCE_S:
                raise RuntimeError("the document was not indexed in time")
            row = connection.execute(
                "SELECT state, error FROM bots_knowledgefile WHERE id = %s", (found.pk,)
            ).fetchone()
            state, error = row or ("gone", "")
            if state == "failed":
                raise RuntimeError(error)
            if state != "read":
                continue
            left, all_of_it = connection.execute(
                "SELECT count(*) FILTER (WHERE NOT EXISTS (SELECT FROM bots_passage p"
                " WHERE p.kind = 'article' AND p.object_id = a.id)), count(*)"
                " FROM bots_article a WHERE a.source_id = %s",
                (found.pk,),
            ).fetchone() or (1, 0)
            if not left:
                reading.seconds.append(time.monotonic() - begun)
                reading.chapters = all_of_it
                return
