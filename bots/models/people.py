"""What is known of people beside their messages: fields, facts with a source, merges, segments."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class PersonField(models.Model):
    """A field of the merchant's own on each person's card; values are in `Person.fields`."""

    class Kind(models.TextChoices):
        TEXT = "text", _("text")
        NUMBER = "number", _("number")
        DATE = "date", _("date")
        BOOL = "bool", _("yes or no")
        CHOICE = "choice", _("one of a list")
        URL = "url", _("link")

    code = models.SlugField(_("code"), max_length=40, unique=True, db_index=False)
    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("type"), max_length=8, choices=Kind.choices, default=Kind.TEXT)
    choices = models.JSONField(_("choices"), default=list, blank=True)
    position = models.SmallIntegerField(_("place"), default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("buyer's field"), _("buyers' fields")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name


class PersonFact(models.Model):
    """Something to remember of a person: a fact with its source, or a note among colleagues.

    A fact may reach the model where the bot's settings allow it; a note never does.
    """

    class Kind(models.TextChoices):
        FACT = "fact", _("fact")
        NOTE = "note", _("note")

    person = models.ForeignKey("bots.Person", models.CASCADE, related_name="facts")
    kind = models.CharField(max_length=4, choices=Kind.choices, default=Kind.FACT)
    text = models.CharField(_("text"), max_length=1000)
    # Where it was said; empty for what a colleague wrote down.
    message = models.ForeignKey(
        "bots.Message", models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(_("forgotten after"), null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("remembered fact"), _("remembered facts")

    def __str__(self) -> str:
        return self.text[:60]


class PersonMerge(models.Model):
    """Two people are one: an edge between their cards. Undoing it takes the edge away.

    Nothing is moved by a merge. Cards that edges in force connect show as one, the oldest of them
    (`Person.merged_into`), so the order of merges and undos does not matter.
    """

    class State(models.TextChoices):
        DONE = "done", _("merged")
        UNDONE = "undone", _("taken back")
        DISMISSED = "dismissed", _("not the same person")

    one = models.ForeignKey("bots.Person", models.CASCADE, related_name="+")
    other = models.ForeignKey("bots.Person", models.CASCADE, related_name="+")
    state = models.CharField(max_length=9, choices=State.choices, default=State.DONE)
    # phone | email | customer: what both have proven; empty where a person decided.
    reason = models.CharField(max_length=10, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())
    undone_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("merge"), _("merges")

    def __str__(self) -> str:
        return f"{self.one_id} + {self.other_id}"


class Segment(models.Model):
    """People by conditions, counted anew whenever it is asked for."""

    name = models.CharField(_("name"), max_length=80)
    conditions = models.JSONField(_("conditions"), default=list)
    position = models.SmallIntegerField(_("place"), default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("segment"), _("segments")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name
