"""What helps a colleague write: prepared replies, knowledge, goods, and where an answer is from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Prefetch

from bots.models import Article, Passage, Template, TemplateText
from bots.retrieval.morphology import analyse
from bots.retrieval.ranking import search
from bots.retrieval.text import fold, tokens
from integrations.models import Product, Variant

TEMPLATES_AT_MOST = 8


def _meaning(text: str) -> set[str]:
    return {lemma for token in tokens(text) for lemma in analyse(token.text).lemmas[:1]}


def templates_found(
    query: str, lang: str, *, only: Collection[int] | None = None
) -> list[dict[str, Any]]:
    """Prepared replies by the beginning of the code, by words of the name, by what they say.

    Without a query those used last come first. `only`: of these alone.
    """
    ready = Template.objects.filter(is_active=True).prefetch_related(
        Prefetch("texts", queryset=TemplateText.objects.order_by("lang"))
    )
    if only is not None:
        ready = ready.filter(pk__in=only)
    query = fold(query).strip()
    if not query:
        found = sorted(
            ready, key=lambda t: (t.used_at is None, t.used_at and -t.used_at.timestamp())
        )
        return [_template(one, lang) for one in found[:TEMPLATES_AT_MOST]]
    asked = _meaning(query)
    scored = []
    for one in ready:
        name, code = fold(one.name), fold(one.code)
        words = name.split()
        if code.startswith(query):
            score = 100.0
        elif query in code or any(word.startswith(query) for word in words):
            score = 60.0
        else:
            said = _meaning(f"{one.name} {' '.join(map(str, one.phrases or ()))}")
            text = _meaning(" ".join(t.text for t in one.texts.all()))
            score = 30.0 * len(asked & said) / len(asked) if asked else 0.0
            score += 15.0 * len(asked & text) / len(asked) if asked else 0.0
            if query in name:
                score = max(score, 40.0)
        if score >= 7:
            scored.append((score, one.used, one))
    scored.sort(key=lambda item: (-item[0], -item[1], item[2].pk))
    return [_template(one, lang) for _score, _used, one in scored[:TEMPLATES_AT_MOST]]


def _template(one: Template, lang: str) -> dict[str, Any]:
    texts = {text.lang: text.text for text in one.texts.all()}
    text = texts.get(lang) or next(iter(texts.values()), "")
    return {
        "id": one.pk,
        "code": one.code,
        "name": one.name,
        "category": one.category,
        "text": text[:160],
        "files": len(one.attachments or ()),
    }


def knowledge_found(query: str, lang: str) -> list[dict[str, Any]]:
    """Articles and goods for a word or two, each once, as something to put into a reply."""
    if not query.strip():
        return []
    found: dict[tuple[str, int], dict[str, Any]] = {}
    hits = search(query, lang, limit=10, internal=True)
    inner = set(
        Passage.objects.filter(
            pk__in=[hit.passage_id for hit in hits], is_internal=True
        ).values_list("pk", flat=True)
    )
    for hit in hits:
        found.setdefault((hit.kind, hit.object_id), _hit(hit, hit.passage_id in inner))
    if len(found) < 3:  # the beginning of a name is no word yet
        goods = Product.objects.filter(is_active=True, name__icontains=query.strip())
        for product in goods.prefetch_related("variants")[:6]:
            found.setdefault(("product", product.pk), _product(product))
        for article in Article.objects.filter(is_active=True, title__icontains=query.strip())[:4]:
            found.setdefault(("article", article.pk), _article(article))
    return list(found.values())[:8]


def _hit(hit: Any, is_internal: bool) -> dict[str, Any]:
    if hit.kind == "product" and hit.product is not None:
        return _product(hit.product)
    return {
        "kind": hit.kind,
        "id": hit.object_id,
        "title": hit.title,
        "text": hit.text[:1500],
        "url": hit.url,
        "internal": is_internal,
    }


def _article(article: Article) -> dict[str, Any]:
    return {
        "kind": "article",
        "id": article.pk,
        "title": article.title,
        "text": article.text[:1500],
        "url": "",
        "internal": article.is_internal,
    }


def _product(product: Product) -> dict[str, Any]:
    variants = [v for v in product.variants.all() if v.is_active]
    first: Variant | None = min(
        (v for v in variants if v.price), key=lambda v: v.price or 0, default=None
    )
    pictures = [*(product.pictures or []), *(v.picture for v in variants if v.picture)]
    return {
        "kind": "product",
        "id": product.pk,
        "title": product.name,
        "text": "",
        "url": product.url,
        "price": str(first.price) if first else "",
        "currency": first.currency if first else "",
        "stock": sum(v.stock or 0 for v in variants),
        "picture": str(pictures[0]) if pictures else "",
    }


def passage_of(kind: str, pk: int) -> dict[str, Any] | None:
    """What a source of an answer says today."""
    if kind == "article":
        article = Article.objects.filter(pk=pk).first()
        if article is None:
            return None
        return {
            "title": article.title,
            "text": article.text[:6000],
            "url": "",
            "updated_at": article.updated_at,
            "internal": article.is_internal,
        }
    if kind == "product":
        product = Product.objects.prefetch_related("variants").filter(pk=pk).first()
        if product is None:
            return None
        passages = Passage.objects.filter(kind="product", object_id=pk).order_by("lang", "ordinal")
        return {
            **_product(product),
            "text": "\n\n".join(p.text for p in passages[:4])[:6000],
            "updated_at": None,
            "internal": False,
        }
    if kind == "template":
        template = Template.objects.prefetch_related("texts").filter(pk=pk).first()
        if template is None:
            return None
        text = "\n\n".join(one.text for one in template.texts.all())
        return {"title": template.name, "text": text[:6000], "url": "", "updated_at": None,
                "internal": False}  # fmt: skip
    return None
