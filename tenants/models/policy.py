"""Where advertising is forbidden, by country and kind of channel. The operator edits it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class AdPolicy(models.Model):
    """Advertising in a kind of channel is forbidden to merchants of a country in these days.

    What a row says is the operator's decision and no legal advice of ours.
    """

    region = models.CharField(_("country"), max_length=2, default="RU")
    channel = models.CharField(
        _("kind of channel"),
        max_length=32,
        help_text=_("As its plug-in is called: whatsapp, telegram, sms…"),
    )
    forbidden_from = models.DateField(_("forbidden from"))
    forbidden_until = models.DateField(
        _("until"), null=True, blank=True, help_text=_("The last day; empty: no end is known.")
    )
    is_on = models.BooleanField(_("in force"), default=True)
    why = models.CharField(_("why"), max_length=300)

    class Meta:
        verbose_name, verbose_name_plural = _("ban of advertising"), _("bans of advertising")
        constraints = [
            models.UniqueConstraint(
                fields=["region", "channel", "forbidden_from"], name="tenants_adpolicy_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.region} {self.channel} {self.forbidden_from}"
