"""Words offered to who looks around on a site. What such people do is not stored (Redis only)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Greeting(models.Model):
    """Said by the chat on a site when all of `when` is so, before anybody has written."""

    name = models.CharField(_("name"), max_length=80)
    is_on = models.BooleanField(_("on"), default=False)
    position = models.SmallIntegerField(_("place"), default=0)
    # Empty: every site that shows visitors.
    channel = models.ForeignKey(
        "bots.Channel",
        models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("site"),
    )
    # {"page", "seconds", "cart_from", "returning", "open", "segment"}; what is absent is any.
    when = models.JSONField(_("conditions"), default=dict, blank=True)
    # {"ru": "…", "en": "…"}
    text = models.JSONField(_("text"), default=dict)
    # Times a visitor sees it in a day.
    cap = models.PositiveSmallIntegerField(_("times a day for one visitor"), default=1)
    shown = models.PositiveIntegerField(_("shown"), default=0, editable=False)
    opened = models.PositiveIntegerField(_("opened"), default=0, editable=False)
    answered = models.PositiveIntegerField(_("answered"), default=0, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("greeting"), _("greetings")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name
