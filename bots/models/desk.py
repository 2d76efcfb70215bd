"""What colleagues keep on their desk: lists of their own, who was called, what was good."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class SavedView(models.Model):
    """A list somebody keeps: its owner's, a team's, or everybody's where it has neither."""

    name = models.CharField(_("name"), max_length=60)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, db_index=False, related_name="+"
    )
    team = models.ForeignKey(
        "bots.Team", models.CASCADE, null=True, db_index=False, related_name="+"
    )
    # {"view", "channels", "labels", "agents", "languages", "speakers", "unread"}
    filters = models.JSONField(_("conditions"), default=dict)
    sort = models.CharField(max_length=8, blank=True)
    position = models.SmallIntegerField(default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("saved list"), _("saved lists")

    def __str__(self) -> str:
        return self.name


class Mention(models.Model):
    """A colleague called into a conversation by a note."""

    conversation = models.ForeignKey(
        "bots.Conversation", models.CASCADE, related_name="mentions", db_index=False
    )
    message = models.ForeignKey("bots.Message", models.CASCADE, db_index=False, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "conversation", "message"], name="mention_once")
        ]

    def __str__(self) -> str:
        return f"{self.message_id} @{self.user_id}"


class Verdict(models.Model):
    """What a colleague thinks of an answer of the bot, and what to mend."""

    class About(models.TextChoices):
        KNOWLEDGE = "knowledge", _("knowledge")
        TONE = "tone", _("tone")
        RULE = "rule", _("rule")

    message = models.ForeignKey(
        "bots.Message", models.CASCADE, related_name="verdicts", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="+"
    )
    is_good = models.BooleanField()
    about = models.CharField(max_length=10, choices=About.choices, blank=True)
    comment = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "user"], name="verdict_once")]

    def __str__(self) -> str:
        return f"{self.message_id} {'+' if self.is_good else '-'}"
