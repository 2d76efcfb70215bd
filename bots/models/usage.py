from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class ModelCall(models.Model):
    """One call of a language model: what it cost and how it ended. Holds no text."""

    provider = models.CharField(max_length=24)
    model = models.CharField(max_length=80)
    purpose = models.CharField(max_length=16)  # reply | summary | translate | preview
    prompt_tokens = models.IntegerField(default=0)
    completion_tokens = models.IntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    currency = models.CharField(max_length=3, default="RUB")
    ms = models.IntegerField(default=0)
    outcome = models.CharField(max_length=24)
    conversation_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"{self.provider} {self.outcome}"
