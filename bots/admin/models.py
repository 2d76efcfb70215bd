"""Keys of language models, and what they cost this month."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Avg, Count, Q, Sum
from django.db.models.functions import TruncDay
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from bots.llm.base import DataRegion
from bots.llm.manifests import ProviderManifest, manifests
from bots.llm.terms import Terms
from bots.models import ModelAccount, ModelCall
from bots.services.model_accounts import (
    BudgetRefused,
    SettingsRefused,
    account_check,
    account_delete,
    account_save,
    budget_save,
)
from bots.services.model_budget import budget_of
from bots.services.model_calls import secrets_of
from tenants.admin import manifest_form
from tenants.admin.base import Empty, OwnPage, when
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.errors import VendorError
from tenants.kernel.posted import posted
from tenants.selectors.requests import actor_of, merchant_here
from tenants.services.audit import audit


def account_form(provider: str, account: ModelAccount | None, data: Any = None) -> forms.Form:
    """A form from the provider's manifest."""
    manifest = manifests()[provider]
    fields: dict[str, forms.Field] = {
        "name": forms.CharField(
            label=_("Name"),
            required=False,
            max_length=80,
            initial=account.name if account else "",
            help_text=_("To tell several accounts apart."),
        ),
        **manifest_form.form_fields(
            manifest.settings,
            values=account.settings if account else None,
            secrets=secrets_of(account) if account else None,
        ),
    }
    made = type("AccountForm", (forms.Form,), fields)
    return made(data)


def where(manifest: ProviderManifest) -> str:
    """Where data goes, in two words."""
    return {
        DataRegion.RU: _("stays in Russia"),
        DataRegion.FOREIGN: _("goes abroad"),
        DataRegion.OWN: _("your own server"),
    }[manifest.data_region]


def tell_check(request: HttpRequest, check: Callable[[], str]) -> None:
    """Whether the credentials just saved are any good; `check` names the model that answered."""
    try:
        model = check()
    except VendorError as exc:
        messages.warning(
            request,
            _("Saved, but the service does not accept it: %(why)s") % {"why": exc.detail},
        )
    else:
        messages.success(request, _("It works: %(model)s answers.") % {"model": model})


@admin.register(ModelAccount, site=merchant_site)
class ModelAccountAdmin(OwnPage):
    added_at = when("created_at", gettext_lazy("Added"))
    list_display = ("title", "where", "state_label", "added_at")
    actions = None
    add_label = gettext_lazy("Add a key")
    empty = Empty(
        gettext_lazy("No language model is connected"),
        gettext_lazy(
            "The bot answers by itself from your articles, goods and orders, and needs none. With "
            "a model it understands longer questions and answers more freely."
        ),
        gettext_lazy("Add a key"),
        icon="neurology",
    )

    @display(description=gettext_lazy("Model"), header=True, ordering="provider")
    def title(self, account: ModelAccount) -> list[Any]:
        manifest = manifests().get(account.provider)
        model = account.settings.get("model", "")
        return [account.name or (manifest.title if manifest else account.provider), model]

    @display(description=gettext_lazy("Where data goes"))
    def where(self, account: ModelAccount) -> Any:
        manifest = manifests().get(account.provider)
        return manifest and {
            DataRegion.RU: _("stays in Russia"),
            DataRegion.FOREIGN: _("goes abroad, personal data masked"),
            DataRegion.OWN: _("your own server"),
        }.get(manifest.data_region)

    @display(
        description=gettext_lazy("State"),
        label={"live": "success", "paused": "warning", "broken": "danger"},
        ordering="state",
    )
    def state_label(self, account: ModelAccount) -> tuple[str, str]:
        return account.state, account.get_state_display()

    def edit(self, request: HttpRequest, account: ModelAccount | None) -> HttpResponse:
        provider = account.provider if account else request.GET.get("kind", "")
        if provider not in manifests():
            kinds = [(k, m, _("data: %s") % where(m)) for k, m in manifests().items()]
            return self.choose(request, _("Which model?"), kinds)
        form = account_form(provider, account, posted(request))
        manifest = manifests()[provider]
        if request.method == "POST" and form.is_valid():
            plain, secrets = manifest_form.split(manifest.settings, form.cleaned_data)
            try:
                saved = account_save(
                    provider=provider,
                    values={k: v for k, v in {**plain, **secrets}.items() if v not in (None, "")},
                    name=form.cleaned_data["name"],
                    account=account,
                    position=account.position if account else ModelAccount.objects.count(),
                )
            except SettingsRefused as refused:
                form.add_error(None, str(refused))
            else:
                audit(
                    "modelaccount.changed" if account else "modelaccount.added",
                    str(manifest.title), actor=actor_of(request),
                )  # fmt: skip
                tell_check(request, partial(account_check, saved))
                return self._back()
        return TemplateResponse(
            request,
            "desk/account.html",
            self.admin_site.context(
                request,
                manifest.title,
                form=form,
                manifest=manifest,
                account=account,
                back=reverse("merchant:bots_modelaccount_changelist"),
                is_foreign=manifest.data_region == DataRegion.FOREIGN,
                opts=self.opts,
                original=account,
            ),
        )

    def _back(self) -> HttpResponse:
        return redirect("merchant:bots_modelaccount_changelist")

    def delete_model(self, request: HttpRequest, obj: ModelAccount) -> None:
        account_delete(obj)


class BudgetForm(forms.Form):
    own = forms.DecimalField(
        label=gettext_lazy("Your own budget a month"),
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=2,
        help_text=gettext_lazy("Below the plan's. Empty: the plan's alone counts."),
    )


@merchant_site.page("usage/", name="usage")
def usage(request: HttpRequest) -> HttpResponse:
    """Model money of this month against the budget; what each model took."""
    if not request.user.has_perm("bots.view_modelcall"):
        raise PermissionDenied
    merchant = merchant_here(request)
    may_set = request.user.has_perm("bots.change_modelaccount")
    money = budget_of(merchant)
    form = BudgetForm(posted(request), initial={"own": money.own})
    if request.method == "POST":
        if not may_set:
            raise PermissionDenied
        if form.is_valid():
            try:
                budget_save(merchant, form.cleaned_data["own"], actor=actor_of(request))
            except BudgetRefused as refused:
                form.add_error("own", str(refused))
            else:
                messages.success(request, _("Saved. It counts within 15 seconds."))
                return redirect("merchant:usage")
    now = timezone.localtime()
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    calls = ModelCall.objects.filter(created_at__gte=month)
    found = (
        calls.values("provider", "model", "currency")
        .annotate(
            calls=Count("id"),
            failed=Count("id", filter=~Q(outcome="ok")),
            tokens=Sum("prompt_tokens") + Sum("completion_tokens"),
            spent=Sum("cost"),
            ms=Avg("ms"),
        )
        .order_by("-spent")
    )
    titles = {key: manifest.title for key, manifest in manifests().items()}
    by_model = [{**row, "title": titles.get(row["provider"], row["provider"])} for row in found]
    days = list(
        calls.annotate(day=TruncDay("created_at")).values("day").annotate(spent=Sum("cost"),
        calls=Count("id")).order_by("day")
    )  # fmt: skip
    # As the meter counts it: what was paid in other money, too.
    terms = Terms((), currency=merchant.currency, rates=settings.MODEL_CURRENCY_RATES)
    spent = sum(
        (terms.money(row["spent"] or Decimal(0), row["currency"]) for row in by_model), Decimal(0)
    )
    budget = money.limit
    return TemplateResponse(
        request,
        "desk/usage.html",
        merchant_site.context(
            request,
            _("Models and spending"),
            rows=by_model,
            days=days,
            spent=spent,
            budget=budget,
            money=money,
            form=form if may_set else None,
            share=round(100 * spent / budget) if budget else None,
            month=month,
            currency=merchant.currency,
        ),
    )


merchant_menu.add(
    Entry("assistant", 60, gettext_lazy("Models and spending"), "neurology", "usage",
          may("bots.view_modelcall"), covers=("bots_modelaccount_changelist",)),
)  # fmt: skip
