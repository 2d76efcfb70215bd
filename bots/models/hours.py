from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class OpeningHours(models.Model):
    """An interval in which people answer, in the calendar's zone. Several a day are fine."""

    WEEKDAYS = [
        (0, _("Monday")),
        (1, _("Tuesday")),
        (2, _("Wednesday")),
        (3, _("Thursday")),
        (4, _("Friday")),
        (5, _("Saturday")),
        (6, _("Sunday")),
    ]
    # Empty: the shop's own hours, which buyers are told.
    calendar = models.ForeignKey(
        "bots.Calendar", models.CASCADE, null=True, db_index=False, related_name="hours"
    )
    weekday = models.SmallIntegerField(_("day"), choices=WEEKDAYS)
    opens = models.TimeField(_("from"))
    closes = models.TimeField(_("to"))
    # Ours, until the merchant has saved its own: good enough to guess when a person answers
    # (handover), never told as the shop's.
    is_guess = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name, verbose_name_plural = _("opening hours"), _("opening hours")
        ordering = ["weekday", "opens"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(opens__lt=models.F("closes")), name="opens_first"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}-{self.closes:%H:%M}"


class Holiday(models.Model):
    """A day with other hours; closed where none are given.

    `as_weekday`: it works like another day of the week (a day that was moved). `shorter_min`: the
    day's own (or that day's) hours end so much earlier.
    """

    calendar = models.ForeignKey(
        "bots.Calendar", models.CASCADE, null=True, db_index=False, related_name="days"
    )
    day = models.DateField(_("day"))
    name = models.CharField(_("name"), max_length=80, blank=True)
    opens = models.TimeField(_("from"), null=True, blank=True)
    closes = models.TimeField(_("to"), null=True, blank=True)
    as_weekday = models.SmallIntegerField(
        _("like"), null=True, blank=True, choices=OpeningHours.WEEKDAYS
    )
    shorter_min = models.PositiveSmallIntegerField(_("shorter, min"), default=0, db_default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("holiday"), _("holidays")
        ordering = ["day"]
        constraints = [
            models.UniqueConstraint(
                fields=["calendar", "day"], name="holiday_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"
