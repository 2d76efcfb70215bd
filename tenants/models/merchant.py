"""A merchant, its hosts and the addresses its channels are called at."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_tenants.models import TenantMixin

from tenants.models.partner import Brand, Partner, Plan


class Merchant(TenantMixin):
    """One shop business. The schema's name is opaque and never changes; the slug may."""

    auto_create_schema = False

    class State(models.TextChoices):
        SPARE = "spare", _("prepared")
        ACTIVE = "active", _("active")
        SUSPENDED = "suspended", _("suspended")
        DELETING = "deleting", _("being deleted")

    slug = models.SlugField(_("short name"), max_length=40, unique=True, null=True, blank=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    partner = models.ForeignKey(
        Partner, models.PROTECT, null=True, related_name="merchants", verbose_name=_("partner")
    )
    plan = models.ForeignKey(Plan, models.PROTECT, null=True, verbose_name=_("plan"))
    brand = models.OneToOneField(Brand, models.PROTECT, null=True, verbose_name=_("brand"))
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.SPARE, db_index=True
    )
    state_reason = models.CharField(_("reason"), max_length=200, blank=True)
    region = models.CharField(_("country"), max_length=2, default="RU")
    language = models.CharField(_("language"), max_length=8, default="ru")
    time_zone = models.CharField(_("time zone"), max_length=40, default="Europe/Moscow")
    currency = models.CharField(_("currency"), max_length=3, default="RUB")
    is_demo = models.BooleanField(_("demo"), default=False)
    delete_after = models.DateTimeField(_("gone after"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("merchant"), _("merchants")

    def __str__(self) -> str:
        return self.name or self.schema_name

    @property
    def is_serving(self) -> bool:
        return self.state == self.State.ACTIVE


class Domain(models.Model):
    """A host we answer on: of the platform, of a partner, or of a merchant."""

    host = models.CharField(_("host"), max_length=253, unique=True)
    partner = models.ForeignKey(Partner, models.CASCADE, related_name="domains")
    merchant = models.ForeignKey(Merchant, models.CASCADE, null=True, related_name="domains")
    is_primary = models.BooleanField(_("primary"), default=True)

    class Meta:
        verbose_name, verbose_name_plural = _("domain"), _("domains")

    def __str__(self) -> str:
        return self.host


class RouteKey(models.Model):
    """The unguessable part of a hook's or chat page's address → merchant and channel."""

    key = models.CharField(max_length=43, primary_key=True)
    merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="route_keys")
    schema = models.CharField(max_length=63)
    channel_id = models.BigIntegerField()
    kind = models.CharField(max_length=32)
    # What the adapter needs to verify a call, sealed with the merchant's key.
    sealed = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.schema}"


class SchemaTemplate(models.Model):
    """Statements that make a merchant's schema as the migrations would (services/template.py)."""

    # Of the migrations' files; one row, that of the last `migrate_all`.
    digest = models.CharField(max_length=64, primary_key=True)
    # Empty where the statements did not make an equal schema: then migrations make each.
    ddl = models.TextField(blank=True)
    made_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest[:12]
