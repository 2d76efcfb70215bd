"""order → line, parcel, return. Phones are E.164, e-mails lower case: they prove who asks."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Order(models.Model):
    class Status(models.TextChoices):
        NEW = "new", _("new")
        PAID = "paid", _("paid")
        ASSEMBLING = "assembling", _("being packed")
        SHIPPED = "shipped", _("on its way")
        READY = "ready", _("waiting at the pick-up point")
        DELIVERED = "delivered", _("delivered")
        CANCELLED = "cancelled", _("cancelled")
        RETURNED = "returned", _("returned")
        OTHER = "other", _("other")

    number = models.CharField(_("number"), max_length=64, unique=True)
    connection = models.ForeignKey("integrations.Connection", models.SET_NULL, null=True)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices)
    # The shop's own word where it is none of ours.
    status_text = models.CharField(max_length=80, blank=True)
    name = models.CharField(_("buyer"), max_length=120, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True, db_index=True)
    email = models.EmailField(_("e-mail"), blank=True, db_index=True)
    sum = models.DecimalField(_("sum"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3, default="RUB")
    placed_at = models.DateTimeField(_("placed"))
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name, verbose_name_plural = _("order"), _("orders")
        ordering = ["-placed_at"]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    offer_id = models.CharField(_("offer id"), max_length=120, blank=True)
    name = models.CharField(_("name"), max_length=300)
    qty = models.DecimalField(_("quantity"), max_digits=10, decimal_places=3)
    price = models.DecimalField(_("price"), max_digits=14, decimal_places=2)

    class Meta:
        verbose_name, verbose_name_plural = _("order line"), _("order lines")

    def __str__(self) -> str:
        return self.name


class Parcel(models.Model):
    order = models.OneToOneField(Order, models.CASCADE, related_name="parcel")
    service = models.CharField(_("delivery service"), max_length=80, blank=True)
    track = models.CharField(_("track number"), max_length=80, blank=True)
    eta = models.DateField(_("expected"), null=True, blank=True)
    address = models.CharField(_("address"), max_length=400, blank=True)
    cost = models.DecimalField(_("delivery cost"), max_digits=12, decimal_places=2, null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("parcel"), _("parcels")

    def __str__(self) -> str:
        return self.track or self.service


class Return(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="returns")
    external_id = models.CharField(max_length=80, blank=True)
    state = models.CharField(_("state"), max_length=16, default="asked")
    reason = models.TextField(_("reason"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("return"), _("returns")

    def __str__(self) -> str:
        return f"{self.order_id} {self.state}"
