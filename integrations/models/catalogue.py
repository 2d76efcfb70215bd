"""product → variant (SKU, what is bought) → listing (it, as an outside system shows it)."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Category(models.Model):
    external_id = models.CharField(max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=200)
    parent = models.ForeignKey("self", models.SET_NULL, null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("category"), _("categories")

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """A card: what its variants share. `external_id` is the feed's group id, else the offer id."""

    external_id = models.CharField(_("id in the shop"), max_length=120, unique=True)
    name = models.CharField(_("name"), max_length=300)
    description = models.TextField(_("description"), blank=True)
    vendor = models.CharField(_("brand"), max_length=120, blank=True)
    category = models.ForeignKey(Category, models.SET_NULL, null=True, verbose_name=_("category"))
    url = models.URLField(_("page"), max_length=600, blank=True)
    pictures = models.JSONField(default=list, blank=True)
    params = models.JSONField(_("properties"), default=dict, blank=True)
    is_active = models.BooleanField(_("sold"), default=True)
    # Hash of what the source said; an unchanged row is not written again.
    digest = models.CharField(max_length=32, blank=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name, verbose_name_plural = _("product"), _("products")

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    """One SKU. Money is `price` in `currency`; `stock` None means the source does not count it."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="variants")
    external_id = models.CharField(_("offer id"), max_length=120, unique=True)
    sku = models.CharField(_("vendor code"), max_length=120, blank=True)
    barcode = models.CharField(_("barcode"), max_length=64, blank=True)
    name = models.CharField(_("name"), max_length=300)
    price = models.DecimalField(_("price"), max_digits=14, decimal_places=2, null=True)
    old_price = models.DecimalField(_("old price"), max_digits=14, decimal_places=2, null=True)
    currency = models.CharField(_("currency"), max_length=3, default="RUB")
    is_available = models.BooleanField(_("in stock"), default=True)
    stock = models.IntegerField(_("pieces"), null=True)
    # What tells variants apart: {"Цвет": "синий", "Размер": "46"}.
    params = models.JSONField(_("properties"), default=dict, blank=True)
    url = models.URLField(_("page"), max_length=600, blank=True)
    picture = models.CharField(max_length=600, blank=True)
    is_active = models.BooleanField(_("sold"), default=True)
    digest = models.CharField(max_length=32, blank=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name, verbose_name_plural = _("variant"), _("variants")

    def __str__(self) -> str:
        return self.name


class Listing(models.Model):
    connection = models.ForeignKey("integrations.Connection", models.CASCADE)
    variant = models.ForeignKey(Variant, models.CASCADE, related_name="listings")
    external_id = models.CharField(max_length=120)
    data = models.JSONField(default=dict)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name, verbose_name_plural = _("listing"), _("listings")
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="listing_once")
        ]

    def __str__(self) -> str:
        return self.external_id
