from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.kernel.secrets import EncryptedField


class ModelAccount(models.Model):
    """A merchant's own credentials at a model provider; `provider` is a plug-in folder's name."""

    class State(models.TextChoices):
        LIVE = "live", _("works")
        PAUSED = "paused", _("paused")
        BROKEN = "broken", _("needs you")

    provider = models.CharField(_("provider"), max_length=24)
    name = models.CharField(_("name"), max_length=80, blank=True)
    settings = models.JSONField(default=dict, blank=True)
    secrets = EncryptedField(default="", blank=True)
    base_url = models.URLField(_("address of the service"), blank=True)
    proxy = models.CharField(_("proxy"), max_length=300, blank=True)
    # Asked first to last when a bot names no order of its own.
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.LIVE)
    state_detail = models.CharField(_("detail"), max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("model account"), _("model accounts")
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name or self.provider
