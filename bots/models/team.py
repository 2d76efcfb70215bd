"""Who answers: teams, what each person can and how much, when they work, and labels."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.models.hours import OpeningHours


class Team(models.Model):
    """People who share a queue. A conversation without a team is the default team's."""

    class Assignment(models.TextChoices):
        MANUAL = "manual", _("people take from the queue")
        ROUND_ROBIN = "round_robin", _("in turn")
        LEAST_LOADED = "least_loaded", _("whoever has the most room")

    # Empty: the default team, named by the interface.
    name = models.CharField(_("name"), max_length=80, blank=True)
    is_default = models.BooleanField(_("default"), default=False, db_default=False, editable=False)
    assignment = models.CharField(
        _("how chats are given out"),
        max_length=12,
        choices=Assignment.choices,
        default=Assignment.MANUAL,
    )
    # An offer lasts so long; 0 gives the conversation without asking.
    accept_s = models.PositiveSmallIntegerField(
        _("seconds to accept"),
        default=30,
        help_text=_("0: the chat is given without asking."),
    )
    sees_colleagues = models.BooleanField(
        _("people see their colleagues' chats"), default=True, db_default=True
    )
    is_sticky = models.BooleanField(
        _("a returning buyer goes to whoever answered before"), default=True, db_default=True
    )
    # What everybody of the team has, beside what is written in each profile.
    languages = models.JSONField(_("languages"), default=list, blank=True)
    skills = models.JSONField(_("skills"), default=list, blank=True)
    # Which cards about the buyer come first beside a dialogue; the rest follow as usual.
    cards = models.JSONField(
        _("cards beside a dialogue"),
        default=list,
        blank=True,
        db_default=models.Value([], models.JSONField()),
    )
    # Empty: the shop's hours.
    calendar = models.ForeignKey(
        "bots.Calendar",
        models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("calendar"),
    )

    class Meta:
        verbose_name, verbose_name_plural = _("team"), _("teams")
        ordering = ["-is_default", "name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="team_default"
            )
        ]

    def __str__(self) -> str:
        return self.name or str(_("Main team"))


class TeamMember(models.Model):
    team = models.ForeignKey(Team, models.CASCADE, related_name="members", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="+",
        db_index=False,
        verbose_name=_("person"),
    )
    # Sees and gives out everything of this team, whatever the role.
    is_lead = models.BooleanField(_("leads the team"), default=False, db_default=False)

    class Meta:
        verbose_name, verbose_name_plural = _("member"), _("members")
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="team_member_once"),
        ]

    def __str__(self) -> str:
        return str(self.user)


class AgentProfile(models.Model):
    """How much a person takes at once, and what of. Who has none has the defaults."""

    CAPACITY = 5

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )
    capacity = models.PositiveSmallIntegerField(_("chats at once"), default=CAPACITY)
    # {"telegram": 2}: at most so many of that kind of channel.
    channel_capacity = models.JSONField(_("chats at once by channel"), default=dict, blank=True)
    skills = models.JSONField(_("skills"), default=list, blank=True)
    # Empty: the team's; where that is empty too, any language.
    languages = models.JSONField(_("languages"), default=list, blank=True)
    offers_missed = models.PositiveSmallIntegerField(default=0, editable=False)
    last_assigned_at = models.DateTimeField(null=True, editable=False)
    # When an open console (or a call to the API) was last heard of.
    seen_at = models.DateTimeField(null=True, editable=False)
    # Personal choices by area: notices, keyboard…
    prefs = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("agent's profile"), _("agents' profiles")

    def __str__(self) -> str:
        return str(self.user)


class Shift(models.Model):
    """A weekly interval of work in the merchant's zone; one that ends before it starts passes
    midnight. Who has no shifts is on shift whenever online."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="+",
        db_index=False,
        verbose_name=_("person"),
    )
    weekday = models.SmallIntegerField(_("day"), choices=OpeningHours.WEEKDAYS)
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("to"))

    class Meta:
        verbose_name, verbose_name_plural = _("shift"), _("shifts")
        ordering = ["user", "weekday", "starts"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(starts=models.F("ends")), name="shift_has_length"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M}-{self.ends:%H:%M}"


class Label(models.Model):
    """A name people put on conversations; `Conversation.labels` holds the names."""

    class Colour(models.TextChoices):
        GREY = "grey", _("grey")
        RED = "red", _("red")
        ORANGE = "orange", _("orange")
        YELLOW = "yellow", _("yellow")
        GREEN = "green", _("green")
        BLUE = "blue", _("blue")
        PURPLE = "purple", _("purple")
        PINK = "pink", _("pink")

    name = models.CharField(_("name"), max_length=40, unique=True)
    colour = models.CharField(
        _("colour"), max_length=8, choices=Colour.choices, default=Colour.GREY
    )
    position = models.SmallIntegerField(_("place"), default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("label"), _("labels")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name
