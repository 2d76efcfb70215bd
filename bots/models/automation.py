"""When / if / then, what it did, and several acts by one press."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Rule(models.Model):
    """When something happens, and all of `when` holds, everything of `then` is done."""

    name = models.CharField(_("name"), max_length=120)
    is_on = models.BooleanField(_("switched on"), default=False, db_default=False)
    position = models.SmallIntegerField(_("place"), default=0, db_default=0)
    event = models.CharField(_("when"), max_length=24)
    # For silence: after how long.
    silence_s = models.PositiveIntegerField(_("after"), default=0, db_default=0)
    when = models.JSONField(default=list, blank=True)
    then = models.JSONField(default=list, blank=True)
    # A rule of ours that the engine itself keeps ("agent_silent", "thanks").
    builtin = models.CharField(max_length=16, blank=True, default="", db_default="")
    # Nothing that happened before it was switched on sets it off.
    on_since = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("rule"), _("rules")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["builtin"], condition=~models.Q(builtin=""), name="rule_builtin_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class RuleFiring(models.Model):
    """One time a rule (or the escalation of an answer time) acted, and what came of it."""

    class Outcome(models.TextChoices):
        DONE = "done", _("done")
        REFUSED = "refused", _("refused in part")
        FAILED = "failed", _("failed")
        STOPPED = "stopped", _("stopped: too often")

    rule = models.ForeignKey(
        Rule, models.SET_NULL, null=True, db_index=False, related_name="firings"
    )
    conversation = models.ForeignKey(
        "bots.Conversation", models.CASCADE, db_index=False, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome.choices)
    # What set it off: the number of the event in the log, or of the message before the silence.
    place = models.BigIntegerField(default=0, db_default=0)
    # {"name", "event", "done": [...], "refused": [[action, why]], "episode"}
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("firing"), _("firings")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["conversation", "at"], name="firing_conversation")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.conversation_id}"


class Macro(models.Model):
    """Several acts by one press: a person's own, a team's, or everybody's."""

    name = models.CharField(_("name"), max_length=80)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("only for"),
    )
    team = models.ForeignKey(
        "bots.Team",
        models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("for the team"),
    )
    position = models.SmallIntegerField(_("place"), default=0, db_default=0)
    then = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("macro"), _("macros")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class MacroRun(models.Model):
    """One press: what was done, and how to take it back."""

    macro = models.ForeignKey(Macro, models.SET_NULL, null=True, db_index=False, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="+"
    )
    conversation = models.ForeignKey(
        "bots.Conversation", models.CASCADE, db_index=False, related_name="+"
    )
    undo = models.JSONField(default=list, blank=True)
    at = models.DateTimeField(db_default=Now())
    undone_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.macro_id} {self.conversation_id}"
