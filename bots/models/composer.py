"""What stands beside a conversation's messages: what is sent later, and ratings."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class LaterMessage(models.Model):
    """A person's reply that waits for its time. Listed in the thread whatever became of it."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for its time")
        SENT = "sent", _("sent")
        CANCELLED = "cancelled", pgettext_lazy("message", "cancelled")
        FAILED = "failed", _("not sent")

    conversation = models.ForeignKey(
        "bots.Conversation", models.CASCADE, db_index=False, related_name="later"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="+"
    )
    text = models.TextField(blank=True)
    # The writer's own words where `text` is their translation: {"text", "language"}, else empty.
    original = models.JSONField(default=dict, db_default={}, blank=True)
    # Ids of workspace.StoredFile.
    files = models.JSONField(default=list, blank=True)
    # Ids of products shown below the text, with their price as it is when it is sent.
    cards = models.JSONField(default=list, db_default=[], blank=True)
    template = models.ForeignKey(
        "bots.Template", models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    send_at = models.DateTimeField()
    cancels_on_reply = models.BooleanField(default=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    # Why it is not sent: a code ("buyer_wrote", "person", "window_closed"…) or words.
    reason = models.CharField(max_length=300, blank=True)
    message = models.ForeignKey(
        "bots.Message", models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("message for later"), _("messages for later")
        indexes = [models.Index(fields=["conversation", "state"], name="later_of_conversation")]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.send_at:%d.%m %H:%M}"


class Rating(models.Model):
    """What a buyer thinks of one episode: asked once, answered by a button."""

    class About(models.TextChoices):
        BOT = "bot", _("the assistant")
        AGENT = "agent", _("a person")

    conversation = models.ForeignKey(
        "bots.Conversation", models.CASCADE, db_index=False, related_name="ratings"
    )
    episode = models.OneToOneField("bots.Episode", models.CASCADE, related_name="rating")
    about = models.CharField(_("about"), max_length=5, choices=About.choices)
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        db_index=False,
        related_name="+",
        verbose_name=_("person"),
    )
    # 1 to 5; of two buttons the good one is 5 and the bad one 1.
    score = models.PositiveSmallIntegerField(_("score"), null=True)
    comment = models.CharField(_("comment"), max_length=1000, blank=True)
    asked_at = models.DateTimeField(_("asked"), db_default=Now())
    rated_at = models.DateTimeField(_("rated"), null=True)
    # The next text of the buyer until then is the comment.
    comment_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("rating"), _("ratings")
        indexes = [models.Index(fields=["conversation", "asked_at"], name="rating_of_conversation")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(score=None) | models.Q(score__gte=1, score__lte=5),
                name="rating_one_to_five",
            )
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.score or '–'}"
