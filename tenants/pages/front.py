"""The platform's and the partners' landing page and sign-up. Words are the same for every brand."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tenants.kernel.address import client_address
from tenants.kernel.posted import add_faults, posted
from tenants.kernel.text import latin
from tenants.selectors.hosts import Site, primary_host, url_of
from tenants.selectors.requests import site_here
from tenants.services.audit import audit
from tenants.services.merchants import merchant_create
from tenants.services.names import slug_clean
from tenants.services.partners import partner_host
from tenants.services.throttle import Limit, count, is_spent
from tenants.services.welcome import login_url

SIGNUPS = Limit("signup", tries=10, window_s=60 * 60)
# The text somebody agreed to; changed together with the words of the form.
CONSENT_VERSION = "2026-11-22"


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(
        request, "desk/landing.html", {"signup_open": site_here(request).partner.signup_open}
    )


def merchant_front(request: HttpRequest) -> HttpResponse:
    """A merchant's host has no shop window of its own: people come here to work."""
    return redirect("merchant:index")


class SignUpForm(forms.Form):
    shop = forms.CharField(
        label=gettext_lazy("Name of the shop"),
        max_length=120,
        widget=forms.TextInput({"autocomplete": "organization", "autofocus": True}),
        help_text=gettext_lazy("Buyers see it. It can be changed later."),
    )
    slug = forms.CharField(
        label=gettext_lazy("Address of your desk"),
        max_length=40,
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
        help_text=gettext_lazy("Latin letters, digits and hyphens."),
    )
    email = forms.EmailField(
        label=gettext_lazy("Your e-mail"),
        widget=forms.EmailInput({"autocomplete": "email"}),
        help_text=gettext_lazy("You log in with it."),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        widget=forms.PasswordInput({"autocomplete": "new-password"}, render_value=True),
    )
    processing = forms.BooleanField(
        error_messages={"required": gettext_lazy("Without this we may not keep your e-mail.")}
    )
    marketing = forms.BooleanField(required=False)

    def __init__(self, *args: Any, site: Site, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.site = site
        self.fields["password"].help_text = " ".join(map(str, password_validators_help_texts()[:2]))
        self.fields["processing"].label = _(
            "I agree to the processing of my personal data to run this account."
        )
        self.fields["marketing"].label = _("Send me news and advice. I may stop it at any time.")

    def clean_slug(self) -> str:
        try:
            return slug_clean(self.cleaned_data["slug"])
        except ValidationError as error:
            raise ValidationError(error.messages) from None


class _FormPage(TemplateResponse):
    form_action = ""  # where its form may lead besides this host (ContentSecurityMiddleware)


@never_cache
def signup(request: HttpRequest) -> HttpResponse:
    """A shop starts by itself and is sent to the log-in on its own host."""
    site = site_here(request)
    if not site.partner.signup_open:
        raise Http404
    form = SignUpForm(posted(request), site=site)
    if request.method == "POST" and form.is_valid():
        who = client_address(request) or "?"
        if is_spent(SIGNUPS, who):
            form.add_error(None, _("Too many sign-ups from here. Try again in an hour."))
        elif (made := _create(request, form)) is not None:
            count(SIGNUPS, who)
            return redirect(made)
    below = partner_host(site.partner)
    response = _FormPage(
        request, "desk/signup.html", {"form": form, "below": below, "title": _("Start")}
    )
    response.form_action = url_of(f"*.{below}", "")
    return response


def _create(request: HttpRequest, form: SignUpForm) -> str | None:
    """The address to go to; None when the service said no (the form then says why)."""
    given, site = form.cleaned_data, site_here(request)
    try:
        merchant = merchant_create(
            slug=given["slug"],
            name=given["shop"],
            email=given["email"],
            password=given["password"],
            partner=site.partner,
            language=request.LANGUAGE_CODE,
            is_welcomed=True,
        )
    except ValidationError as error:
        add_faults(form, error, {"name": "shop", "host": "slug"})
        return None
    for schema in (merchant.schema_name, None):
        audit(
            "signup.consented",
            f"merchant:{merchant.slug}",
            actor=given["email"],
            schema=schema,
            processing=True,
            marketing=bool(given["marketing"]),
            version=CONSENT_VERSION,
            texts=[form.fields["processing"].label, form.fields["marketing"].label],
        )
    return login_url(primary_host(merchant), given["email"], new="1")


@require_safe
@never_cache
def signup_slug(request: HttpRequest) -> HttpResponse:
    """For the form while it is filled: a short name made of the shop's, and whether it is free."""
    if not site_here(request).partner.signup_open:
        raise Http404
    shop, slug = request.GET.get("shop", "")[:120], request.GET.get("slug", "")[:60]
    wanted = slug or suggested(shop)
    try:
        return JsonResponse({"slug": slug_clean(wanted), "fault": ""})
    except ValidationError as error:
        fault = " ".join(error.messages)
    if not slug:
        for number in range(2, 10):
            try:
                return JsonResponse({"slug": slug_clean(f"{wanted}-{number}"), "fault": ""})
            except ValidationError:
                continue
    return JsonResponse({"slug": wanted, "fault": fault if wanted else ""})


def suggested(shop: str) -> str:
    """“Морошка и Ко” → “moroshka-i-ko”."""
    return re.sub(r"[^a-z0-9]+", "-", latin(shop).lower()).strip("-")[:40].strip("-")
