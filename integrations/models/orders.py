"""order → line, parcel, request. Phones are E.164, e-mails lower case: they prove who asks."""

from __future__ import annotations

from django.conf import settings
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


class OrderRequest(models.Model):
    """What a buyer asks of an order: to take goods back, or to sell the same again.

    A person of the shop carries it out; the order itself stays what the shop says it is.
    """

    class Kind(models.TextChoices):
        RETURN = "return", _("return")
        REPEAT = "repeat", _("repeat")

    class State(models.TextChoices):
        OPEN = "open", _("to be done")
        DONE = "done", _("carried out")
        REFUSED = "refused", _("refused")

    order = models.ForeignKey(
        Order, models.CASCADE, related_name="requests", verbose_name=_("order")
    )
    kind = models.CharField(_("what is asked"), max_length=8, choices=Kind.choices)
    state = models.CharField(
        _("state"), max_length=8, choices=State.choices, default=State.OPEN, db_default="open"
    )
    # Copies: an import writes the lines of an order anew. [{offer_id, name, qty, price}]
    lines = models.JSONField(_("goods"), default=list)
    sum = models.DecimalField(_("sum"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3, default="RUB")
    note = models.TextField(_("note"), blank=True)
    # What was decided, where somebody has said it.
    answer = models.CharField(_("answer"), max_length=300, blank=True)
    # Of bots.Conversation: this app does not know that one.
    conversation = models.BigIntegerField(null=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        db_index=False,
        related_name="+",
        verbose_name=_("by"),
    )
    client_key = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(_("noted"), db_default=Now())
    settled_at = models.DateTimeField(_("settled"), null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("request"), _("returns and repeats")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return str(_("No. %(number)s, order %(order)s") % {"number": self.pk, "order": self.order})
