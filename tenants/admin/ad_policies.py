"""Where advertising is forbidden: the operator's table, dated and by country."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from tenants.admin.base import Empty
from tenants.admin.menu import Entry, platform_menu
from tenants.admin.scope import Scoped, platform_only
from tenants.admin.sites import platform_site
from tenants.models import AdPolicy


@admin.register(AdPolicy, site=platform_site)
class AdPolicyAdmin(Scoped):
    """Broadcasts ask it (bots.selectors.advertising). No legal advice: the operator decides."""

    list_display = ("channel", "region", "forbidden_from", "forbidden_until", "is_on", "reason")
    list_filter = ("region", "is_on")
    search_fields = ("channel", "why")
    ordering = ("region", "channel", "forbidden_from")
    actions = None
    add_label = gettext_lazy("Add a ban")
    empty = Empty(
        gettext_lazy("Advertising is forbidden nowhere"),
        gettext_lazy(
            "A ban keeps merchants of a country from advertising in a kind of channel. What is "
            "put here is your decision, no legal advice of ours."
        ),
        gettext_lazy("Add a ban"),
        icon="gavel",
    )

    @display(description=gettext_lazy("why"))
    def reason(self, policy: AdPolicy) -> str:
        return _(policy.why) if policy.why else "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AdPolicy]:
        return admin.ModelAdmin.get_queryset(self, request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return platform_only(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return platform_only(request)

    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return platform_only(request)


platform_menu.add(
    Entry("settings", 40, gettext_lazy("Bans of advertising"), "gavel",
          "tenants_adpolicy_changelist", platform_only),
)  # fmt: skip
