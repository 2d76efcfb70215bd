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


class Dialogue(models.Model):
    """One episode as the log tells it: a row of the export, and what the figures are made of.

    Numbers of other tables are plain numbers: a read model outlives what it speaks of. 0 is the
    default team, nobody, and a channel that is gone.
    """

    # Of the fact that opened it: the same whenever it is made anew.
    seq = models.BigIntegerField(primary_key=True)
    conversation_id = models.BigIntegerField()
    channel_id = models.BigIntegerField(default=0)
    # Which team had it last, and which person.
    team_id = models.BigIntegerField(default=0)
    agent_id = models.BigIntegerField(default=0)
    opened_at = models.DateTimeField()
    # The first answer of anybody.
    answered_at = models.DateTimeField(null=True)
    answer_s = models.IntegerField(null=True)
    # First time a person was called, and why.
    handed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=24, blank=True)
    taken_at = models.DateTimeField(null=True)
    # A person's first answer, and how long the buyer waited for it in working time.
    reply_at = models.DateTimeField(null=True)
    reply_s = models.IntegerField(null=True)
    reply_agent_id = models.BigIntegerField(default=0)
    closed_at = models.DateTimeField(null=True)
    # The buyer wrote again soon after the closing.
    back_at = models.DateTimeField(null=True)
    rated_at = models.DateTimeField(null=True)
    score = models.SmallIntegerField(null=True)
    rated_about = models.CharField(max_length=5, blank=True)
    rated_agent_id = models.BigIntegerField(default=0)
    waits_since = models.DateTimeField(null=True)
    # {"2026-11-20 09|taken||7": 1}: what happened in which hour of the shop, by whom.
    acts = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["conversation_id", "-seq"], name="dialogue_newest")]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.opened_at:%d.%m %H:%M}"


class HourlyFigure(models.Model):
    """What dialogues count for, by the shop's own hour: always the sum over `Dialogue`.

    Times are counted by their exact length (`label`), so a median of any period is exact.
    """

    day = models.DateField()
    hour = models.SmallIntegerField()
    name = models.CharField(max_length=12)
    label = models.CharField(max_length=24, blank=True)
    channel_id = models.BigIntegerField(default=0)
    team_id = models.BigIntegerField(default=0)
    agent_id = models.BigIntegerField(default=0)
    value = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "hour", "name", "label", "channel_id", "team_id", "agent_id"],
                name="hourly_figure_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.hour} {self.name} {self.value}"
