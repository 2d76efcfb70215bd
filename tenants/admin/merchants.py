"""Merchants on the platform's desk, and on a partner's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordToggleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from tenants.admin.base import Empty, TypedName, row_action, when
from tenants.admin.scope import Scoped, platform_only
from tenants.admin.sites import platform_site
from tenants.kernel.errors import RuleBroken
from tenants.kernel.posted import add_faults
from tenants.models import Merchant, Partner
from tenants.selectors.hosts import forget_hosts, url_of
from tenants.selectors.requests import actor_of
from tenants.selectors.scope import is_boss, scope_of
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
from tenants.workspace.models import Job, StoredFile


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
        return self.instance

    def save_m2m(self) -> None:
        """The service has kept everything."""


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

    @row_action(
        gettext_lazy("Suspend"),
        icon="pause_circle",
        ask=gettext_lazy("Suspend this merchant?"),
        text=gettext_lazy(
            "Its pages show that it is switched off, messages of buyers are not accepted. "
            "Nothing is lost; it can be switched on again at any time."
        ),
        form=SuspendForm,
    )
    def suspend(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        merchant = self._merchant(request, object_id)
        merchant_suspend(merchant, reason=form.cleaned_data["reason"], actor=actor_of(request))
        messages.success(request, _("“%(name)s” is suspended.") % {"name": merchant.name})
        return self.back_to(object_id)

    def has_suspend_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._is(request, object_id, Merchant.State.ACTIVE)

    @row_action(
        gettext_lazy("Switch on again"),
        icon="play_circle",
        ask=gettext_lazy("Switch this merchant on again?"),
        text=gettext_lazy("Its pages and channels work again at once."),
        button=gettext_lazy("Switch on"),
    )
    def resume(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        merchant = self._merchant(request, object_id)
        merchant_resume(merchant, actor=actor_of(request))
        messages.success(request, _("“%(name)s” works again.") % {"name": merchant.name})
        return self.back_to(object_id)

    def has_resume_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._is(request, object_id, Merchant.State.SUSPENDED, Merchant.State.DELETING)

    @row_action(
        gettext_lazy("Export"),
        icon="archive",
        ask=gettext_lazy("Make an archive of everything this merchant has?"),
        text=gettext_lazy(
            "Dialogues, people, goods, orders, files. Passwords and keys are left out. It "
            "takes minutes; the link appears on this page."
        ),
        button=gettext_lazy("Make the archive"),
    )
    def export(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        merchant = self._merchant(request, object_id)
        merchant_export_start(merchant, actor=actor_of(request))
        messages.info(request, _("The archive is being made; its link will appear below."))
        return self.back_to(object_id)

    def has_export_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return is_boss(request)

    @row_action(
        gettext_lazy("Delete"),
        icon="delete",
        ask=gettext_lazy("Delete this merchant?"),
        text=gettext_lazy(
            "It stops working now. After 14 days everything is erased: dialogues, goods, "
            "orders, files, people, keys. Until then it can be switched on again; after that "
            "nothing brings it back."
        ),
        form=DeleteForm,
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


@platform_site.page("exports/<int:pk>/", name="export_file")
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
