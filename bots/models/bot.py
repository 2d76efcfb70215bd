from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Bot(models.Model):
    """Persona and policies being edited. What answers buyers is `published`, a frozen version."""

    name = models.CharField(_("name"), max_length=60, help_text=_("Buyers see this name."))
    greeting = models.TextField(_("greeting"), blank=True)
    tone = models.TextField(
        _("how it speaks"), blank=True, help_text=_("For example: friendly, brief, no slang.")
    )
    rules = models.TextField(
        _("what it must and must not do"), blank=True, help_text=_("One rule a line.")
    )
    language = models.CharField(_("main language"), max_length=8, default="ru")
    # Order of model providers: [{"provider": "openai", "model": "…", …}]; empty = offline answerer.
    providers = models.JSONField(_("models"), default=list, blank=True)
    foreign_models = models.BooleanField(
        _("foreign models allowed"),
        default=False,
        help_text=_("Texts of buyers leave the country; personal data is masked before that."),
    )
    # Topics that always go to a person: a list of closed keys ("complaint", "wholesale", …).
    handover_topics = models.JSONField(_("topics for a person"), default=list, blank=True)
    skills = models.JSONField(_("skills"), default=list, blank=True)
    deadline_s = models.PositiveSmallIntegerField(_("seconds to answer"), default=20)
    is_active = models.BooleanField(_("answers buyers"), default=True)
    published = models.ForeignKey(
        "bots.BotVersion", models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("bot"), _("bots")

    def __str__(self) -> str:
        return self.name


class BotVersion(models.Model):
    """An immutable copy of a bot's settings; messages say which one wrote them."""

    bot = models.ForeignKey(Bot, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    config = models.JSONField()
    published_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("bot version"), _("bot versions")
        constraints = [models.UniqueConstraint(fields=["bot", "number"], name="bot_version_once")]

    def __str__(self) -> str:
        return f"{self.bot_id} v{self.number}"
