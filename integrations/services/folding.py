"""One card for a family of variants: what all of them share is said once, on the card."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from django.db import connection, transaction
from django.utils import timezone

from integrations.models import Product, Variant
from tenants.kernel import outbox

CHUNK = 500
# A product whose variants' shared properties have to be found again carries this mark.
UNFOLDED = "~"


def fold_all() -> None:
    """Move what all variants of a card share up to the card, so it is said once."""
    while ids := list(
        Product.objects.filter(digest__startswith=UNFOLDED).values_list("pk", flat=True)[:CHUNK]
    ):
        with transaction.atomic():
            _fold(ids)


def unfold(product_ids: list[int]) -> None:
    """Give every variant all properties again, so that a changed one can be compared."""
    if not product_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE integrations_variant v SET params = p.params || v.params "
            "FROM integrations_product p WHERE v.product_id = p.id AND p.id = ANY(%s)",
            (product_ids,),
        )
        cursor.execute(
            "UPDATE integrations_product SET params = '{}', digest = %s || ltrim(digest, %s) "
            "WHERE id = ANY(%s)",
            (UNFOLDED, UNFOLDED, product_ids),
        )


def _fold(product_ids: list[int]) -> None:
    products = {p.pk: p for p in Product.objects.select_for_update().filter(pk__in=product_ids)}
    variants: dict[int, list[Variant]] = {}
    for variant in Variant.objects.filter(product__in=products, is_active=True).order_by("pk"):
        variants.setdefault(variant.product_id, []).append(variant)
    moved: list[Variant] = []
    for pk, product in products.items():
        product.digest = product.digest.lstrip(UNFOLDED)
        family = variants.get(pk, [])
        if not family:
            continue
        shared = set(family[0].params.items())
        for variant in family[1:]:
            shared &= set(variant.params.items())
        product.params = dict(sorted(shared))
        product.name = common_name([variant.name for variant in family])
        for variant in family:
            own = {k: v for k, v in variant.params.items() if k not in product.params}
            if own != variant.params:
                variant.params = own
                moved.append(variant)
    rows = list(products.values())
    with connection.cursor() as cursor:
        # One statement each: Django's bulk_update writes a CASE for every row and field.
        cursor.execute(
            "UPDATE integrations_product p SET name = n.name, params = n.params, digest = n.digest "
            "FROM unnest(%s::bigint[], %s::text[], %s::jsonb[], %s::text[]) "
            "AS n(id, name, params, digest) WHERE p.id = n.id",
            (
                [row.pk for row in rows],
                [row.name for row in rows],
                [json.dumps(row.params) for row in rows],
                [row.digest for row in rows],
            ),
        )
        cursor.execute(
            "UPDATE integrations_variant v SET params = n.params "
            "FROM unnest(%s::bigint[], %s::jsonb[]) AS n(id, params) WHERE v.id = n.id",
            ([row.pk for row in moved], [json.dumps(row.params) for row in moved]),
        )
    tell_changed(products)


def common_name(names: Sequence[str]) -> str:
    """What the names of a card's variants begin with, else the shortest of them.

    `Футболка «Волна», синяя, M` and `Футболка «Волна», белая, S` → `Футболка «Волна»`.
    """
    words = [name.split() for name in names]
    count = 0
    for column in zip(*words, strict=False):
        if len({word.strip(",;.()").casefold() for word in column}) > 1:
            break
        count += 1
    common = " ".join(words[0][:count]).rstrip(" ,;.-–—(/:") if words else ""
    return common if len(common) >= 4 else min(names, key=len, default="")


def close_empty(product_ids: Iterable[int]) -> None:
    """A card none of whose variants is sold is not sold."""
    Product.objects.filter(pk__in=list(product_ids), is_active=True).exclude(
        variants__is_active=True
    ).update(is_active=False, updated_at=timezone.now())


def tell_changed(product_ids: Iterable[int]) -> None:
    """Tell whoever keeps facts of these cards."""
    for ids in pieces(sorted(product_ids)):
        outbox.emit("catalogue.changed", key="catalogue", data={"products": ids})


def pieces(ids: Iterable[int]) -> Iterator[list[int]]:
    found = list(ids)
    for start in range(0, len(found), CHUNK):
        yield found[start : start + CHUNK]
