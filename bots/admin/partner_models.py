"""Model keys a partner lends its merchants, on the partner's own desk."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.admin.models import tell_check, where
from bots.llm.base import DataRegion
from bots.llm.manifests import ProviderManifest, manifests
from bots.services.model_accounts import SettingsRefused
from bots.services.partner_models import (
    Refusal,
    partner_key_refusals,
    partner_model_check,
    partner_model_remove,
    partner_model_save,
    partner_models,
)
from tenants.admin import manifest_form
from tenants.admin.base import settled
from tenants.admin.home import Notice, notifier
from tenants.admin.menu import Entry, platform_menu
from tenants.admin.scope import partner_in_scope
from tenants.admin.sites import platform_site
from tenants.kernel.posted import posted
from tenants.kernel.secrets import hint
from tenants.models import Partner
from tenants.selectors.requests import actor_of, site_here
from tenants.selectors.scope import is_boss
from tenants.services.audit import audit


@platform_site.page("models/", name="models")
def lent_models(request: HttpRequest) -> HttpResponse:
    """`?kind=`: one provider's key. Without it, all of them with what is lent."""
    partner, query = partner_in_scope(request)
    kind = request.GET.get("kind", "")
    if kind:
        return _one(request, partner, query, kind)
    lent = partner_models(partner)
    refusals = partner_key_refusals(partner)
    return TemplateResponse(
        request,
        "desk/kinds.html",
        platform_site.context(
            request,
            _("Models of %(brand)s") % {"brand": partner},
            about=_("A key kept here serves all your merchants; each chooses it in its bot's "
                    "settings and pays with its plan's model budget."),
            query=query.replace("?", "&"),
            groups=[("", [
                (key, manifest, _kept(manifest, lent[key]) if key in lent
                 else _("data: %s") % where(manifest))
                for key, manifest in manifests().items()
            ])],
            faults={key: _since(refusal) for key, refusal in refusals.items()},
        ),
    )  # fmt: skip


def _kept(manifest: ProviderManifest, values: dict[str, str]) -> str:
    secret = next((values[n] for n in manifest.secrets() if values.get(n)), "")
    return _("lent: %(model)s %(hint)s") % {
        "model": values.get("model", ""),
        "hint": hint(secret) if secret else "",
    }


def _since(refusal: Refusal) -> str:
    at = date_format(localtime(refusal.since), "SHORT_DATETIME_FORMAT")
    return _("does not work since %(at)s") % {"at": at}


@notifier("platform")
def refused_keys(request: HttpRequest) -> Iterator[Notice]:
    """Keys of the partner whose desk this is that a service refuses."""
    site = site_here(request)
    if site.merchant or not is_boss(request):
        return
    for key, refusal in partner_key_refusals(site.partner).items():
        yield Notice(
            _("The model key of %(title)s does not work, so your merchants' bots answer without "
              "it.")
            % {"title": refusal.title},
            f"{reverse('platform:models')}?kind={key}",
            _("Look at it"),
            "late",
        )  # fmt: skip


def _one(request: HttpRequest, partner: Partner, query: str, kind: str) -> HttpResponse:
    manifest = manifests().get(kind)
    if manifest is None:
        raise Http404
    back = reverse("platform:models") + query
    values = partner_models(partner).get(kind)
    if request.method == "POST" and request.POST.get("do") == "remove":
        if request.POST.get("typed", "").strip() != str(manifest.title):
            messages.error(request, _("This is not the name. Nothing was changed."))
            return redirect(f"{request.path}?{request.GET.urlencode()}")
        partner_model_remove(partner=partner, provider=kind)
        return settled(
            request,
            back,
            "modelaccount.deleted",
            f"{partner}: {manifest.title}",
            _("Removed. Merchants no longer use this key."),
        )
    form = type(
        "LentForm",
        (forms.Form,),
        manifest_form.form_fields(manifest.settings, values=values, secrets=values),
    )(posted(request))
    if request.method == "POST" and form.is_valid():
        plain, secrets = manifest_form.split(manifest.settings, form.cleaned_data)
        given = {k: v for k, v in {**plain, **secrets}.items() if v not in (None, "")}
        try:
            partner_model_save(partner=partner, provider=kind, values=given)
        except SettingsRefused as refused:
            form.add_error(None, str(refused))
        else:
            audit("modelaccount.changed", f"{partner}: {manifest.title}", actor=actor_of(request))
            tell_check(request, partial(partner_model_check, partner=partner, provider=kind))
            return redirect(back)
    refusal = partner_key_refusals(partner).get(kind)
    return TemplateResponse(
        request,
        "desk/account.html",
        platform_site.context(
            request,
            manifest.title,
            form=form,
            manifest=manifest,
            is_foreign=manifest.data_region == DataRegion.FOREIGN,
            is_stored=values is not None,
            refusal=refusal,
            since=_since(refusal) if refusal else "",
            back=back,
        ),
    )


platform_menu.add(Entry("settings", 8, gettext_lazy("Models"), "neurology", "models", is_boss))
