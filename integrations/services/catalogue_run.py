"""One pass over a feed: only what changed is written, nothing is lost on a kill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations.feeds.base import CARD, PRICE, STOCK, Category, Offer, Partial, Refused
from integrations.feeds.values import hash_of
from integrations.models import Category as CategoryRow
from integrations.models import Product, Variant
from integrations.services.folding import CHUNK, UNFOLDED, close_empty, pieces, tell_changed, unfold
from tenants.kernel.documents import Unreadable
from tenants.services import limits
from tenants.workspace.models import Job

MAX_OFFERS = 1_000_000


@dataclass
class CatalogueRun:
    """One pass over a feed; `take` gathers, `flush` writes a chunk in one transaction."""

    job: Job
    rows: int = 0
    offers: int = 0
    left_out: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0
    is_partial: bool = False
    seen: set[str] = field(default_factory=set)
    # Card → the offer that speaks for it: the first of its family in the feed.
    leads: dict[str, str] = field(default_factory=dict)
    waiting: list[Offer] = field(default_factory=list)
    new_categories: dict[str, Category] = field(default_factory=dict)
    categories: dict[str, int] | None = None
    # Cards the plan has room for at least; None for any number.
    room: int | None = 0
    # Offers the plan had no room for so far, by id, with their rows.
    beyond: dict[str, int | str] = field(default_factory=dict)

    def figures(self) -> dict[str, int]:
        names = ("created", "changed", "unchanged", "retired", "left_out")
        return {name: getattr(self, name) for name in names}

    def take(self, item: object) -> None:
        if isinstance(item, Category):
            self.new_categories[item.external_id] = item
            return
        if isinstance(item, Partial):
            self.is_partial = True
            return
        self.rows += 1
        if isinstance(item, Refused):
            self.job.refuse(item.row, item.field, item.message)
            self.seen.add(item.external_id)
        elif isinstance(item, Offer):
            if item.external_id in self.seen:
                message = _("The id %s occurs more than once; the first one counts.")
                self.job.refuse(item.row, "id", message % item.external_id)
                return
            if len(self.seen) >= MAX_OFFERS:
                raise Unreadable(_("The feed holds more than %s offers.") % MAX_OFFERS)
            self.seen.add(item.external_id)
            self.waiting.append(item)
        if len(self.waiting) >= CHUNK or self.rows % (CHUNK * 4) == 0:
            self.flush()

    def take_beyond(self, items: Iterable[object]) -> None:
        """Take what found no room before, in the order of the feed, as far as there is some now."""
        pending, self.beyond, self.room = self.beyond, {}, 0
        for item in items:
            if isinstance(item, Offer) and pending.pop(item.external_id, None) is not None:
                self.waiting.append(item)
                if len(self.waiting) >= CHUNK:
                    self.flush()
        self.flush()

    def leave_out(self) -> None:
        """What has found no room is refused, row by row."""
        if not self.beyond:
            return
        message = _beyond_plan() % limits.limit("products")
        for row in self.beyond.values():
            self.job.refuse(row, "id", message)
        self.left_out, self.beyond = len(self.beyond), {}

    def flush(self) -> None:
        with transaction.atomic():
            self._write_categories()
            if self.waiting:
                self._write_offers(self.waiting)
            self.job.advance(self.rows, max(self.job.total or 0, self.rows) or None)
        self.waiting = []

    # ── categories ──
    def _write_categories(self) -> None:
        if self.categories is None:
            self.categories = dict(CategoryRow.objects.values_list("external_id", "pk"))
        if not self.new_categories:
            return
        fresh, self.new_categories = self.new_categories, {}
        known = {
            row.external_id: row
            for row in CategoryRow.objects.filter(external_id__in=fresh).select_related("parent")
        }
        renamed = [
            row.pk for key, row in known.items() if row.name != fresh[key].name
        ]  # products show the category's name
        rows = CategoryRow.objects.bulk_create(
            [
                CategoryRow(external_id=key, name=one.name)
                for key, one in fresh.items()
                if key not in known or known[key].name != one.name
            ],
            update_conflicts=True,
            unique_fields=["external_id"],
            update_fields=["name"],
            batch_size=1000,
        )
        self.categories |= {row.external_id: row.pk for row in rows}
        self._write_parents(fresh, known)
        for ids in pieces(
            Product.objects.filter(category__in=renamed).values_list("pk", flat=True)
        ):
            tell_changed(ids)

    def _write_parents(self, fresh: dict[str, Category], known: dict[str, CategoryRow]) -> None:
        assert self.categories is not None
        update = []
        for key, one in fresh.items():
            if _is_circle(key, fresh):
                self.job.refuse(key, "parentId", _("The category is inside itself: %s") % one.name)
                continue
            parent = self.categories.get(one.parent_id)
            before = known[key].parent_id if key in known else None
            if parent != before:
                update.append(CategoryRow(pk=self.categories[key], parent_id=parent))
        CategoryRow.objects.bulk_update(update, ["parent"], batch_size=500)

    # ── offers ──
    def _write_offers(self, offers: Sequence[Offer]) -> None:
        offers = self._within_plan(offers)
        known = {
            external_id: (digest, is_active)
            for external_id, digest, is_active in Variant.objects.filter(
                external_id__in=[offer.external_id for offer in offers]
            ).values_list("external_id", "digest", "is_active")
        }
        changed: list[Offer] = []
        for offer in offers:
            row = known.get(offer.external_id)
            if row is None and (offer.is_deleted or CARD not in offer.parts):
                if not offer.is_deleted:
                    self.job.refuse(
                        offer.row,
                        "id",
                        _("There is no such offer in the catalogue yet; send the goods first. (%s)")
                        % offer.external_id,
                    )
                continue
            if row is None and not offer.name:
                self.job.refuse(offer.row, "name", _("There is no name."))
                continue
            self.offers += 1
            if not offer.is_deleted:
                self.leads.setdefault(_product_key(offer), offer.external_id)
            if row is not None and row == (_digest(offer), not offer.is_deleted):
                self.unchanged += 1
                continue
            changed.append(offer)
            if row is None:
                self.created += 1
            else:
                self.changed += 1
        if changed:
            self._upsert(changed)

    def _within_plan(self, offers: Sequence[Offer]) -> Sequence[Offer]:
        """Offers whose card is on sale already or still fits the plan; the others are set aside.

        While there is surely room nothing is asked; near the limit each chunk counts exactly
        (the chunks before it are written).
        """
        if self.room is None or self.room >= len(offers):
            self.room = None if self.room is None else self.room - len(offers)
            return offers
        self.room = limits.room("products")
        if self.room is None:
            return offers
        cards = dict(
            Variant.objects.filter(external_id__in=[o.external_id for o in offers]).values_list(
                "external_id", "product__external_id"
            )
        )
        keys = [
            _product_key(o) if CARD in o.parts else cards.get(o.external_id, "") for o in offers
        ]
        sold = set(
            Product.objects.filter(external_id__in=set(keys), is_active=True).values_list(
                "external_id", flat=True
            )
        )
        fit: list[Offer] = []
        for offer, key in zip(offers, keys, strict=True):
            if not offer.is_deleted and key and key not in sold:
                if not self.room:
                    self.beyond[offer.external_id] = offer.row
                    continue
                self.room -= 1
                sold.add(key)
            fit.append(offer)
        return fit

    def _upsert(self, offers: list[Offer]) -> None:
        now = timezone.now()
        existing = {
            row.external_id: row
            for row in Variant.objects.filter(
                external_id__in=[offer.external_id for offer in offers]
            ).select_related("product")
        }
        touched = {
            existing[o.external_id].product_id: existing[o.external_id].product
            for o in offers
            if o.external_id in existing
        }
        gone = [existing[o.external_id].pk for o in offers if o.is_deleted]
        Variant.objects.filter(pk__in=gone).update(is_active=False, updated_at=now)
        offers = [offer for offer in offers if not offer.is_deleted]
        products = self._upsert_products([offer for offer in offers if CARD in offer.parts])
        by_parts: dict[frozenset[str], list[Variant]] = {}
        revived: set[int] = set()
        for offer in offers:
            row = existing.get(offer.external_id)
            if CARD in offer.parts:
                product = products[_product_key(offer)]
            else:
                assert row is not None  # the parts without a card were asked for by their rows
                product = row.product
            touched[product.pk] = product
            if row is not None and not row.is_active:
                revived.add(product.pk)
            by_parts.setdefault(offer.parts, []).append(_to_variant(offer, product, row, now))
        for parts, rows in by_parts.items():
            Variant.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["external_id"],
                update_fields=_fields(parts),
            )
        if revived:
            Product.objects.filter(pk__in=revived, is_active=False).update(is_active=True)
        close_empty(touched)
        # The others are told of when their family is folded.
        tell_changed(pk for pk, row in touched.items() if not row.digest.startswith(UNFOLDED))

    def _upsert_products(self, offers: list[Offer]) -> dict[str, Product]:
        """Cards of these offers, by key."""
        assert self.categories is not None
        groups: dict[str, list[Offer]] = {}
        for offer in offers:
            groups.setdefault(_product_key(offer), []).append(offer)
        known = {p.external_id: p for p in Product.objects.filter(external_id__in=groups)}
        families = set(
            Variant.objects.filter(product__external_id__in=groups)
            .exclude(external_id=F("product__external_id"))
            .values_list("product__external_id", flat=True)
        )
        write: list[Product] = []
        reopened: list[int] = []
        for key, members in groups.items():
            product = known.get(key)
            is_single = len(members) == 1 and not members[0].group_id and key not in families
            lead = next((o for o in members if self.leads[key] == o.external_id), None)
            if product is not None and not is_single:
                reopened.append(product.pk)
                product.digest = UNFOLDED + product.digest.lstrip(UNFOLDED)
                if lead is None:
                    continue
            card = lead or members[0]
            digest = _card_digest(card, is_single=is_single)
            if is_single and product is not None and product.digest == digest:
                continue
            row = product or Product(external_id=key)
            row.name = card.name if is_single or product is None else product.name
            row.description, row.vendor, row.url = card.description, card.vendor, card.url
            row.category_id = self.categories.get(card.category_id)
            row.pictures = list(card.pictures)
            row.params = dict(card.params) if is_single else {}
            row.digest = digest if is_single else UNFOLDED + digest
            row.updated_at = timezone.now()
            write.append(row)
        unfold(reopened)
        Product.objects.bulk_create(
            write,
            update_conflicts=True,
            unique_fields=["external_id"],
            update_fields=[
                "name", "description", "vendor", "url", "category", "pictures", "params",
                "digest", "updated_at",
            ],
        )  # fmt: skip
        return known | {row.external_id: row for row in write}

    # ── after the last row ──
    def retire(self) -> int:
        """Take off sale what a full feed no longer names. Returns how many were held back."""
        if not self.job.params.get("full", True) or self.is_partial:
            return 0
        active = Variant.objects.filter(is_active=True, listings=None)
        absent = [
            pk
            for pk, key in active.values_list("pk", "external_id").iterator(chunk_size=5000)
            if key not in self.seen
        ]
        before = self.job.params["active_before"]
        if len(absent) * 2 > before and not self.job.params.get("confirm"):
            return len(absent)
        for ids in pieces(absent):
            with transaction.atomic():
                rows = Variant.objects.filter(pk__in=ids)
                products = set(rows.values_list("product_id", flat=True))
                rows.update(is_active=False, updated_at=timezone.now())
                close_empty(products)
                tell_changed(products)
            self.retired += len(ids)
        return 0


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────
_CARD_FIELDS = ("sku", "barcode", "name", "url", "picture", "params", "product")
_PRICE_FIELDS = ("price", "old_price", "currency")
_STOCK_FIELDS = ("stock", "is_available")


def _fields(parts: frozenset[str]) -> list[str]:
    fields = ["digest", "updated_at", "is_active"]
    fields += _CARD_FIELDS if CARD in parts else ()
    fields += _PRICE_FIELDS if PRICE in parts else ()
    fields += _STOCK_FIELDS if STOCK in parts else ()
    return fields


@limits.counts("products")
def _products() -> int:
    return Product.objects.filter(is_active=True).count()


def _beyond_plan() -> str:
    return _("Your plan allows %s goods on sale, so this one was left out. Take others off sale, "
             "or ask for a larger plan.")  # fmt: skip


def _product_key(offer: Offer) -> str:
    return offer.group_id or offer.external_id


def _digest(offer: Offer) -> str:
    """Everything the source said of the offer, its place in the file apart."""
    return hash_of(
        *(
            getattr(offer, name)
            for name in Offer.__slots__
            if name not in ("row", "parts", "params")
        ),
        sorted(offer.params.items()),
        sorted(offer.parts),
    )


def _card_digest(offer: Offer, *, is_single: bool) -> str:
    own = (offer.name, sorted(offer.params.items())) if is_single else ()
    card = (offer.description, offer.vendor, offer.url, offer.category_id, offer.pictures)
    return hash_of(*card, *own)


def _to_variant(offer: Offer, product: Product, row: Variant | None, now: datetime) -> Variant:
    is_single = not product.digest.startswith(UNFOLDED)
    is_known = bool(offer.parts & {PRICE, STOCK})
    return Variant(
        product=product,
        external_id=offer.external_id,
        sku=offer.sku,
        barcode=offer.barcode,
        name=offer.name or (row.name if row else ""),
        price=offer.price,
        old_price=offer.old_price,
        currency=offer.currency,
        # Cards without a word on price or stock are not for sale yet.
        is_available=offer.is_available and is_known,
        stock=offer.stock,
        params={} if is_single else dict(offer.params),
        url=offer.url,
        picture=offer.pictures[0] if offer.pictures else "",
        is_active=True,
        digest=_digest(offer),
        updated_at=now,
    )


def _is_circle(key: str, categories: dict[str, Category]) -> bool:
    passed = {key}
    parent = categories[key].parent_id
    while parent in categories:
        if parent in passed:
            return True
        passed.add(parent)
        parent = categories[parent].parent_id
    return False
