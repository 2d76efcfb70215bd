"""People of the platform and of partners, and what they did."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
)

from tenants.admin.people import AuditAdmin, PersonAdmin
from tenants.admin.sites import platform_site
from tenants.kernel.text import whole
from tenants.models import Merchant, Partner
from tenants.selectors.hosts import Site, brand_of
from tenants.selectors.requests import site_here
from tenants.selectors.scope import is_boss, scope_of
from tenants.services.partners import partner_host
from tenants.workspace.models import AuditEntry, User


@admin.register(User, site=platform_site)
class StaffAdmin(PersonAdmin):
    """A partner's owner rules its own people; the platform's rules its own and every partner's."""

    list_display = ("person", "role_label", "partner_label", "access", "came_in")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        found: QuerySet[User] = super().get_queryset(request)
        scope = scope_of(request)
        return found if scope is None else found.filter(partner_id=scope)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        found = super().get_fieldsets(request, obj)
        if obj is None and scope_of(request) is None:
            found[0][1]["fields"].insert(0, "partner")
        return found

    def get_form(self, request: HttpRequest, obj: User | None = None, **kwargs: Any) -> Any:
        kwargs["fields"] = ["email", "name", "role", "language", *(["is_active"] if obj else [])]
        form = super().get_form(request, obj, **kwargs)
        if obj is None and scope_of(request) is None:
            form.base_fields["partner"] = forms.ModelChoiceField(
                label=_("Works for"),
                required=False,
                queryset=Partner.objects.filter(is_platform=False),
                empty_label=_("the platform"),
                widget=UnfoldAdminSelectWidget,
            )
        return form

    @display(description=gettext_lazy("Works for"))
    def partner_label(self, user: User) -> str:
        if user.partner_id is None:
            return _("the platform")
        return str(Partner.objects.select_related("brand").get(pk=user.partner_id))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # switched off instead: the audit log keeps naming them

    def _partner_id(self, request: HttpRequest, form: Any) -> int | None:
        scope = scope_of(request)
        if scope is not None:
            return scope
        chosen = form.cleaned_data.get("partner")
        return chosen.pk if chosen else None

    def _site_of(self, request: HttpRequest, user: User | None) -> Site:
        """The host the person will log in on, in that partner's brand."""
        site = site_here(request)
        if user is None or user.pk is None:
            pk = whole(request.POST.get("partner", ""))
        else:
            pk = user.partner_id
        partner = Partner.objects.select_related("brand").filter(pk=pk or 0).first()
        if partner is None or partner.pk == site.partner.pk:
            return site
        return Site(partner_host(partner), "partner", partner, None, brand_of(partner))


@admin.register(AuditEntry, site=platform_site)
class PlatformAuditAdmin(AuditAdmin):
    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        found: QuerySet[AuditEntry] = super().get_queryset(request)
        scope = scope_of(request)
        if scope is None:
            return found
        people = User.objects.filter(partner_id=scope).values("pk")
        shops = [
            f"merchant:{slug}"
            for slug in Merchant.objects.filter(partner_id=scope).values_list("slug", flat=True)
        ]
        return found.filter(Q(actor_id__in=people) | Q(target__in=shops))

    def has_view_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return is_boss(request)
