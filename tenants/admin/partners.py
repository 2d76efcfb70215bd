"""Partners with their brands and hosts, and plans."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from tenants import branding
from tenants.admin.brand import PICTURES, SENDER_EMAIL_HELP
from tenants.admin.scope import Scoped, platform_only
from tenants.admin.sites import platform_site
from tenants.kernel import registry
from tenants.kernel.posted import add_faults
from tenants.models import Brand, Domain, MailServer, Partner, Plan
from tenants.selectors.hosts import brand_of, forget_hosts
from tenants.selectors.scope import is_boss, scope_of
from tenants.services.names import host_clean
from tenants.services.partners import partner_channels_off, partner_create
from tenants.services.pictures import picture_read


class DomainForm(forms.ModelForm):
    """A host as browsers send it, and nobody else's."""

    def clean_host(self) -> str:
        host = str(self.cleaned_data["host"])
        if "host" not in self.changed_data:
            return host
        try:
            return host_clean(host)
        except ValidationError as error:
            raise forms.ValidationError(error.messages) from None


class DomainInline(TabularInline):
    model = Domain
    form = DomainForm
    fields = ("host", "is_primary")
    extra = 0
    min_num = 1  # its merchants' addresses end with one
    verbose_name_plural = gettext_lazy("Hosts")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Domain]:
        return super().get_queryset(request).filter(merchant=None)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        return super().get_formset(request, obj, validate_min=True, **kwargs)

    def _may(self, request: HttpRequest) -> bool:
        return platform_only(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_boss(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)


class PartnerForm(forms.ModelForm):
    """A partner with its brand on one page."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=80, widget=UnfoldAdminTextInputWidget
    )
    host = forms.CharField(
        label=gettext_lazy("Host"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Its pages; its merchants' addresses end with it."),
    )
    colour = forms.CharField(
        label=gettext_lazy("Main colour"),
        required=False,
        widget=UnfoldAdminTextInputWidget({"placeholder": "#2f6f4f"}),
    )
    support_email = forms.EmailField(
        label=gettext_lazy("Support e-mail"), required=False, widget=UnfoldAdminEmailInputWidget
    )
    privacy_url = forms.URLField(
        label=gettext_lazy("Privacy policy"),
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminTextInputWidget,
    )
    legal_name = forms.CharField(
        label=gettext_lazy("Legal name"), required=False, widget=UnfoldAdminTextInputWidget
    )
    sender_name = forms.CharField(
        label=gettext_lazy("Name on e-mails"), required=False, widget=UnfoldAdminTextInputWidget
    )
    sender_email = forms.EmailField(
        label=gettext_lazy("Address of e-mails"),
        required=False,
        widget=UnfoldAdminEmailInputWidget,
        help_text=SENDER_EMAIL_HELP,
    )
    channels_off = forms.MultipleChoiceField(
        label=gettext_lazy("Channels that are switched off"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy(
            "Its merchants cannot connect these; what they have connected of them is paused."
        ),
    )
    logo_file = forms.FileField(label=gettext_lazy("Logo"), required=False)
    logo_dark_file = forms.FileField(label=gettext_lazy("Logo for dark pages"), required=False)
    favicon_file = forms.FileField(label=gettext_lazy("Icon"), required=False)

    BRAND = (
        *("name", "colour", "support_email", "privacy_url", "legal_name"),
        *("sender_name", "sender_email"),
    )

    class Meta:
        model = Partner
        fields = ("slug", "plan", "signup_open", "is_active", "language")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in self.BRAND:
                self.fields[name].initial = getattr(self.instance.brand, name)
            self.fields.pop("host", None)
        elif "host" in self.fields:
            self.fields["host"].required = True
        if "channels_off" in self.fields:
            kinds = registry.manifests("bots.channels").items()
            field = self.fields["channels_off"]
            assert isinstance(field, forms.MultipleChoiceField)
            field.choices = [(key, one.title) for key, one in kinds if one.is_offered]
            field.initial = self.instance.channels_off
        if "language" in self.fields:
            self.fields["language"] = forms.ChoiceField(
                label=_("Language"),
                choices=[("ru", "Русский"), ("en", "English")],
                widget=UnfoldAdminSelectWidget,
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        brand = Brand(**{n: cleaned.get(n) or "" for n in self.BRAND})
        try:
            brand.clean_fields()
        except ValidationError as error:
            add_faults(self, error)
        if cleaned.get("host"):
            try:
                cleaned["host"] = host_clean(cleaned["host"])
            except ValidationError as error:
                self.add_error("host", error.messages)
        for name in PICTURES:
            if upload := cleaned.get(f"{name}_file"):
                try:
                    cleaned[name] = picture_read(upload)
                except ValidationError as error:
                    self.add_error(f"{name}_file", error)
        return cleaned

    def brand_values(self) -> dict[str, str]:
        given = self.cleaned_data
        return {
            **{name: given[name] for name in self.BRAND},
            **{name: given[name] for name in PICTURES if name in given},
        }


@admin.register(Partner, site=platform_site)
class PartnerAdmin(Scoped):
    form = PartnerForm
    partner_path = "pk"
    list_display = ("title", "hosts", "merchants_count", "signup_label", "plan")
    list_select_related = ("brand", "plan")
    search_fields = ("slug", "brand__name", "domains__host")
    ordering = ("-is_platform", "slug")
    actions = None
    inlines = (DomainInline,)
    add_label = gettext_lazy("Add a partner")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Partner]:
        found: QuerySet[Partner] = super().get_queryset(request)
        real = Q(merchants__state__in=["active", "suspended", "deleting"])
        return found.prefetch_related("domains").annotate(
            shops=Count("merchants", filter=real, distinct=True)
        )

    def get_inlines(self, request: HttpRequest, obj: Partner | None = None) -> Any:
        return self.inlines if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Partner | None = None) -> Any:
        brand = ["name", "colour", "logo_file", "logo_dark_file", "favicon_file"]
        words = ["support_email", "privacy_url", "legal_name", "sender_name", "sender_email"]
        if scope_of(request) is not None:
            terms = ["signup_open", "language"]
        else:
            terms = ["slug", *([] if obj else ["host"]), "plan", "signup_open", "is_active",
                     "language"]  # fmt: skip
        return [
            (None, {"fields": terms}),
            (_("Brand"), {"fields": [*(["mark"] if obj else []), *brand]}),
            (_("Addresses and names"), {"fields": [*words, *(["mail"] if obj else [])]}),
            *([(_("Channels"), {"fields": ["channels_off"]})] if obj else []),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Partner | None = None) -> Any:
        return ["mark", "mail"] if obj else []

    def get_form(self, request: HttpRequest, obj: Partner | None = None, **kwargs: Any) -> Any:
        if scope_of(request) is not None:
            kwargs["fields"] = ["signup_open", "language"]
        else:
            kwargs["fields"] = [*PartnerForm.Meta.fields]
        return super().get_form(request, obj, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return platform_only(request)

    @display(description=gettext_lazy("Partner"), header=True, ordering="slug")
    def title(self, partner: Partner) -> list[Any]:
        picture = branding.mark_of(brand_of(partner))
        return [str(partner), partner.slug, None, {"path": picture, "squared": True}]

    @display(description=gettext_lazy("Shown as"))
    def mark(self, partner: Partner) -> str:
        return format_html(
            '<img src="{}" alt="" width="36" height="36">', branding.mark_of(brand_of(partner))
        )

    @display(description=gettext_lazy("Mail server"))
    def mail(self, partner: Partner) -> str:
        found = MailServer.objects.filter(brand=partner.brand_id).first()
        return format_html(
            '<a href="{}?partner={}">{}</a>',
            reverse("platform:mail"),
            partner.pk,
            str(found) if found else _("the platform's"),
        )

    @display(description=gettext_lazy("Hosts"))
    def hosts(self, partner: Partner) -> str:
        return ", ".join(d.host for d in partner.domains.all() if d.merchant_id is None) or "–"

    @display(description=gettext_lazy("Merchants"), ordering="shops")
    def merchants_count(self, partner: Any) -> int:
        return int(partner.shops)

    @display(description=gettext_lazy("Sign-up"), label={True: "success", False: "warning"})
    def signup_label(self, partner: Partner) -> tuple[bool, str]:
        return partner.signup_open, _("is open") if partner.signup_open else _("is closed")

    def save_model(self, request: HttpRequest, obj: Partner, form: Any, change: bool) -> None:
        values = form.brand_values()
        if change:
            if "channels_off" in form.cleaned_data:
                partner_channels_off(obj, form.cleaned_data["channels_off"])
            for name, value in values.items():
                setattr(obj.brand, name, value)
            obj.brand.save()
            super().save_model(request, obj, form, change)
        else:
            name = values.pop("name")
            made = partner_create(
                slug=obj.slug,
                name=name,
                host=form.cleaned_data["host"],
                plan=obj.plan,
                language=obj.language,
                brand=values,
            )
            Partner.objects.filter(pk=made.pk).update(
                signup_open=obj.signup_open, is_active=obj.is_active
            )
            obj.pk, obj.brand = made.pk, made.brand
        transaction.on_commit(forget_hosts)


@admin.register(Plan, site=platform_site)
class PlanAdmin(Scoped):
    list_display = (
        *("name", "conversations_a_month", "channels", "agents", "products"),
        "model_money_a_month",
    )
    actions = None
    add_label = gettext_lazy("Add a plan")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        return admin.ModelAdmin.get_queryset(self, request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return platform_only(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return platform_only(request)

    has_change_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return platform_only(request)
