"""Bringing a feed into the catalogue: only what changed is written, nothing is lost on a kill."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from integrations import feeds
from integrations.feeds.base import CARD, PRICE, STOCK, Category, Offer, Partial, Refused
from integrations.feeds.values import hash_of, web_address
from integrations.models import Category as CategoryRow
from integrations.models import Product, Variant
from tenants.kernel import outbox
from tenants.kernel.documents import Unreadable
from tenants.kernel.errors import RetryLater, RuleBroken
from tenants.kernel.files import file_delete, file_on_disk
from tenants.kernel.http import outgoing, vendor_errors
from tenants.kernel.jobs import JobRefused, job, job_start
from tenants.services import limits
from tenants.workspace.models import Job, StoredFile, User

CHUNK = 500
MAX_OFFERS = 1_000_000
MAX_FILE = 500 * 1024 * 1024
MAX_REDIRECTS = 5
DOWNLOAD_S = 900.0
DOWNLOAD_TRIES = 3
# A product whose variants' shared properties have to be found again carries this mark.
UNFOLDED = "~"


class BadSource(RuleBroken):
    code = "bad_source"
    status = 400


def catalogue_import_start(
    *,
    file: StoredFile | None = None,
    url: str = "",
    user: User | None = None,
    is_full: bool = True,
    confirm: bool = False,
    price_type: str = "",
) -> Job:
    """Queue the import of a stored file or of an address.

    `is_full`: offers the feed does not name are no longer sold. `confirm`: even if that is more
    than half of the catalogue. `price_type`: which of CommerceML's prices counts.
    """
    if bool(file) == bool(url):
        raise BadSource(_("Send either a file or an address."))
    if url and not web_address(url):
        raise BadSource(_("The address must begin with http:// or https://."))
    with transaction.atomic():
        return job_start(
            "catalogue.import",
            user=user,
            file=file.pk if file else None,
            url=url,
            full=is_full,
            confirm=confirm,
            price_type=price_type,
            language=translation.get_language() or settings.LANGUAGE_CODE,
        )


@job("catalogue.import")
def catalogue_import(found: Job) -> None:
    """Do one import. Run again after a kill it finds its own rows unchanged and goes on."""
    with translation.override(found.params.get("language") or settings.LANGUAGE_CODE):
        try:
            with _source(found) as path:
                _import(found, path)
        except RetryLater:
            raise
        except Unreadable as exc:
            _drop_upload(found)
            raise JobRefused(_so_far(found, str(exc))) from exc
        except Exception:
            _drop_upload(found)
            raise
        _drop_upload(found)


def _so_far(found: Job, message: str) -> str:
    if not found.done:
        return message
    taken = _("%(n)s rows before that were read; nothing was taken off sale.") % {"n": found.done}
    return f"{message} {taken}"


def _drop_upload(found: Job) -> None:
    """The upload is not needed once the outcome is known; a retry after a kill still has it."""
    stored = StoredFile.objects.filter(pk=found.params.get("file")).first()
    if stored is not None:
        file_delete(stored)


# ── Where the bytes come from ────────────────────────────────────────────────────────────────
@contextmanager
def _source(found: Job) -> Iterator[Path]:
    if url := found.params.get("url"):
        with tempfile.TemporaryDirectory(prefix="feed-") as folder:
            path = Path(folder) / "feed"
            _download_patiently(found, url, path)
            yield path
        return
    stored = StoredFile.objects.filter(pk=found.params.get("file")).first()
    if stored is None:
        raise JobRefused(_("The uploaded file is gone. Send it again."))
    with file_on_disk(stored) as path:
        yield path


def _download_patiently(found: Job, url: str, path: Path) -> None:
    """A shop's server may stumble: some tries, then words instead of an endless wait."""
    try:
        download(url, path)
    except RetryLater as exc:
        tries = found.params.get("tries", 0) + 1
        if tries >= DOWNLOAD_TRIES or "private address" in exc.detail:
            message = _("The feed could not be fetched: %s.") % exc.detail.rstrip(".")
            raise JobRefused(message) from exc
        found.params["tries"] = tries
        found.save(update_fields=["params"])
        raise RetryLater(
            exc.detail, retry_after_s=min(exc.retry_after_s or 2.0**tries, 60)
        ) from exc


def download(url: str, path: Path) -> None:
    """Fetch a feed to a file. Redirects are followed one by one, each past the address guard.

    Raises VendorError, Unreadable.
    """
    begun = time.monotonic()
    with outgoing(vendor="feed", timeout_s=60.0) as client:
        for _hop in range(MAX_REDIRECTS + 1):
            with (
                vendor_errors("feed", f"GET {urlsplit(url).hostname}"),
                client.stream("GET", url) as response,
            ):
                if response.is_redirect:
                    url = web_address(urljoin(url, response.headers.get("location", "")))
                    if not url:
                        raise Unreadable(_("The address redirects to something that is no page."))
                    continue
                response.raise_for_status()
                _write(response, path, begun)
                return
    raise Unreadable(_("The address redirects in a circle."))


def _write(response: httpx.Response, path: Path, begun: float) -> None:
    size = 0
    with path.open("wb") as out:
        for piece in response.iter_bytes(256 * 1024):
            size += len(piece)
            if size > MAX_FILE:
                limit = MAX_FILE // 1_000_000
                raise Unreadable(_("The feed is larger than %(mb)s MB.") % {"mb": limit})
            if time.monotonic() - begun > DOWNLOAD_S:
                raise RetryLater(_("the server sends too slowly"))
            out.write(piece)


# ── The import ───────────────────────────────────────────────────────────────────────────────
def _import(found: Job, path: Path) -> None:
    price_type = found.params.get("price_type", "")
    with feeds.open_feed(path, price_type=price_type) as feed:
        found.start(feed.total)
        if "active_before" not in found.params:
            found.params["active_before"] = Variant.objects.filter(is_active=True).count()
            found.save(update_fields=["params"])
        run = _Run(found)
        fault = None
        try:
            for item in feed.items:
                run.take(item)
        except Unreadable as exc:  # what came before the fault is sound and stays
            fault = exc
        run.flush()
        run.fold()
        if fault:
            run.leave_out()
            raise fault
        if not run.offers and not run.beyond:
            raise Unreadable(_("No offer could be taken from the file."))
        held = run.retire()
        if run.beyond and limits.room("products") != 0:
            # What was taken off sale made room: the rows that found none are read once more.
            with feeds.open_feed(path, price_type=price_type) as again:
                run.take_beyond(again.items)
            run.fold()
        run.leave_out()
        found.advance(run.rows, run.rows)
        if run.left_out:
            found.message = _beyond_plan_all() % {
                "n": run.left_out,
                "most": limits.limit("products"),
            }
        if held:
            found.message += " " * bool(found.message) + _(
                "The feed lacks %(n)s of the %(all)s offers you sell, more than half, so they "
                "stay on sale. If that is meant, import again with confirmation."
            ) % {"n": held, "all": found.params["active_before"]}
        found.finish(kind=feed.kind, **run.figures(), held=held)


@dataclass
class _Run:
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
        for ids in _pieces(
            Product.objects.filter(category__in=renamed).values_list("pk", flat=True)
        ):
            _changed(ids)

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
        _close_empty(touched)
        # The others are told of when their family is folded.
        _changed(pk for pk, row in touched.items() if not row.digest.startswith(UNFOLDED))

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
        unfold: list[int] = []
        for key, members in groups.items():
            product = known.get(key)
            is_single = len(members) == 1 and not members[0].group_id and key not in families
            lead = next((o for o in members if self.leads[key] == o.external_id), None)
            if product is not None and not is_single:
                unfold.append(product.pk)
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
        _unfold(unfold)
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
    def fold(self) -> None:
        """Move what all variants of a card share up to the card, so it is said once."""
        while ids := list(
            Product.objects.filter(digest__startswith=UNFOLDED).values_list("pk", flat=True)[:CHUNK]
        ):
            with transaction.atomic():
                _fold(ids)

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
        for ids in _pieces(absent):
            with transaction.atomic():
                rows = Variant.objects.filter(pk__in=ids)
                products = set(rows.values_list("product_id", flat=True))
                rows.update(is_active=False, updated_at=timezone.now())
                _close_empty(products)
                _changed(products)
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


def _beyond_plan_all() -> str:
    return _("%(n)s rows were left out: your plan allows %(most)s goods on sale. Ask for a larger "
             "plan and import again.")  # fmt: skip


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


def _unfold(product_ids: list[int]) -> None:
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
    _changed(products)


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


def _close_empty(product_ids: Iterable[int]) -> None:
    """A card none of whose variants is sold is not sold."""
    Product.objects.filter(pk__in=list(product_ids), is_active=True).exclude(
        variants__is_active=True
    ).update(is_active=False, updated_at=timezone.now())


def _changed(product_ids: Iterable[int]) -> None:
    for ids in _pieces(sorted(product_ids)):
        outbox.emit("catalogue.changed", key="catalogue", data={"products": ids})


def _pieces(ids: Iterable[int]) -> Iterator[list[int]]:
    found = list(ids)
    for start in range(0, len(found), CHUNK):
        yield found[start : start + CHUNK]


def _is_circle(key: str, categories: dict[str, Category]) -> bool:
    passed = {key}
    parent = categories[key].parent_id
    while parent in categories:
        if parent in passed:
            return True
        passed.add(parent)
        parent = categories[parent].parent_id
    return False
