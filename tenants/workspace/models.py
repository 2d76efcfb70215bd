"""Rows every schema has; in the public one: platform and partner staff."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> User:
        return self.create_user(email, password, is_superuser=True, role="owner", **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        ADMIN = "admin", _("administrator")
        SUPERVISOR = "supervisor", _("supervisor")
        AGENT = "agent", _("agent")

    class Presence(models.TextChoices):
        ONLINE = "online", _("online")
        BUSY = "busy", _("busy")
        AWAY = "away", _("away")
        INVISIBLE = "invisible", _("invisible")

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=80, blank=True)
    role = models.CharField(_("role"), max_length=12, choices=Role.choices, default=Role.AGENT)
    # Public schema only: staff of this partner; empty for the platform's own people.
    partner_id = models.BigIntegerField(null=True, blank=True, editable=False)
    language = models.CharField(_("language"), max_length=8, blank=True)
    theme = models.CharField(max_length=8, blank=True)
    is_active = models.BooleanField(_("may log in"), default=True)
    presence = models.CharField(
        _("presence"), max_length=12, choices=Presence.choices, default=Presence.ONLINE
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "email"

    class Meta:
        verbose_name, verbose_name_plural = _("person"), _("people")

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        """May open the admin; what is shown there follows the role."""
        return self.is_active

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return (self.name or self.email).split(" ")[0].split("@")[0]


class ApiToken(models.Model):
    """A key of a program. Only its hash is kept; the text is shown once."""

    name = models.CharField(_("name"), max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    shown_once = ""  # the text itself, on the object it was just made by

    class Meta:
        verbose_name, verbose_name_plural = _("API token"), _("API tokens")

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """Who did what to what. Appended, never changed (a trigger refuses it)."""

    at = models.DateTimeField(db_default=Now(), db_index=True)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(_("who"), max_length=200)
    action = models.CharField(_("what"), max_length=64)
    target = models.CharField(_("on"), max_length=120, blank=True)
    address = models.GenericIPAddressField(_("from"), null=True)
    data = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name, verbose_name_plural = _("audit entry"), _("audit log")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target}"


class Event(models.Model):
    """The merchant's event log: numbered without gaps; the console and read models read only it."""

    seq = models.BigIntegerField(primary_key=True)
    name = models.CharField(max_length=64)
    key = models.CharField(max_length=80)
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["name", "at"], name="event_name_at")]

    def __str__(self) -> str:
        return f"{self.seq} {self.name}"


class Counter(models.Model):
    """Numbers given one after another under a row lock ("events" is the event log's)."""

    name = models.CharField(max_length=32, primary_key=True)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.value}"


class Job(models.Model):
    """Long work with progress: `{id, url, state, done, total, errors}` outside."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    ERRORS_KEPT = 1000

    kind = models.CharField(_("kind"), max_length=40)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.QUEUED)
    params = models.JSONField(default=dict)
    done = models.BigIntegerField(_("done"), default=0)
    total = models.BigIntegerField(_("of"), null=True)
    refused = models.IntegerField(_("rows refused"), default=0)
    errors = models.JSONField(default=list)
    result = models.JSONField(default=dict)
    message = models.TextField(_("message"), blank=True)
    user_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("job"), _("jobs")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def refuse(self, row: int | str, field: str, message: str) -> None:
        """Note a row that was not taken. Fields only; `advance` saves."""
        self.refused += 1
        if len(self.errors) < self.ERRORS_KEPT:
            self.errors.append({"row": row, "field": field, "message": message})

    def advance(self, done: int, total: int | None = None) -> None:
        self.done, self.total = done, total if total is not None else self.total
        self.save(update_fields=["done", "total", "refused", "errors"])

    def start(self, total: int | None = None) -> None:
        self.state, self.started_at, self.total = self.State.RUNNING, timezone.now(), total
        self.done, self.refused, self.errors = 0, 0, []
        self.save()

    def finish(self, **result: object) -> None:
        self.state, self.finished_at = self.State.DONE, timezone.now()
        self.result = result
        self.save()

    def fail(self, message: str) -> None:
        self.state, self.finished_at, self.message = self.State.FAILED, timezone.now(), message
        self.save()

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the rate so far; None where it cannot be told."""
        if not (self.started_at and self.total and self.done) or self.finished_at:
            return None
        spent: timedelta = timezone.now() - self.started_at
        return spent.total_seconds() / self.done * max(0, self.total - self.done)


class StoredFile(models.Model):
    """A file of the merchant; served after the access policy, never by a guessable address."""

    path = models.CharField(max_length=200, unique=True)
    name = models.CharField(_("name"), max_length=200)
    mime = models.CharField(_("type"), max_length=100)
    size = models.BigIntegerField(_("bytes"))
    sha256 = models.CharField(max_length=64)
    purpose = models.CharField(max_length=24)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("file"), _("files")

    def __str__(self) -> str:
        return self.name


class Setting(models.Model):
    """A merchant's own value for a named setting; the default is in code."""

    name = models.CharField(max_length=60, primary_key=True)
    value = models.JSONField()

    def __str__(self) -> str:
        return self.name
