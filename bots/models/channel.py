from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.kernel.secrets import EncryptedField


class Channel(models.Model):
    """A connected place where buyers talk; `kind` is a plug-in folder's name."""

    class State(models.TextChoices):
        NEW = "new", _("not connected yet")
        LIVE = "live", _("works")
        PAUSED = "paused", _("paused")
        BROKEN = "broken", _("needs you")

    kind = models.CharField(_("kind"), max_length=32)
    name = models.CharField(_("name"), max_length=80)
    bot = models.ForeignKey(
        "bots.Bot", models.PROTECT, verbose_name=_("bot"), related_name="channels"
    )
    settings = models.JSONField(default=dict, blank=True)
    secrets = EncryptedField(default="", blank=True)
    base_url = models.URLField(_("address of the service"), blank=True)
    proxy = models.CharField(_("proxy"), max_length=300, blank=True)
    route_key = models.CharField(max_length=43, unique=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.NEW)
    state_detail = models.CharField(_("detail"), max_length=300, blank=True)
    # What the platform says of us: {"name", "username", "picture", "link"}.
    account = models.JSONField(default=dict, blank=True)
    # Where polling stands, when a test message was awaited, and the like.
    cursor = models.JSONField(default=dict, blank=True)
    last_in_at = models.DateTimeField(_("last message in"), null=True)
    last_out_at = models.DateTimeField(_("last message out"), null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("channel"), _("channels")

    def __str__(self) -> str:
        return self.name
