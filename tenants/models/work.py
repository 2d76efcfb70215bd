"""Waiting work and facts on their way out: ids, never content (docs/architecture.md)."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Due(models.Model):
    """Work that waits, or a timer. Celery only rings the bell; this row is the truth."""

    schema = models.CharField(max_length=63)
    kind = models.CharField(max_length=24)
    object_id = models.BigIntegerField()
    due_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)
    # Grows with each wish; work that was wished again while it ran is not forgotten.
    version = models.IntegerField(db_default=0)
    attempts = models.SmallIntegerField(db_default=0)
    # The holder of the lease.
    token = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schema", "kind", "object_id"], name="due_once")
        ]
        indexes = [models.Index(fields=["due_at"], name="due_at")]

    def __str__(self) -> str:
        return f"{self.schema} {self.kind} {self.object_id}"


class OutboxEvent(models.Model):
    """A fact committed with its change; the relay numbers it into the merchant's event log."""

    schema = models.CharField(max_length=63)
    name = models.CharField(max_length=64)
    key = models.CharField(max_length=80)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    # Number in the merchant's event log, once it is there; handlers may still have to run.
    seq = models.BigIntegerField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.SmallIntegerField(db_default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.key}"
