from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.kernel.secrets import EncryptedField


class Connection(models.Model):
    """A merchant's account in an outside system; `connector` is a plug-in folder's name."""

    class State(models.TextChoices):
        LIVE = "live", _("works")
        PAUSED = "paused", _("paused")
        BROKEN = "broken", _("needs you")

    connector = models.CharField(_("system"), max_length=32)
    name = models.CharField(_("name"), max_length=80)
    settings = models.JSONField(default=dict, blank=True)
    secrets = EncryptedField(default="", blank=True)
    base_url = models.URLField(blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.LIVE)
    state_detail = models.CharField(_("detail"), max_length=300, blank=True)
    cursor = models.JSONField(default=dict, blank=True)
    synced_at = models.DateTimeField(_("last synced"), null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("connection"), _("connections")

    def __str__(self) -> str:
        return self.name
