"""The platform's desk, and a partner's: merchants, partners, brands, hosts, plans.

A partner's staff sees and touches its own merchants only; on a partner's host everybody sees that
partner's only. One place decides it: `scope_of`.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordToggleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from tenants import branding
from tenants.admin.base import Empty, ModelAdmin, TypedName, actor_of, when
from tenants.admin.brand import PICTURES, SENDER_EMAIL_HELP
from tenants.admin.home import filler
from tenants.admin.menu import Entry, platform_menu
from tenants.admin.people import AuditAdmin, PersonAdmin
from tenants.admin.sites import platform_site
from tenants.kernel.errors import RuleBroken
from tenants.kernel.posted import add_faults
from tenants.kernel.text import whole
from tenants.models import Brand, Domain, MailServer, Merchant, Partner, Plan
from tenants.selectors.hosts import Site, brand_of, forget_hosts, url_of
from tenants.selectors.usage import usage_of
from tenants.services.audit import audit
from tenants.services.export import export_open, merchant_export_start
from tenants.services.merchants import (
    GRACE,
    merchant_create,
    merchant_delete,
    merchant_rename,
    merchant_resume,
    merchant_suspend,
)
from tenants.services.names import host_clean
from tenants.services.partners import partner_create, partner_host
from tenants.services.pictures import picture_read
from tenants.workspace.models import AuditEntry, Job, StoredFile, User


def scope_of(request: HttpRequest) -> int | None:
    """The partner this person is confined to here; None for platform staff on its own host."""
    site: Site = request.site  # type: ignore[assignment, attr-defined]
    if request.user.partner_id is not None:  # type: ignore[union-attr]
        return int(request.user.partner_id)  # type: ignore[union-attr]
    return None if site.partner.is_platform else site.partner.pk


def is_boss(request: HttpRequest) -> bool:
    """Owner or administrator, of the platform or of a partner."""
    user = actor_of(request)
    if not user.is_authenticated:
        return False
    return user.is_superuser or user.role in (User.Role.OWNER, User.Role.ADMIN)


def platform_only(request: HttpRequest) -> bool:
    return is_boss(request) and scope_of(request) is None


def partner_in_scope(request: HttpRequest) -> tuple[Partner, str]:
    """The partner a page of settings is about, and the query that leads back to it.

    That of the host; `?partner=` names another for the platform's staff on its own host.
    Raises PermissionDenied, Http404.
    """
    if not is_boss(request):
        raise PermissionDenied
    own: int = request.site.partner.pk  # type: ignore[attr-defined]
    wanted = whole(request.GET.get("partner", "")) if platform_only(request) else None
    pk = scope_of(request) or own if wanted is None else wanted
    partner = get_object_or_404(Partner.objects.select_related("brand"), pk=pk)
    return partner, f"?partner={pk}" if pk != own else ""


class Scoped(ModelAdmin):
    """Rows of the partner in scope; `partner_path` leads from a row to its partner's id."""

    partner_path = "partner_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = super().get_queryset(request)
        scope = scope_of(request)
        return found if scope is None else found.filter(**{self.partner_path: scope})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_boss(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_boss(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_boss(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_boss(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# ── Merchants ────────────────────────────────────────────────────────────────────────────────
class NewMerchantForm(forms.ModelForm):
    """The same service as the sign-up page's; the owner gets the password from whoever types it."""

    slug = forms.CharField(
        label=gettext_lazy("Short name"),
        max_length=40,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Latin letters and digits; the address begins with it."),
    )
    name = forms.CharField(
        label=gettext_lazy("Name of the shop"), max_length=120, widget=UnfoldAdminTextInputWidget
    )
    email = forms.EmailField(
        label=gettext_lazy("Owner's e-mail"), widget=UnfoldAdminEmailInputWidget
    )
    password = forms.CharField(
        label=gettext_lazy("Owner's password"),
        widget=UnfoldAdminPasswordToggleWidget({"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 8 characters. The owner can change it at once."),
    )
    host = forms.CharField(
        label=gettext_lazy("Host of its own"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Empty: the short name before the partner's host."),
    )

    class Meta:
        model = Merchant
        fields = ("name", "slug", "partner", "language")
        widgets = {"partner": UnfoldAdminSelectWidget, "language": forms.HiddenInput}

    request: HttpRequest

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scope = scope_of(self.request)
        partners = Partner.objects.filter(is_active=True).select_related("brand")
        self.fields["partner"] = forms.ModelChoiceField(
            label=_("Partner"),
            queryset=partners if scope is None else partners.filter(pk=scope),
            initial=scope,
            empty_label=None,
            widget=UnfoldAdminSelectWidget,
        )
        self.fields["language"] = forms.ChoiceField(
            label=_("Language of the bot"),
            choices=[("ru", "Русский"), ("en", "English")],
            widget=UnfoldAdminSelectWidget,
        )

    def _post_clean(self) -> None:
        """No row is made here: the service checks and makes, all in one."""
        if self.errors:
            return
        given = self.cleaned_data
        try:
            self.instance = merchant_create(
                slug=given["slug"],
                name=given["name"],
                email=given["email"],
                password=given["password"],
                partner=given["partner"],
                host=given["host"],
                language=given["language"],
                actor=actor_of(self.request),
            )
        except ValidationError as error:
            add_faults(self, error)

    def save(self, commit: bool = True) -> Merchant:
        self.save_m2m = lambda: None  # type: ignore[method-assign]
        return self.instance


class MerchantForm(forms.ModelForm):
    slug = forms.CharField(
        label=gettext_lazy("Short name"), max_length=40, widget=UnfoldAdminTextInputWidget
    )
    host = forms.CharField(
        label=gettext_lazy("Host"), max_length=253, widget=UnfoldAdminTextInputWidget
    )

    class Meta:
        model = Merchant
        fields = ("name", "slug", "plan")

    request: HttpRequest

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        domain = self.instance.domains.order_by("-is_primary", "pk").first()
        if "host" in self.fields:
            self.fields["host"].initial = domain.host if domain else ""
        if "plan" in self.fields and not platform_only(self.request):
            self.fields["plan"].disabled = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        changed = {n: cleaned[n] for n in ("name", "slug", "host") if n in self.changed_data}
        if changed:
            merchant = Merchant.objects.get(pk=self.instance.pk)
            try:
                # Checked by trying, inside a transaction that is undone when it does not fit.
                with transaction.atomic():
                    merchant_rename(merchant, actor=actor_of(self.request), **changed)
            except ValidationError as error:
                add_faults(self, error)
            except RuleBroken as refused:
                self.add_error(None, str(refused))
        return cleaned


class SuspendForm(BaseDialogForm):
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("For colleagues and the audit log; buyers do not see it."),
    )


class DeleteForm(TypedName):
    def expected(self) -> str:
        return str(Merchant.objects.values_list("slug", flat=True).get(pk=self.object_id))


@admin.register(Merchant, site=platform_site)
class MerchantAdmin(Scoped):
    began_at = when("created_at", gettext_lazy("Created"))
    list_display = ("title", "state_label", "host", "partner", "plan", "usage", "began_at")
    list_filter = (("state", ChoicesDropdownFilter), ("partner", RelatedDropdownFilter))
    list_select_related = ("partner__brand", "plan")
    search_fields = ("name", "slug", "domains__host")
    ordering = ("-created_at",)
    list_per_page = 25
    actions = None
    actions_detail = ("export", "suspend", "resume", "remove")
    add_label = gettext_lazy("Add a merchant")
    empty = Empty(
        gettext_lazy("No merchants yet"),
        gettext_lazy("A merchant is a shop with its own people, data and address."),
        gettext_lazy("Add a merchant"),
        icon="storefront",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Merchant]:
        found: QuerySet[Merchant] = super().get_queryset(request)
        return found.exclude(state=Merchant.State.SPARE).prefetch_related("domains")

    def get_list_display(self, request: HttpRequest) -> Any:
        hidden = {"partner"} if scope_of(request) is not None else set()
        return [name for name in self.list_display if name not in hidden]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return self.list_filter if scope_of(request) is None else self.list_filter[:1]

    def get_form(self, request: HttpRequest, obj: Merchant | None = None, **kwargs: Any) -> Any:
        base = MerchantForm if obj else NewMerchantForm
        return type(base.__name__, (base,), {"request": request})

    def get_fieldsets(self, request: HttpRequest, obj: Merchant | None = None) -> Any:
        if obj is None:
            fields = ["name", "slug", "host", "partner", "language", "email", "password"]
            return [(None, {"fields": fields})]
        return [
            (None, {"fields": ["name", "slug", "host", "plan"]}),
            (_("State"), {"fields": ["state_words", "usage_words", "exports", "created_at"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Merchant | None = None) -> Any:
        return ["state_words", "usage_words", "exports", "created_at"] if obj else []

    @display(description=gettext_lazy("Merchant"), header=True, ordering="name")
    def title(self, merchant: Merchant) -> list[Any]:
        return [merchant.name, merchant.slug]

    @display(
        description=gettext_lazy("State"),
        label={"active": "success", "suspended": "warning", "deleting": "danger"},
        ordering="state",
    )
    def state_label(self, merchant: Merchant) -> tuple[str, str]:
        return merchant.state, merchant.get_state_display()

    @display(description=gettext_lazy("Address"))
    def host(self, merchant: Merchant) -> str:
        host = next((d.host for d in merchant.domains.all()), "")
        if not host:
            return "–"
        return format_html(
            '<a href="{}" target="_blank" rel="noopener">{}</a>', url_of(host, "/admin/"), host
        )

    @display(description=gettext_lazy("Dialogues this month"))
    def usage(self, merchant: Merchant) -> str:
        used = usage_of(merchant)
        return _("%(n)s of %(most)s") % {"n": used.dialogues, "most": used.most_dialogues or "∞"}

    @display(description=gettext_lazy("Use"))
    def usage_words(self, merchant: Merchant) -> str:
        used = usage_of(merchant)
        return _(
            "Dialogues this month: %(dialogues)s. People: %(people)s. Channels: %(channels)s. "
            "Goods on sale: %(goods)s."
        ) % {
            "dialogues": used.dialogues,
            "people": used.people,
            "channels": used.channels,
            "goods": used.products,
        }

    @display(description=gettext_lazy("State"))
    def state_words(self, merchant: Merchant) -> str:
        text = str(merchant.get_state_display())
        if merchant.state_reason:
            text += f": {merchant.state_reason}"
        if merchant.delete_after:
            text += ", " + _("gone for good after %(day)s") % {
                "day": date_format(localtime(merchant.delete_after), "j E, H:i")
            }
        return text

    @display(description=gettext_lazy("Archives"))
    def exports(self, merchant: Merchant) -> str:
        jobs = Job.objects.filter(kind="merchant.export", params__merchant=merchant.pk)[:3]
        parts = []
        for job in jobs:
            when = date_format(localtime(job.created_at), "j E, H:i")
            if job.state == Job.State.DONE and job.result.get("file"):
                url = reverse("platform:export_file", args=[job.pk])
                parts.append(format_html('<a href="{}">{}</a>', url, _("archive of %s") % when))
            else:
                parts.append(format_html("{}: {}", when, job.message or job.get_state_display()))
        return format_html("<br>".join("{}" for _part in parts), *parts) if parts else "–"

    def save_model(self, request: HttpRequest, obj: Merchant, form: Any, change: bool) -> None:
        if not change:
            return  # merchant_create did everything
        if "plan" in form.changed_data and platform_only(request):
            Merchant.objects.filter(pk=obj.pk).update(plan=obj.plan)
            audit("merchant.plan_changed", f"merchant:{obj.slug}", actor=actor_of(request),
                  plan=str(obj.plan))  # fmt: skip
        forget_hosts()

    def response_add(
        self, request: HttpRequest, obj: Merchant, post_url_continue: str | None = None
    ) -> HttpResponse:
        host = obj.domains.order_by("-is_primary").first()
        messages.success(
            request,
            _("“%(name)s” is ready. Its people log in at %(url)s")
            % {"name": obj.name, "url": url_of(host.host, "/admin/") if host else ""},
        )
        return redirect("platform:tenants_merchant_changelist")

    def _merchant(self, request: HttpRequest, object_id: Any) -> Merchant:
        found: Merchant | None = self.get_object(request, str(object_id))
        if found is None or not is_boss(request):
            raise PermissionDenied
        return found

    def _is(self, request: HttpRequest, object_id: Any, *states: str) -> bool:
        merchant = self.get_object(request, str(object_id)) if object_id else None
        return is_boss(request) and merchant is not None and merchant.state in states

    @action(
        description=gettext_lazy("Suspend"),
        icon="pause_circle",
        permissions=["suspend"],
        dialog={
            "title": gettext_lazy("Suspend this merchant?"),
            "description": gettext_lazy(
                "Its pages show that it is switched off, messages of buyers are not accepted. "
                "Nothing is lost; it can be switched on again at any time."
            ),
            "form_class": SuspendForm,
            "form_submit_text": gettext_lazy("Suspend"),
        },
    )
    def suspend(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        merchant = self._merchant(request, object_id)
        merchant_suspend(merchant, reason=form.cleaned_data["reason"], actor=actor_of(request))
        messages.success(request, _("“%(name)s” is suspended.") % {"name": merchant.name})
        return self.back_to(object_id)

    def has_suspend_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._is(request, object_id, Merchant.State.ACTIVE)

    @action(
        description=gettext_lazy("Switch on again"),
        icon="play_circle",
        permissions=["resume"],
        dialog={
            "title": gettext_lazy("Switch this merchant on again?"),
            "description": gettext_lazy("Its pages and channels work again at once."),
            "form_submit_text": gettext_lazy("Switch on"),
        },
    )
    def resume(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        merchant = self._merchant(request, object_id)
        merchant_resume(merchant, actor=actor_of(request))
        messages.success(request, _("“%(name)s” works again.") % {"name": merchant.name})
        return self.back_to(object_id)

    def has_resume_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._is(request, object_id, Merchant.State.SUSPENDED, Merchant.State.DELETING)

    @action(
        description=gettext_lazy("Export"),
        icon="archive",
        permissions=["export"],
        dialog={
            "title": gettext_lazy("Make an archive of everything this merchant has?"),
            "description": gettext_lazy(
                "Dialogues, people, goods, orders, files. Passwords and keys are left out. It "
                "takes minutes; the link appears on this page."
            ),
            "form_submit_text": gettext_lazy("Make the archive"),
        },
    )
    def export(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        merchant = self._merchant(request, object_id)
        merchant_export_start(merchant, actor=actor_of(request))
        messages.info(request, _("The archive is being made; its link will appear below."))
        return self.back_to(object_id)

    def has_export_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return is_boss(request)

    @action(
        description=gettext_lazy("Delete"),
        icon="delete",
        permissions=["remove"],
        dialog={
            "title": gettext_lazy("Delete this merchant?"),
            "description": gettext_lazy(
                "It stops working now. After 14 days everything is erased: dialogues, goods, "
                "orders, files, people, keys. Until then it can be switched on again; after that "
                "nothing brings it back."
            ),
            "form_class": DeleteForm,
            "form_submit_text": gettext_lazy("Delete"),
        },
    )
    def remove(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        merchant = self._merchant(request, object_id)
        try:
            gone_at = merchant_delete(
                merchant, confirm=form.cleaned_data["typed"], actor=actor_of(request), grace=GRACE
            )
        except RuleBroken as refused:
            messages.error(request, str(refused))
        else:
            messages.warning(
                request,
                _("“%(name)s” is switched off and will be erased on %(day)s.")
                % {"name": merchant.name, "day": date_format(localtime(gone_at), "j E, H:i")},
            )
        return self.back_to(object_id)

    def has_remove_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._is(request, object_id, Merchant.State.ACTIVE, Merchant.State.SUSPENDED)


@platform_site.page("exports/<int:pk>/", name="export_file")  # type: ignore[arg-type]
def export_file(request: HttpRequest, pk: int) -> HttpResponse | FileResponse:
    """The archive of a merchant in scope."""
    job = get_object_or_404(Job, pk=pk, kind="merchant.export", state=Job.State.DONE)
    shops = platform_site._registry[Merchant].get_queryset(request)
    merchant = shops.filter(pk=job.params.get("merchant")).first()
    if not is_boss(request) or merchant is None:
        raise PermissionDenied
    try:
        name, archive = export_open(job, merchant)
    except (StoredFile.DoesNotExist, OSError):
        raise Http404 from None
    audit("merchant.export_fetched", f"merchant:{job.params.get('slug', '')}",
          actor=actor_of(request), job=job.pk)  # fmt: skip
    return FileResponse(archive, as_attachment=True, filename=name)


# ── Partners ─────────────────────────────────────────────────────────────────────────────────
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


# ── People and audit, of the platform and of partners ────────────────────────────────────────
@admin.register(User, site=platform_site)
class StaffAdmin(PersonAdmin):
    """A partner's owner rules its own people; the platform's rules its own and every partner's."""

    list_display = (  # type: ignore[assignment]
        *("person", "role_label", "partner_label", "access", "came_in"),
    )

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
        site: Site = request.site  # type: ignore[assignment, attr-defined]
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


@filler("platform")
def home(request: HttpRequest) -> dict[str, Any]:
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
        "signup_open": request.site.partner.signup_open,  # type: ignore[attr-defined]
        "signup_url": url_of(request.site.host, "/signup/"),  # type: ignore[attr-defined]
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
