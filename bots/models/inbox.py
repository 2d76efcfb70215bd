from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Inbox(models.Model):
    """What a platform delivered, as it came. A row here is what our 200 promises."""

    channel_id = models.BigIntegerField()
    # The delivery's identity: the platform repeats itself, the constraint absorbs it.
    dedupe_key = models.CharField(max_length=120)
    # Hash of channel and chat: messages of one lane are applied one after another.
    lane = models.BigIntegerField()
    payload = models.JSONField()
    received_at = models.DateTimeField(db_default=Now())
    applied_at = models.DateTimeField(null=True)
    attempts = models.SmallIntegerField(db_default=0)
    error = models.CharField(max_length=300, blank=True, db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel_id", "dedupe_key"], name="inbox_once")
        ]
        indexes = [
            models.Index(
                fields=["lane", "id"], name="inbox_waiting", condition=models.Q(applied_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.dedupe_key}"
