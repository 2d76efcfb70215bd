from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Template(models.Model):
    """A prepared reply. Triggers make the bot use it; agents find it by `/code`."""

    code = models.SlugField(_("short code"), max_length=40, unique=True, allow_unicode=True)
    name = models.CharField(_("name"), max_length=120)
    category = models.CharField(_("category"), max_length=60, blank=True)
    intents = models.JSONField(_("intents"), default=list, blank=True)
    phrases = models.JSONField(
        _("phrases that trigger it"), default=list, blank=True, help_text=_("One a line.")
    )
    buttons = models.JSONField(_("buttons"), default=list, blank=True)
    attachments = models.JSONField(_("files"), default=list, blank=True)
    # {"from": "2026-12-01", "to": …, "weekdays": [0…6], "only": "open" | "closed"}
    schedule = models.JSONField(_("schedule"), default=dict, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    used = models.PositiveIntegerField(_("times used"), default=0, editable=False)
    used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("template"), _("templates")

    def __str__(self) -> str:
        return self.name


class TemplateText(models.Model):
    template = models.ForeignKey(Template, models.CASCADE, related_name="texts")
    lang = models.CharField(_("language"), max_length=8, default="ru")
    text = models.TextField(_("text"))

    class Meta:
        verbose_name, verbose_name_plural = _("text"), _("texts")
        constraints = [
            models.UniqueConstraint(fields=["template", "lang"], name="template_text_once")
        ]

    def __str__(self) -> str:
        return f"{self.template_id} {self.lang}"
