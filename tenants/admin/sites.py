"""Two admins that never meet: a merchant's, on its own hosts, and the platform's and partners'.

Models of a merchant are registered on `merchant_site` only, public ones on `platform_site` only.
A merchant's search path includes the public schema, so a public model here would be a leak.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from tenants.admin.forms import LoginForm, ResetForm
from tenants.selectors.requests import actor_of, placed

View = Callable[..., HttpResponseBase]


class BrandedSite(UnfoldAdminSite):
    """Unfold with our log-in and pages that belong to no model (`page`)."""

    login_form = LoginForm
    index_title = _("Home")
    site_title = ""
    site_header = ""
    enable_nav_sidebar = True
    final_catch_all_view = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.login_form = LoginForm
        self._pages: list[tuple[str, View, str, bool]] = []

    def page(self, route: str, *, name: str, is_open: bool = False) -> Callable[[View], View]:
        """Serve a view at `/admin/<route>`; `is_open` needs no log-in."""

        def add(view: View) -> View:
            self._pages.append((route, view, name, is_open))
            return view

        return add

    def extra_urls(self) -> list[URLPattern]:
        return [
            path(route, view if is_open else self.admin_view(view), name=name)
            for route, view, name, is_open in self._pages
        ]

    def context(self, request: HttpRequest, title: Any, **more: Any) -> dict[str, Any]:
        """What a page of ours hands to a template that extends "admin/base_site.html"."""
        request.current_app = self.name
        return {**self.each_context(request), "title": title, **more}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().login(request, {"title": _("Log in"), **(extra_context or {})})

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """What the console keeps in the browser for the time without a line goes, too."""
        response = super().logout(request, extra_context)
        response.headers["Clear-Site-Data"] = '"storage"'
        return response

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """A list of an app's models helps nobody here: the menu is in the order of tasks."""
        return redirect(f"{self.name}:index")

    reset_form = ResetForm


class MerchantSite(BrandedSite):
    """`/admin/` of a merchant: its people, its rows."""

    def has_permission(self, request: HttpRequest) -> bool:
        return placed(request).tenant is not None and request.user.is_active


class PlatformSite(BrandedSite):
    """`/admin/` of the platform and of a partner. A partner's staff works on its own hosts only."""

    def has_permission(self, request: HttpRequest) -> bool:
        site = placed(request).site
        if site is None or site.merchant is not None or not request.user.is_active:
            return False
        return actor_of(request).partner_id in (None, site.partner.pk)


merchant_site = MerchantSite("merchant")
platform_site = PlatformSite("platform")
