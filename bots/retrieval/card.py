"""A product as text: what a model reads and what claims are checked against."""

from __future__ import annotations

from typing import Any

from bots.retrieval.text import plain


def product_text(product: Any, lang: str = "ru") -> str:
    """Name, properties, variants with prices and stock, description. From live rows."""
    lines = [product.name]
    if product.vendor:
        lines.append(product.vendor)
    lines += [f"{name}: {value}" for name, value in (product.params or {}).items()]
    for variant in product.variants.all():
        if not variant.is_active:
            continue
        about = ", ".join(f"{name}: {value}" for name, value in (variant.params or {}).items())
        price = "" if variant.price is None else f"{variant.price:f} {variant.currency}"
        stock = ("in stock", "not in stock") if lang == "en" else ("в наличии", "нет в наличии")
        has = stock[0] if variant.is_available and variant.stock != 0 else stock[1]
        lines.append("; ".join(filter(None, [variant.name, about, price, has])))
    if product.description:
        lines.append(plain(product.description))
    return "\n".join(lines)
