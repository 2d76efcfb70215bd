"""When people work, and how soon a buyer is to be answered in that time."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Calendar(models.Model):
    """Working time of its own beside the shop's; its hours and days are rows that name it."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    # Empty: the merchant's own zone.
    time_zone = models.CharField(_("time zone"), max_length=40, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("calendar"), _("calendars")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SlaPolicy(models.Model):
    """How soon, in working time. The first that fits a conversation holds; times may be empty."""

    name = models.CharField(_("name"), max_length=80)
    is_on = models.BooleanField(_("in use"), default=True, db_default=True)
    position = models.SmallIntegerField(_("place"), default=0, db_default=0)
    # Rows of bots.services.conditions; all have to hold, none is always.
    when = models.JSONField(default=list, blank=True)
    first_reply_s = models.PositiveIntegerField(_("first reply"), null=True, blank=True)
    next_reply_s = models.PositiveIntegerField(_("next reply"), null=True, blank=True)
    resolve_s = models.PositiveIntegerField(_("resolution"), null=True, blank=True)
    warn_percent = models.PositiveSmallIntegerField(_("warn at, %"), default=70, db_default=70)
    # {"warned": [actions], "breached": [actions]} of bots.services.actions.
    escalate = models.JSONField(default=dict, blank=True)
    # Empty: the team's calendar, else the shop's hours.
    calendar = models.ForeignKey(
        Calendar, models.SET_NULL, null=True, blank=True, db_index=False, related_name="+"
    )

    class Meta:
        verbose_name, verbose_name_plural = _("answer time"), _("answer times")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(warn_percent__gte=1) & Q(warn_percent__lte=99), name="sla_warns_before"
            )
        ]

    def __str__(self) -> str:
        return self.name
