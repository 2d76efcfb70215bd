"""Orders, to look at: they come from the shop. What buyers are told of them is here."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy
from unfold.admin import StackedInline, TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from integrations.admin.order_requests import Look, RequestInline
from integrations.models import Order, OrderLine, Parcel
from tenants.admin.base import Empty, ReadOnly, when
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.templatetags.desk import money


class LineInline(Look, TabularInline):
    model = OrderLine
    fields = ("name", "offer_id", "qty", "price")


class ParcelInline(Look, StackedInline):
    model = Parcel
    fields = ("service", "track", "eta", "address", "cost")


@admin.register(Order, site=merchant_site)
class OrderAdmin(ReadOnly):
    ordered_at = when("placed_at", gettext_lazy("Placed"))
    list_display = ("number", "status_label", "name", "phone", "sum_label", "ordered_at")
    list_filter = (("status", ChoicesDropdownFilter), ("placed_at", RangeDateTimeFilter))
    search_fields = ("number", "phone", "email", "name")
    search_help_text = gettext_lazy("Number, phone, e-mail or name")
    ordering = ("-placed_at",)
    inlines = (LineInline, ParcelInline, RequestInline)
    fields = (
        *("number", "status", "status_text", "name", "phone", "email"),
        *("sum_label", "placed_at", "updated_at"),
    )
    empty = Empty(
        gettext_lazy("No orders yet"),
        gettext_lazy(
            "With orders here the bot answers “where is my order”. Your shop sends them through "
            "the API (POST /api/v1/orders/import/)."
        ),
        gettext_lazy("Make an API token"),
        url="/admin/workspace/apitoken/add/",
        icon="local_shipping",
    )

    @display(
        description=gettext_lazy("Status"),
        ordering="status",
        label={
            "new": "info",
            "paid": "info",
            "assembling": "info",
            "shipped": "warning",
            "ready": "warning",
            "delivered": "success",
            "cancelled": "danger",
            "returned": "danger",
        },
    )
    def status_label(self, order: Order) -> tuple[str, str]:
        return order.status, order.get_status_display()

    @display(description=gettext_lazy("Sum"), ordering="sum")
    def sum_label(self, order: Order) -> str:
        return money(order.sum, order.currency)


merchant_menu.add(
    Entry("shop", 20, gettext_lazy("Orders"), "local_shipping", "integrations_order_changelist",
          may("integrations.view_order")),
)  # fmt: skip
