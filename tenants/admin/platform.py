"""The platform's desk, and a partner's: its home page and its menu."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.admin.home import filler
from tenants.admin.menu import Entry, platform_menu
from tenants.admin.scope import platform_only
from tenants.admin.sites import platform_site
from tenants.models import Merchant
from tenants.selectors.hosts import url_of
from tenants.selectors.requests import site_here
from tenants.selectors.scope import is_boss, scope_of


@filler("platform")
def home(request: HttpRequest) -> dict[str, Any]:
    site = site_here(request)
    shops = platform_site._registry[Merchant].get_queryset(request)
    by_state = dict(shops.order_by().values_list("state").annotate(Count("pk")))
    return {
        "title": _("Home"),
        "home_template": "desk/platform_home.html",
        "active": by_state.get(Merchant.State.ACTIVE, 0),
        "suspended": by_state.get(Merchant.State.SUSPENDED, 0),
        "deleting": by_state.get(Merchant.State.DELETING, 0),
        "spare": Merchant.objects.filter(state=Merchant.State.SPARE).count(),
        "newest": shops.select_related("partner__brand").order_by("-created_at")[:8],
        "is_platform": scope_of(request) is None,
        "may_work": is_boss(request),
        "signup_open": site.partner.signup_open,
        "signup_url": url_of(site.host, "/signup/"),
    }


platform_menu.add(
    Entry("now", 20, gettext_lazy("Merchants"), "storefront", "tenants_merchant_changelist",
          is_boss),
    Entry("now", 30, gettext_lazy("Partners"), "handshake", "tenants_partner_changelist",
          platform_only),
    Entry("now", 30, gettext_lazy("Brand and sign-up"), "palette", "tenants_partner_changelist",
          lambda request: is_boss(request) and scope_of(request) is not None),
    Entry("settings", 5, gettext_lazy("Plans"), "sell", "tenants_plan_changelist", platform_only),
)  # fmt: skip
