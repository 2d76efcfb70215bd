"""Fields that name a row only where the caller may see it."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from bots.models import Conversation
from bots.selectors.files import sendable_by
from bots.selectors.policy import visible
from tenants.workspace.models import StoredFile


class VisibleConversation(serializers.PrimaryKeyRelatedField):
    """A conversation by its id; a hidden one reads as one that is not there.

    The serializer needs the request in its context.
    """

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("queryset", Conversation.objects.all())
        super().__init__(**kwargs)

    def get_queryset(self) -> QuerySet[Conversation]:
        request = self.context.get("request")
        if request is None:
            return Conversation.objects.none()
        return visible(request.user).select_related("contact", "channel")


class SendableFile(serializers.PrimaryKeyRelatedField):
    """A stored file the caller may attach."""

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("queryset", StoredFile.objects.all())
        super().__init__(**kwargs)

    def get_queryset(self) -> QuerySet[StoredFile]:
        request = self.context.get("request")
        return StoredFile.objects.none() if request is None else sendable_by(request.user)
