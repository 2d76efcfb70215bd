"""One text to many buyers: what is sent to whom, and what became of each message."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Broadcast(models.Model):
    """*Service* is tied to an order or a request of each buyer; *advertising* needs their consent.

    Figures are counted from the items and their messages; `counts` holds those of the end.
    """

    class Kind(models.TextChoices):
        SERVICE = "service", _("about an order")
        ADVERTISING = "advertising", _("advertising")

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        READY = "ready", _("waits for its time")
        SENDING = "sending", _("being sent")
        PAUSED = "paused", _("paused")
        STOPPED = "stopped", pgettext_lazy("broadcast", "stopped")
        DONE = "done", pgettext_lazy("broadcast", "done")

    kind = models.CharField(_("kind"), max_length=11, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=120)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.DRAFT)
    # Ids of bots.Channel, the one a person is written to by first.
    channels = models.JSONField(_("channels"), default=list)
    # {"who": "all" | "segment" | "labels" | "contacts" | "orders" | "requests", …}, see
    # bots.selectors.audience.
    audience = models.JSONField(_("who gets it"), default=dict)
    # A prepared reply instead of `texts`; a platform's approved template is behind one of these.
    template = models.ForeignKey(
        "bots.Template",
        models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("template"),
    )
    texts = models.JSONField(_("text"), default=dict)  # {"ru": …, "en": …}
    buttons = models.JSONField(_("buttons"), default=list, blank=True)
    files = models.JSONField(_("files"), default=list, blank=True)
    # Advertising in Russia: {"advertiser", "inn", "erid"}.
    ad = models.JSONField(default=dict, blank=True)
    # Messages a minute for all channels together; 0: as fast as the channels allow.
    throttle = models.PositiveIntegerField(_("at most a minute"), default=0)
    # Advertising rests between these hours of the shop's clock; equal: never.
    quiet_from = models.PositiveSmallIntegerField(_("quiet from"), default=21)
    quiet_to = models.PositiveSmallIntegerField(_("quiet to"), default=9)
    scheduled_at = models.DateTimeField(_("begins"), null=True, blank=True)
    started_at = models.DateTimeField(_("begun"), null=True)
    finished_at = models.DateTimeField(_("ended"), null=True)
    # Why it is paused, where nobody has paused it: a code, see bots.services.broadcast_words.
    detail = models.CharField(max_length=300, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(_("made"), db_default=Now())

    class Meta:
        verbose_name, verbose_name_plural = _("broadcast"), _("broadcasts")

    def __str__(self) -> str:
        return self.name

    @property
    def is_advertising(self) -> bool:
        return self.kind == self.Kind.ADVERTISING

    @property
    def is_over(self) -> bool:
        return self.state in (self.State.STOPPED, self.State.DONE)


class BroadcastItem(models.Model):
    """One buyer of a broadcast. Once written, the result is its message's state."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits")
        WRITTEN = "written", _("handed to the channel")
        SKIPPED = "skipped", _("skipped")

    broadcast = models.ForeignKey(Broadcast, models.CASCADE, db_index=False, related_name="items")
    contact = models.ForeignKey("bots.Contact", models.CASCADE, db_index=False, related_name="+")
    order = models.ForeignKey(
        "integrations.Order", models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=20, blank=True)
    message = models.ForeignKey(
        "bots.Message", models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    # Not before: somebody talks to this buyer just now.
    later_at = models.DateTimeField(null=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name, verbose_name_plural = _("recipient"), _("recipients")
        constraints = [
            models.UniqueConstraint(fields=["broadcast", "contact"], name="broadcast_item_once")
        ]
        indexes = [
            models.Index(
                fields=["broadcast"],
                name="broadcast_item_waiting",
                condition=models.Q(state="waiting"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.broadcast_id}/{self.contact_id} {self.state}"
