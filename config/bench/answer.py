"""`answer`: finding what fits a question among 100,000 facts of one merchant.

Goods and articles are made of words as unevenly frequent as in real texts, goes with names nobody
else has. The reference is Postgres' own Russian full text over the same texts with its own index,
asked the same questions: it finds exact words only, no typos, layouts or synonyms.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import connection

from config.bench import stage
from tenants.kernel.context import merchant_context

SIZES = {"small": 5_000, "default": 100_000, "full": 200_000}
QUESTIONS = 400
COLOURS = "красный синий чёрный белый серый бежевый зелёный розовый жёлтый коричневый".split()  # noqa: SIM905


def run(size: str = "default") -> dict[str, Any]:
    facts = SIZES.get(size, SIZES["default"])
    with stage.merchant() as merchant, merchant_context(merchant.schema_name):
        world = _World(random.Random(727))
        begun = time.perf_counter()
        goods = _fill(world, facts)
        filled_s = time.perf_counter() - begun
        from bots.retrieval.index import reindex_articles, reindex_products

        begun = time.perf_counter()
        written = reindex_products() + reindex_articles()
        indexed_s = time.perf_counter() - begun
        begun = time.perf_counter()
        reindex_products(range(1, 1001))
        again_s = time.perf_counter() - begun
        _analyze()
        questions = world.questions(goods, QUESTIONS)
        ours = _measure(_ours, questions)
        _plain_index()
        plain = _measure(_plain, questions)
        found = sum(1 for question, pk in questions if pk and _finds(question, pk))
        named = sum(1 for _, pk in questions if pk)
        disk = _disk_mb()
    return {
        "figures": {
            "facts": written,
            "p50_ms": _share(ours, 0.5),
            "p95_ms": _share(ours, 0.95),
            "p99_ms": _share(ours, 0.99),
            "named_found_first": round(found / max(named, 1), 3),
            "fill_s": round(filled_s, 1),
            "index_s": round(indexed_s, 1),
            "unchanged_1000_s": round(again_s, 2),
            "index_mb": disk,
        },
        "reference": {
            "plain_p50_ms": _share(plain, 0.5),
            "plain_p95_ms": _share(plain, 0.95),
            "plain_p99_ms": _share(plain, 0.99),
        },
        "goals": [{"figure": "p95_ms", "op": "<=", "goal": 30}],
    }


class _World:
    def __init__(self, chance: random.Random) -> None:
        from bots.retrieval.text import tokens
        from config.demo import world

        self.chance = chance
        self.kinds = sorted(
            {offer.name.split()[0] for m in world.MERCHANTS for offer in world.offers(m)}
        )
        words = {
            token.text
            for m in world.MERCHANTS
            for article in world.articles(m)
            for token in tokens(article.text)
            if token.text.isalpha() and len(token.text) > 2
        }
        self.words = sorted(words)
        chance.shuffle(self.words)
        # Zipf: the first word is a thousand times as common as the thousandth.
        self.weights = [1 / (place + 3) for place in range(len(self.words))]
        self.names = [self._name() for _ in range(6000)]
        self.brands = [self._name() for _ in range(300)]

    def _name(self) -> str:
        syllables = "ба ве го ди жу за ка ле мо на по ру со та фо ха це чи ша эл".split()  # noqa: SIM905
        return "".join(
            self.chance.choice(syllables) for _ in range(self.chance.randint(2, 4))
        ).capitalize()

    def text(self, length: int) -> str:
        return " ".join(self.chance.choices(self.words, self.weights, k=length)).capitalize() + "."

    def title(self) -> str:
        pick = self.chance.choice
        number = self.chance.randint(1, 99)
        return f"{pick(self.kinds)} {pick(self.brands)} «{pick(self.names)}» {number}"

    def questions(self, goods: list[tuple[int, str]], count: int) -> list[tuple[str, int | None]]:
        """Names, misspelt names, common words alone and together, layouts, topics."""
        pick = self.chance.choice
        made: list[tuple[str, int | None]] = []
        for place in range(count):
            pk, title = pick(goods)
            plain = re.sub(r"[«»]", "", title).lower()
            kind = place % 8
            if kind == 0:
                made.append((f"сколько стоит {plain}?", pk))
            elif kind == 1:
                made.append((f"есть {_misspelt(plain, self.chance)} в наличии", pk))
            elif kind == 2:
                made.append((f"{pick(COLOURS)} {pick(self.kinds).lower()} до 5000", None))
            elif kind == 3:
                made.append((pick(self.kinds).lower(), None))
            elif kind == 4:
                made.append((" ".join(self.chance.choices(self.words[:60], k=5)), None))
            elif kind == 5:
                from bots.retrieval.repair import to_latin_keys

                made.append((to_latin_keys(f"цена {plain}"), pk))
            elif kind == 6:
                made.append(
                    (f"как {' '.join(self.chance.choices(self.words, self.weights, k=6))}?", None)
                )
            else:
                made.append((f"чем отличается {plain} от {pick(goods)[1].lower()}", None))
        return made


def _misspelt(text: str, chance: random.Random) -> str:
    words = text.split()
    at = max(range(len(words)), key=lambda n: len(words[n]))
    cut = chance.randrange(1, len(words[at]))
    words[at] = words[at][:cut] + words[at][cut + 1 :]
    return " ".join(words)


def _fill(world: _World, facts: int) -> list[tuple[int, str]]:
    """Nine tenths goods, one tenth articles, written in bulk."""
    from bots.models import Article
    from integrations.models import Product, Variant

    goods: list[tuple[int, str]] = []
    count = facts * 9 // 10
    for start in range(0, count, 2000):
        products = [
            Product(
                external_id=str(number),
                name=world.title(),
                vendor=world.chance.choice(world.brands),
                description=world.text(25),
                params={"Материал": world.chance.choice(world.words)},
            )
            for number in range(start, min(start + 2000, count))
        ]
        Product.objects.bulk_create(products)
        Variant.objects.bulk_create(
            Variant(
                product=product,
                external_id=f"v{product.external_id}",
                name=product.name,
                price=Decimal(world.chance.randint(3, 300) * 100),
                params={
                    "Цвет": world.chance.choice(COLOURS),
                    "Размер": str(world.chance.randint(38, 56)),
                },
            )
            for product in products
        )
        goods += [(product.pk, product.name) for product in products]
    texts = facts - count
    for start in range(0, texts, 2000):
        Article.objects.bulk_create(
            Article(title=world.text(4).rstrip("."), text=world.text(45), lang="ru")
            for _ in range(start, min(start + 2000, texts))
        )
    return goods


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE bots_passage")


def _measure(ask: Callable[[str], Any], questions: list[tuple[str, int | None]]) -> list[float]:
    for question, _ in questions[:40]:
        ask(question)
    spent = []
    for question, _ in questions:
        begun = time.perf_counter()
        ask(question)
        spent.append((time.perf_counter() - begun) * 1000)
    return sorted(spent)


def _ours(question: str) -> Any:
    from bots.retrieval import search

    return search(question, "ru", 8)


def _finds(question: str, pk: int) -> bool:
    found = _ours(question)
    return bool(found) and found[0].kind == "product" and found[0].object_id == pk


def _plain_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE plain_text AS SELECT id, to_tsvector('russian', title || ' ' || "
            "coalesce(text, '')) AS words FROM bots_passage WHERE kind = 'article' UNION ALL "
            "SELECT -id, to_tsvector('russian', name || ' ' || vendor || ' ' || description) "
            "FROM integrations_product"
        )
        cursor.execute("CREATE INDEX plain_text_words ON plain_text USING gin (words)")
        cursor.execute("ANALYZE plain_text")


def _plain(question: str) -> Any:
    """Any of the words, ranked: what a first version would do."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH q AS (SELECT replace(plainto_tsquery('russian', %s)::text, '&', '|')::tsquery q) "
            "SELECT id FROM plain_text, q WHERE words @@ q.q "
            "ORDER BY ts_rank(words, q.q) DESC LIMIT 8",
            (question,),
        )
        return cursor.fetchall()


def _share(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)


def _disk_mb() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('bots_passage') / 1048576.0")
        return round(float(cursor.fetchone()[0]), 1)
