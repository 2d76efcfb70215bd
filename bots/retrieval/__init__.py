"""Finding what the merchant knows: `search` for questions, `index` after changes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bots.retrieval.ranking import Hit

__all__ = ["one_question", "reindex_articles", "reindex_products", "search"]


def search(query: Any, lang: str = "ru", limit: int = 8, kinds: Any = None) -> list[Hit]:
    """Best passages of the current merchant, best first (bots.retrieval.ranking)."""
    from bots.retrieval.ranking import search as find

    return find(query, lang, limit, kinds)


def one_question() -> AbstractContextManager[None]:
    """Inside the block no passage is read twice (bots.retrieval.ranking)."""
    from bots.retrieval.ranking import one_question as block

    return block()


def reindex_articles(ids: Any = None) -> int:
    from bots.retrieval.index import reindex_articles as work

    return work(ids)


def reindex_products(ids: Any = None) -> int:
    from bots.retrieval.index import reindex_products as work

    return work(ids)
