"""Dialogues as a list to count and filter; working with them is the console's."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    DropdownFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import display

from bots.admin.preview import REASONS, reason_in_words
from bots.models import Conversation, Episode
from bots.selectors.policy import visible
from tenants.admin.base import Empty, ReadOnly, when
from tenants.admin.sites import merchant_site
from tenants.kernel.text import whole
from tenants.selectors.requests import actor_of


class ReasonFilter(DropdownFilter):
    title = gettext_lazy("handed over because")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("any", _("for any reason")), *((str(r), t) for r, t in REASONS.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value in (None, ""):
            return queryset
        episodes = Episode.objects.filter(conversation=OuterRef("pk"))
        if value == "any":
            episodes = episodes.filter(handed_over_at__isnull=False)
        else:
            episodes = episodes.filter(handover_reason=value)
        return queryset.filter(Exists(episodes))


class WaitingFilter(DropdownFilter):
    title = gettext_lazy("who is waiting")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("for a person now"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "yes":
            return queryset.filter(
                status=Conversation.Status.OPEN,
                speaker=Conversation.Speaker.QUEUE,
                waiting_since__isnull=False,
            )
        return queryset


@admin.register(Conversation, site=merchant_site)
class ConversationAdmin(ReadOnly):
    changed_at = when("updated_at", gettext_lazy("Changed"))
    list_display = (
        "contact_label",
        "preview_label",
        "channel_label",
        "speaker_label",
        "changed_at",
    )
    list_filter = (
        WaitingFilter,
        ReasonFilter,
        ("speaker", ChoicesDropdownFilter),
        ("channel", RelatedDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("contact", "channel")
    search_fields = ("contact__name", "contact__username", "preview")
    ordering = ("-updated_at", "-pk")
    empty = Empty(
        gettext_lazy("No dialogues yet"),
        gettext_lazy("They appear when a buyer writes to one of your channels."),
        gettext_lazy("Connect a channel"),
        url="/admin/bots/channel/",
        icon="forum",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        return visible(actor_of(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect(f"/console/?conversation={whole(object_id) or ''}")

    @display(description=gettext_lazy("Buyer"))
    def contact_label(self, conversation: Conversation) -> str:
        return conversation.contact.name or _("Buyer %(n)s") % {"n": conversation.contact_id}

    @display(description=gettext_lazy("Channel"), ordering="channel")
    def channel_label(self, conversation: Conversation) -> str:
        return conversation.channel.name

    @display(description=gettext_lazy("Last message"))
    def preview_label(self, conversation: Conversation) -> str:
        return format_html('<span class="desk-clip">{}</span>', conversation.preview or "–")

    @display(
        description=gettext_lazy("Who answers"),
        label={"bot": "info", "queue": "warning", "agent": "primary", "nobody": ""},
        ordering="speaker",
    )
    def speaker_label(self, conversation: Conversation) -> tuple[str, str]:
        text = conversation.get_speaker_display()
        if conversation.speaker == Conversation.Speaker.QUEUE and conversation.handover_reason:
            text = f"{text}: {reason_in_words(conversation.handover_reason)}"
        return conversation.speaker, text
