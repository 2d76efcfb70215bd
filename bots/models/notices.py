"""What people are told about, and the browsers that are told when no page is open."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.kernel.secrets import EncryptedField


class Notice(models.Model):
    """One person is told one fact once (`key`). Ids only; words are made when it is sent."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="+"
    )
    event = models.CharField(max_length=12)
    key = models.CharField(max_length=60)
    conversation = models.ForeignKey(
        "bots.Conversation", models.CASCADE, null=True, related_name="+"
    )
    # {"reason", "channel", "by"…}: what the words need beside the conversation.
    data = models.JSONField(default=dict)
    # Ways it still has to go: "push", "push:<subscription>", "email", "telegram"; and those gone.
    todo = models.JSONField(default=list)
    sent = models.JSONField(default=list)
    at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("notice"), _("notices")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="notice_once")]

    def __str__(self) -> str:
        return f"{self.event} → {self.user_id}"


class PushSubscription(models.Model):
    """A browser that agreed to be told. Ends with the session it was made in."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="+"
    )
    # One browser is one person's: whoever logs in there next takes it over.
    mark = models.CharField(max_length=64, unique=True)
    # {"endpoint", "p256dh", "auth"}: who has these can write to the browser.
    secrets = EncryptedField(default="")
    session = models.CharField(max_length=64)
    device = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    ok_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("browser to be told"), _("browsers to be told")

    def __str__(self) -> str:
        return self.device or f"#{self.pk}"
