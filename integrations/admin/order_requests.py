"""Returns and repeats that agents have noted: found, looked at, and settled by a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from integrations.models import OrderRequest
from integrations.services.order_requests import request_settle
from tenants.admin.base import Empty, ReadOnly, row_action, when
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.selectors.requests import actor_of
from tenants.templatetags.desk import money


class Look:
    """Rows below an order, to look at."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("integrations.view_order")


class RequestInline(Look, TabularInline):
    model = OrderRequest
    fields = readonly_fields = ("kind", "state", "sum_label", "noted_at", "answer")
    show_change_link = True
    noted_at = when("created_at", gettext_lazy("Noted"))

    @display(description=gettext_lazy("Sum"))
    def sum_label(self, one: OrderRequest) -> str:
        return money(one.sum, one.currency)


class SettleForm(BaseDialogForm):
    answer = forms.CharField(
        label=gettext_lazy("In a word"),
        max_length=300,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Colleagues read it in the dialogue; the buyer does not."),
    )


@admin.register(OrderRequest, site=merchant_site)
class OrderRequestAdmin(ReadOnly):
    asked_at = when("created_at", gettext_lazy("Noted"))
    done_at = when("settled_at", gettext_lazy("Settled"))
    list_display = ("number", "kind", "order", "buyer", "sum_label", "state_label", "asked_at")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("order",)
    search_fields = ("order__number", "order__name", "order__phone", "order__email", "note")
    search_help_text = gettext_lazy("Order, name, phone, e-mail or a word of the note")
    ordering = ("-pk",)
    actions = ("settle_all",)
    actions_detail = ("settle", "refuse")
    fields = (
        *("kind", "state", "order", "buyer", "goods", "sum_label", "note", "user"),
        *("asked_at", "done_at", "answer", "dialogue"),
    )
    readonly_fields = fields
    empty = Empty(
        gettext_lazy("Nobody has asked yet"),
        gettext_lazy(
            "When an agent notes a return or a repeat beside a dialogue, it stands here until "
            "somebody has carried it out."
        ),
        gettext_lazy("To the dialogues"),
        url="/console/",
        icon="assignment_return",
    )

    @display(description="№", ordering="pk")
    def number(self, one: OrderRequest) -> int | None:
        return one.pk

    @display(
        description=gettext_lazy("State"),
        ordering="state",
        label={"open": "warning", "done": "success", "refused": "danger"},
    )
    def state_label(self, one: OrderRequest) -> tuple[str, str]:
        return one.state, one.get_state_display()

    @display(description=gettext_lazy("Buyer"))
    def buyer(self, one: OrderRequest) -> str:
        return ", ".join(filter(None, [one.order.name, one.order.phone or one.order.email])) or "–"

    @display(description=gettext_lazy("Sum"), ordering="sum")
    def sum_label(self, one: OrderRequest) -> str:
        return money(one.sum, one.currency)

    @display(description=gettext_lazy("Goods"))
    def goods(self, one: OrderRequest) -> str:
        rows = (
            (line["name"], line["qty"], money(Decimal(line["price"]), one.currency))
            for line in one.lines
        )
        return format_html_join(format_html("<br>"), "{} × {} — {}", rows)

    @display(description=gettext_lazy("Dialogue"))
    def dialogue(self, one: OrderRequest) -> str:
        if not one.conversation:
            return "–"
        return format_html('<a href="/console/#{}">{}</a>', one.conversation, _("Open"))

    @row_action(
        gettext_lazy("Carried out"),
        icon="check",
        ask=gettext_lazy("Has it been carried out?"),
        text=gettext_lazy("The dialogue where it was asked says so."),
        form=SettleForm,
        needs="settle",
    )
    def settle(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        return self._settled(request, form, object_id, is_done=True)

    @row_action(
        gettext_lazy("Refuse"),
        icon="block",
        ask=gettext_lazy("Refuse this request?"),
        text=gettext_lazy("The goods can be asked for again. The dialogue says so."),
        form=SettleForm,
        needs="settle",
    )
    def refuse(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        return self._settled(request, form, object_id, is_done=False)

    def _settled(
        self, request: HttpRequest, form: Any, object_id: int, *, is_done: bool
    ) -> HttpResponse:
        answer = form.cleaned_data["answer"]
        one = request_settle(int(object_id), by=actor_of(request), is_done=is_done, answer=answer)
        messages.success(request, f"{one}: {one.get_state_display()}")
        return self.back_to(object_id)

    def has_settle_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm("integrations.change_orderrequest"):
            return False
        one = self.get_object(request, str(object_id)) if object_id else None
        return one is None or one.state == OrderRequest.State.OPEN

    @admin.action(description=gettext_lazy("Mark as done"), permissions=["settle"])
    def settle_all(self, request: HttpRequest, found: QuerySet[OrderRequest]) -> None:
        waiting = found.filter(state=OrderRequest.State.OPEN).values_list("pk", flat=True)
        for pk in list(waiting):
            request_settle(pk, by=actor_of(request), is_done=True)
        messages.success(request, _("Saved."))


merchant_menu.add(
    Entry("shop", 22, gettext_lazy("Returns and repeats"), "assignment_return",
          "integrations_orderrequest_changelist", may("integrations.view_orderrequest")),
)  # fmt: skip
