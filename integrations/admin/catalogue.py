"""Products and what is bought of them. A feed is the source; here people look and switch off."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, Min, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter
from unfold.decorators import display

from integrations.models import Category, Product, Variant
from tenants.admin.base import Empty, ModelAdmin, ReadOnly, when
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel import outbox
from tenants.templatetags.desk import money, number


class StockFilter(DropdownFilter):
    title = gettext_lazy("stock")
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("in stock")), ("no", _("out of stock"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        sold = Variant.objects.filter(is_active=True, is_available=True).values("product")
        match self.value():
            case "yes":
                return queryset.filter(pk__in=sold)
            case "no":
                return queryset.exclude(pk__in=sold)
        return queryset


class VariantInline(TabularInline):
    model = Variant
    fields = ("external_id", "name", "properties", "price_label", "stock_label", "is_active")
    readonly_fields = fields
    extra = 0
    ordering = ("pk",)
    can_delete = False
    show_change_link = False
    per_page = 50
    verbose_name_plural = gettext_lazy("What is bought of it")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("Properties"))
    def properties(self, variant: Variant) -> str:
        return ", ".join(f"{key}: {value}" for key, value in variant.params.items()) or "–"

    @display(description=gettext_lazy("Price"))
    def price_label(self, variant: Variant) -> str:
        text = money(variant.price, variant.currency)
        if variant.old_price:
            return format_html("{} <del>{}</del>", text, money(variant.old_price, variant.currency))
        return text

    @display(description=gettext_lazy("Stock"))
    def stock_label(self, variant: Variant) -> str:
        if not variant.is_available:
            return _("none")
        return _("%(n)s pcs") % {"n": number(variant.stock)} if variant.stock else _("in stock")


@admin.register(Product, site=merchant_site)
class ProductAdmin(ModelAdmin):
    changed_at = when("updated_at", gettext_lazy("Changed"))
    list_display = ("card", "category", "price_range", "stock_state", "changed_at")
    list_filter = (StockFilter, ("category", AutocompleteSelectFilter), "is_active")
    search_fields = ("name", "vendor", "external_id")
    search_help_text = gettext_lazy("Name, brand or id in the shop")
    list_select_related = ("category",)
    ordering = ("name", "pk")
    inlines = (VariantInline,)
    list_before_template = "desk/catalogue_head.html"
    actions = ("switch_off", "switch_on")
    fields = (
        *("name", "vendor", "category", "external_id", "link", "pictures_shown"),
        *("description", "params_shown", "is_active"),
    )
    readonly_fields = fields[:-1]
    empty = Empty(
        gettext_lazy("The catalogue is empty"),
        gettext_lazy(
            "The bot tells prices, sizes and stock from it. A YML feed, CSV or Excel file of your "
            "shop is read in a minute."
        ),
        gettext_lazy("Import the catalogue"),
        url="/admin/catalogue/import/",
        icon="inventory_2",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        found = super().get_queryset(request)
        here = request.resolver_match
        if here is not None and (here.url_name or "").endswith("changelist"):
            return found.defer("description", "params").annotate(
                low=Min("variants__price", filter=Q(variants__is_active=True)),
                high=Max("variants__price", filter=Q(variants__is_active=True)),
                currency=Min("variants__currency", filter=Q(variants__is_active=True)),
                in_stock=Count(
                    "variants", filter=Q(variants__is_active=True, variants__is_available=True)
                ),
                offers=Count("variants", filter=Q(variants__is_active=True)),
            )
        return found

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # goods come by import or a connection

    def has_delete_permission(self, request: HttpRequest, obj: Product | None = None) -> bool:
        return False

    @display(description=gettext_lazy("Product"), header=True, ordering="name")
    def card(self, product: Product) -> list[Any]:
        picture = product.pictures[0] if product.pictures else ""
        return [
            product.name,
            " · ".join(filter(None, [product.vendor, product.external_id])),
            None,
            {"path": picture, "squared": True, "height": 40, "width": 40} if picture else None,
        ]

    @display(description=gettext_lazy("Price"), ordering="low")
    def price_range(self, product: Any) -> str:
        if product.low is None:
            return "–"
        if product.low == product.high:
            return money(product.low, product.currency)
        return _("from %(low)s to %(high)s") % {
            "low": money(product.low, product.currency),
            "high": money(product.high, product.currency),
        }

    @display(
        description=gettext_lazy("Stock"),
        label={"yes": "success", "no": "warning", "off": "danger"},
    )
    def stock_state(self, product: Any) -> tuple[str, str]:
        if not product.is_active:
            return "off", _("not sold")
        if not product.in_stock:
            return "no", _("out of stock")
        if product.offers > 1:
            return "yes", _("%(n)s of %(all)s") % {"n": product.in_stock, "all": product.offers}
        return "yes", _("in stock")

    @display(description=gettext_lazy("Page"))
    def link(self, product: Product) -> str:
        if not product.url:
            return "–"
        return format_html('<a href="{0}" rel="noopener" target="_blank">{0}</a>', product.url)

    @display(description=gettext_lazy("Pictures"))
    def pictures_shown(self, product: Product) -> str:
        return (
            format_html_join(
                " ",
                '<img src="{}" alt="" loading="lazy" class="desk-picture">',
                [(picture,) for picture in product.pictures[:6]],
            )
            or "–"
        )

    @display(description=gettext_lazy("Properties"))
    def params_shown(self, product: Product) -> str:
        return (
            format_html_join(
                "", "<div><b>{}</b>: {}</div>", [(k, v) for k, v in product.params.items()]
            )
            or "–"
        )

    @admin.action(description=gettext_lazy("Do not sell"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        self._switch(queryset, is_active=False)

    @admin.action(description=gettext_lazy("Sell again"), permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        self._switch(queryset, is_active=True)

    def _switch(self, queryset: QuerySet[Product], *, is_active: bool) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        Product.objects.filter(pk__in=ids).update(is_active=is_active)
        outbox.emit("catalogue.changed", key="catalogue", data={"products": ids})

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        obj.save(update_fields=["is_active"])
        outbox.emit("catalogue.changed", key="catalogue", data={"products": [obj.pk]})


@admin.register(Category, site=merchant_site)
class CategoryAdmin(ReadOnly):
    """For the filter of products; not in the menu."""

    list_display = ("name", "external_id")
    search_fields = ("name",)
    ordering = ("name",)

    def has_view_permission(self, request: HttpRequest, obj: Category | None = None) -> bool:
        return request.user.has_perm("integrations.view_product")


merchant_menu.add(
    Entry("shop", 10, gettext_lazy("Catalogue"), "inventory_2", "integrations_product_changelist",
          may("integrations.view_product"), covers=("catalogue_import",)),
)  # fmt: skip
