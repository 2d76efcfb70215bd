"""Who resells, under which name, and what a merchant may use."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

HEX = RegexValidator(r"^#[0-9a-fA-F]{6}$", _("A colour like #2f6f4f."))


class Brand(models.Model):
    """Looks and words of a partner or a merchant. An empty value is inherited from the partner."""

    name = models.CharField(_("name"), max_length=80, blank=True)
    colour = models.CharField(_("main colour"), max_length=7, blank=True, validators=[HEX])
    logo = models.TextField(_("logo"), blank=True, help_text=_("SVG or a data address."))
    logo_dark = models.TextField(_("logo for dark pages"), blank=True)
    favicon = models.TextField(_("icon"), blank=True)
    support_email = models.EmailField(_("support e-mail"), blank=True)
    support_url = models.URLField(_("support page"), blank=True)
    sender_name = models.CharField(_("name on e-mails"), max_length=80, blank=True)
    sender_email = models.EmailField(_("address of e-mails"), blank=True)
    privacy_url = models.URLField(_("privacy policy"), blank=True)
    legal_name = models.CharField(_("legal name"), max_length=200, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("brand"), _("brands")

    def __str__(self) -> str:
        return self.name or f"brand {self.pk}"


class MailServer(models.Model):
    """A brand's own way to send e-mails. A merchant without one uses its partner's."""

    class Security(models.TextChoices):
        STARTTLS = "starttls", _("STARTTLS (usually port 587)")
        TLS = "tls", _("TLS from the start (usually port 465)")
        NONE = "none", _("none")

    brand = models.OneToOneField(Brand, models.CASCADE, related_name="mail_server")
    host = models.CharField(_("server"), max_length=253)
    port = models.PositiveIntegerField(_("port"), default=587)
    security = models.CharField(
        _("encryption"), max_length=8, choices=Security.choices, default=Security.STARTTLS
    )
    username = models.CharField(_("user name"), max_length=254, blank=True)
    # The password, sealed with a key of this brand.
    sealed = models.TextField(blank=True, editable=False)
    sender = models.EmailField(_("address of e-mails"))
    # Why the last letter did not go through it; empty while it works.
    fault = models.CharField(max_length=300, blank=True)
    fault_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("mail server"), _("mail servers")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Plan(models.Model):
    """Limits only, for now; money comes with billing."""

    name = models.CharField(_("name"), max_length=60, unique=True)
    conversations_a_month = models.PositiveIntegerField(_("conversations a month"), default=1000)
    channels = models.PositiveIntegerField(_("channels"), default=10)
    agents = models.PositiveIntegerField(_("agents"), default=10)
    products = models.PositiveIntegerField(_("products"), default=100_000)
    model_money_a_month = models.DecimalField(
        _("model budget a month, ₽"), max_digits=12, decimal_places=2, default=3000
    )

    class Meta:
        verbose_name, verbose_name_plural = _("plan"), _("plans")

    def __str__(self) -> str:
        return self.name


class Partner(models.Model):
    """A reseller. The platform itself is the first partner."""

    slug = models.SlugField(_("short name"), max_length=40, unique=True)
    brand = models.OneToOneField(Brand, models.PROTECT, verbose_name=_("brand"))
    plan = models.ForeignKey(Plan, models.PROTECT, verbose_name=_("plan of new merchants"))
    is_platform = models.BooleanField(_("the platform itself"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    signup_open = models.BooleanField(_("sign-up page is open"), default=True)
    region = models.CharField(_("country"), max_length=2, default="RU")
    language = models.CharField(_("language"), max_length=8, default="ru")
    # Kinds of channels its merchants may not use ("whatsapp"): keys of bots/channels.
    channels_off = models.JSONField(_("channels that are switched off"), default=list, blank=True)
    secrets = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("partner"), _("partners")

    def __str__(self) -> str:
        return self.brand.name or self.slug


class KeyFault(models.Model):
    """A key a partner lends its merchants that the service refuses, or refused once."""

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="key_faults")
    provider = models.CharField(max_length=24)
    # Since when; empty while the key works.
    since = models.DateTimeField(null=True, blank=True)
    # The service's own words, without anything secret.
    detail = models.CharField(max_length=300, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "provider"], name="tenants_keyfault_one")
        ]

    def __str__(self) -> str:
        return f"{self.partner_id} {self.provider}"
