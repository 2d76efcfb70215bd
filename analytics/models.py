"""Read models fed by events; rebuilt from the event log at any time."""

from __future__ import annotations

from django.db import models


class DailyFigure(models.Model):
    """One figure of one day, added up from events (`analytics.handlers`)."""

    day = models.DateField()
    name = models.CharField(max_length=40)
    label = models.CharField(max_length=40, blank=True)
    value = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "name", "label"], name="daily_figure_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.name} {self.value}"
