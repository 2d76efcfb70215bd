"""person ← contact ← conversation → episode → message → delivery, draft, attachment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.kernel.errors import RuleBroken

if TYPE_CHECKING:
    from tenants.workspace.models import User


class AlreadyTaken(RuleBroken):
    """Another agent holds the conversation; `agent_id` says who."""

    code = "already_taken"

    def __init__(self, agent_id: int | None) -> None:
        super().__init__(str(_("Another colleague is answering this buyer.")), agent_id=agent_id)
        self.agent_id = agent_id


class Person(models.Model):
    """A human; contacts known to be the same one point here."""

    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    # The card this one is shown as since a merge (always the last one, never a chain); a contact
    # keeps its own person, so that a merge can be taken back (bots.services.people).
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, null=True, editable=False, related_name="merged"
    )
    # Values of the merchant's own fields (PersonField) by code.
    fields = models.JSONField(default=dict, db_default={}, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("person"), _("people")

    def __str__(self) -> str:
        return self.name or f"#{self.pk}"


class Contact(models.Model):
    """A buyer as one channel knows them."""

    channel = models.ForeignKey("bots.Channel", models.PROTECT, related_name="contacts")
    external_id = models.CharField(_("id in the channel"), max_length=120)
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="contacts")
    name = models.CharField(_("name"), max_length=120, blank=True)
    username = models.CharField(_("user name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    picture = models.CharField(max_length=400, blank=True)
    # What the channel tells beside the messages: page, referrer, utm, cart, time zone…
    data = models.JSONField(default=dict, blank=True)
    is_reachable = models.BooleanField(_("can be written to"), default=True)
    # What a blocked one writes is kept and answered by nobody.
    is_blocked = models.BooleanField(_("blocked"), default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("contact"), _("contacts")
        constraints = [
            models.UniqueConstraint(fields=["channel", "external_id"], name="contact_once")
        ]

    def __str__(self) -> str:
        return self.name or self.external_id


class Identity(models.Model):
    """Something that tells who a contact is, and how well that is proven."""

    class Kind(models.TextChoices):
        PHONE = "phone", _("phone")
        EMAIL = "email", _("e-mail")
        CUSTOMER = "customer", _("customer id")

    class Proof(models.TextChoices):
        CLAIMED = "claimed", _("said by the buyer")
        ORDER = "order", _("order number and phone match")
        CODE = "code", _("one-time code")
        SHARED = "shared", _("shared by the messenger")
        SIGNED = "signed", _("signed by the shop's site")
        THREAD = "thread", _("the marketplace's own thread")

    PROVEN = (Proof.CODE, Proof.SHARED, Proof.SIGNED, Proof.THREAD)

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    value = models.CharField(_("value"), max_length=120)
    proof = models.CharField(max_length=8, choices=Proof.choices, default=Proof.CLAIMED)
    proven_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("identity"), _("identities")
        constraints = [
            models.UniqueConstraint(fields=["contact", "kind", "value"], name="identity_once")
        ]
        # Who else has the same phone: search, and suggested merges.
        indexes = [models.Index(fields=["value", "kind"], name="identity_value")]

    def __str__(self) -> str:
        return self.value


class Consent(models.Model):
    """What a buyer agreed to, in which words, when and from where. Appended only."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="consents")
    kind = models.CharField(max_length=16)  # "processing" | "marketing"
    is_given = models.BooleanField()
    text_version = models.CharField(max_length=32)
    text = models.TextField()
    address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.is_given}"


class Conversations(models.QuerySet["Conversation"]):
    def locked(self) -> Self:
        """The rows held until the transaction ends; their keys stay free for messages to point at,
        and what is joined beside them is not held."""
        return self.select_for_update(of=("self",), no_key=True)


class Conversation(models.Model):
    """A thread with one contact. Status (is there work) and speaker (who may talk) are apart."""

    objects = Conversations.as_manager()

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        SNOOZED = "snoozed", _("snoozed")
        RESOLVED = "resolved", _("resolved")

    class Speaker(models.TextChoices):
        BOT = "bot", _("bot")
        QUEUE = "queue", _("queue")
        AGENT = "agent", _("agent")
        NOBODY = "nobody", _("nobody")

    class Priority(models.IntegerChoices):
        NORMAL = 0, _("normal")
        HIGH = 1, _("high")
        URGENT = 2, _("urgent")

    channel = models.ForeignKey("bots.Channel", models.PROTECT, related_name="conversations")
    contact = models.OneToOneField(Contact, models.PROTECT, related_name="conversation")
    # The inbox lane its messages come in by (bots.services.accept).
    lane = models.BigIntegerField(unique=True)
    status = models.CharField(
        _("status"), max_length=8, choices=Status.choices, default=Status.OPEN
    )
    speaker = models.CharField(
        _("who answers"), max_length=8, choices=Speaker.choices, default=Speaker.BOT
    )
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    # Whose queue it is in; empty is the default team's.
    team = models.ForeignKey(
        "bots.Team", models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    priority = models.SmallIntegerField(
        _("priority"), choices=Priority.choices, default=Priority.NORMAL, db_default=0
    )
    # Ids of people who follow it, and of those mentioned in its notes.
    followers = models.JSONField(default=list, db_default=[], blank=True)
    mentioned = models.JSONField(default=list, db_default=[], blank=True)
    # {"skills": [...], "language": "en"}: what whoever answers must have.
    needs = models.JSONField(default=dict, db_default={}, blank=True)
    queued_at = models.DateTimeField(null=True)
    # An offer: the speaker stays the queue, this person is asked until then.
    offered_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    offer_until = models.DateTimeField(null=True)
    # Who had it last; a returning buyer goes there where the team wants that.
    previous_agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    # Raised at each change of speaker; a reply written in an older one is not sent.
    epoch = models.IntegerField(default=0)
    last_seq = models.BigIntegerField(default=0)
    last_inbound_seq = models.BigIntegerField(default=0)
    last_read_seq = models.BigIntegerField(default=0)
    episode = models.ForeignKey(
        "bots.Episode", models.SET_NULL, null=True, related_name="+", db_index=False
    )
    language = models.CharField(_("language"), max_length=8, default="ru")
    # Since when the buyer waits, and when that must end; both empty when nobody waits.
    waiting_since = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    # The nearest promise to the buyer in working time (bots.services.sla), and whether it was
    # near or broken. `sla`: the clocks behind it.
    sla_due_at = models.DateTimeField(null=True)
    sla_kind = models.CharField(max_length=12, blank=True, default="", db_default="")
    sla_warned_at = models.DateTimeField(null=True)
    sla_breached_at = models.DateTimeField(null=True)
    sla = models.JSONField(default=dict, db_default={}, blank=True)
    snoozed_until = models.DateTimeField(null=True)
    wakes_on_reply = models.BooleanField(default=True, db_default=True)
    window_expires_at = models.DateTimeField(null=True)
    # {"on": bool, "buyer": "kk"}: chosen by a person; empty is as the desk's settings say.
    translation = models.JSONField(default=dict, db_default={}, blank=True)
    is_public = models.BooleanField(default=False)
    preview = models.CharField(max_length=160, blank=True)
    preview_author = models.CharField(max_length=12, blank=True)
    unread = models.IntegerField(_("unread"), default=0)
    handover_reason = models.CharField(max_length=24, blank=True)
    labels = models.JSONField(default=list, blank=True)
    # What the bot keeps between turns: product in focus, question asked back, order attempts…
    memory = models.JSONField(default=dict, blank=True)
    updated_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("dialogue"), _("dialogues")
        indexes = [
            models.Index(fields=["status", "speaker", "deadline_at"], name="conversation_work"),
            models.Index(fields=["-updated_at", "-id"], name="conversation_recent"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    def hand_to(self, agent: User) -> bool:
        """Change who answers; False when it is theirs already. Fields only, no saving."""
        if self.speaker == self.Speaker.AGENT:
            if self.agent_id != agent.pk:
                raise AlreadyTaken(self.agent_id)
            return False
        self._speak(self.Speaker.AGENT, agent)
        return True

    @property
    def is_asleep_at_bot(self) -> bool:
        """Asleep while the bot speaks: it wakes as soon as somebody waits."""
        return self.status == self.Status.SNOOZED and self.speaker == self.Speaker.BOT

    def hand_to_queue(self, reason: str) -> bool:
        """The bot steps back; False when it waits for a person already. Fields only."""
        if self.speaker in (self.Speaker.QUEUE, self.Speaker.AGENT):
            return False
        self._speak(self.Speaker.QUEUE, None)
        self.handover_reason = reason
        return True

    def hand_to_bot(self) -> bool:
        """Fields only, no saving."""
        if self.speaker == self.Speaker.BOT:
            return False
        self._speak(self.Speaker.BOT, None)
        self.handover_reason = ""
        return True

    def fall_silent(self) -> None:
        """Resolved: nobody speaks and nobody waits. Fields only."""
        self._speak(self.Speaker.NOBODY, None)
        self.status, self.handover_reason = self.Status.RESOLVED, ""
        self.waiting_since = self.deadline_at = self.snoozed_until = None

    def _speak(self, speaker: str, agent: User | None) -> None:
        if self.agent_id is not None:
            self.previous_agent_id = self.agent_id
        self.offered_to = self.offer_until = None
        self.speaker, self.agent, self.epoch = speaker, agent, self.epoch + 1


class Episodes(models.QuerySet["Episode"]):
    def now_of(self, conversation: Conversation) -> Self:
        """The one a conversation is in; none before the first."""
        pk = conversation.episode_id
        return self.none() if pk is None else self.filter(pk=pk)


class Episode(models.Model):
    """From the first message to the resolution: the bot's context, outcome and figures."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="episodes")
    started_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=24, blank=True)
    resolved_by = models.CharField(max_length=12, blank=True)  # bot | agent | rule
    first_answer_ms = models.BigIntegerField(null=True)
    handed_over_at = models.DateTimeField(null=True)
    handover_reason = models.CharField(max_length=24, blank=True)
    summary = models.TextField(blank=True)
    start_seq = models.BigIntegerField(default=1)

    objects = Episodes.as_manager()

    def __str__(self) -> str:
        return f"#{self.pk}"


class Message(models.Model):
    class Author(models.TextChoices):
        BUYER = "buyer", _("buyer")
        BOT = "bot", _("bot")
        AGENT = "agent", _("agent")
        AUTOMATION = "automation", _("automation")
        ECHO = "echo", _("from the owner's phone")
        SYSTEM = "system", _("system")

    class Kind(models.TextChoices):
        TEXT = "text", _("text")
        MEDIA = "media", _("media")
        CARD = "card", _("card")
        TEMPLATE = "template", _("template")
        NOTE = "note", _("note")
        SYSTEM = "system", _("system")

    class State(models.TextChoices):
        RECEIVED = "received", _("received")
        QUEUED = "queued", _("waiting to be sent")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        READ = "read", _("read")
        FAILED = "failed", _("not delivered")
        DROPPED = "dropped", _("not sent: a person took over")
        KEPT = "kept", _("kept inside")  # notes and system lines

    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="messages", db_index=False
    )
    episode = models.ForeignKey(Episode, models.CASCADE, related_name="messages", db_index=False)
    seq = models.BigIntegerField()
    author = models.CharField(max_length=12, choices=Author.choices)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.TEXT)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    text = models.TextField(blank=True)
    language = models.CharField(max_length=8, blank=True)
    # The message's identity in the channel; the delivery's identity is the inbox's dedupe_key.
    external_id = models.CharField(max_length=120, blank=True)
    client_key = models.CharField(max_length=64, blank=True)
    reply_to = models.ForeignKey("self", models.SET_NULL, null=True, db_index=False)
    # Epoch it was written in, and the newest buyer's message it knew.
    epoch = models.IntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices)
    failure = models.CharField(max_length=300, blank=True)
    # decision, reason, sources, claims, checks, buttons, provider, ms, template…
    meta = models.JSONField(default=dict, blank=True)
    bot_version = models.ForeignKey(
        "bots.BotVersion", models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    sent_at = models.DateTimeField(db_default=Now())  # the platform's own time where it has one
    created_at = models.DateTimeField(db_default=Now())
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("message"), _("messages")
        constraints = [
            models.UniqueConstraint(fields=["conversation", "seq"], name="message_seq"),
            models.UniqueConstraint(
                fields=["conversation", "external_id"],
                condition=~models.Q(external_id=""),
                name="message_external",
            ),
            models.UniqueConstraint(
                fields=["conversation", "client_key"],
                condition=~models.Q(client_key=""),
                name="message_client_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id}:{self.seq}"


class Delivery(models.Model):
    """One part of a message on its way to the channel (a long text has several)."""

    class State(models.TextChoices):
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("outcome unknown")

    message = models.ForeignKey(Message, models.CASCADE, related_name="deliveries", db_index=False)
    part = models.SmallIntegerField()
    state = models.CharField(max_length=8, choices=State.choices)
    attempts = models.SmallIntegerField(default=1)
    external_id = models.CharField(max_length=120, blank=True)
    error = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "part"], name="delivery_once")]

    def __str__(self) -> str:
        return f"{self.message_id}/{self.part} {self.state}"


class Draft(models.Model):
    """What somebody (or the bot) has written and not sent."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="drafts")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, db_index=False, related_name="+"
    )
    mode = models.CharField(max_length=8, default="reply")
    text = models.TextField(blank=True)
    meta = models.JSONField(default=dict, blank=True)
    base_seq = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "user", "mode"], name="draft_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.mode}"


class Attachment(models.Model):
    message = models.ForeignKey(Message, models.CASCADE, related_name="attachments")
    file = models.ForeignKey("workspace.StoredFile", models.PROTECT, null=True, db_index=False)
    kind = models.CharField(max_length=12)  # image | file | voice | video | location
    name = models.CharField(max_length=200, blank=True)
    # Before it is fetched: the channel's own file id; a fault in words if it cannot be had.
    external_id = models.CharField(max_length=2000, blank=True)
    error = models.CharField(max_length=200, blank=True)
    # What is said in a voice note, and how that went: {"state", "detail", "provider", "language"};
    # state: waiting | done | none | failed.
    transcript = models.TextField(blank=True, default="", db_default="")
    speech = models.JSONField(default=dict, db_default={}, blank=True)

    class Meta:
        # Whoever fetches a file is let in by the messages that have it.
        indexes = [
            models.Index(
                fields=["file"], name="attachment_of_file", condition=models.Q(file__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return self.name or self.kind
