"""Host → merchant, language, and the headers every page carries."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from tenants.kernel.address import client_address
from tenants.kernel.context import PUBLIC, enter
from tenants.kernel.logs import request_id
from tenants.selectors.hosts import site_of
from tenants.selectors.requests import placed, site_or_none
from tenants.services.audit import address_var

Next = Callable[[HttpRequest], HttpResponse]

# Answered on any host: the load balancer asks by address.
ANY_HOST = ("/healthz", "/readyz")


class HostMiddleware:
    """Binds the request to the site of its host, and this thread's connection to its schema.

    Sets `request.site: Site | None`, `request.tenant: Merchant | None`, `request.urlconf`.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request_id.set(secrets.token_hex(6))
        address = address_var.set(client_address(request))
        enter(PUBLIC)
        try:
            return self._answer(request)
        finally:
            enter(PUBLIC)
            address_var.reset(address)
            request_id.reset(token)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return HttpResponse(status=400)  # nobody writes it, and PostgreSQL keeps it in no text
        site = site_of(request.META.get("HTTP_HOST", ""))
        here = placed(request)
        here.site, here.tenant = site, site.merchant if site else None
        here.csp_nonce = secrets.token_urlsafe(16)
        if request.path in ANY_HOST:
            request.urlconf = settings.PUBLIC_SCHEMA_URLCONF
            return self.get_response(request)
        if site is None:
            return plain_page(request, "unknown_host", 404)
        if site.merchant is None:
            request.urlconf = settings.PUBLIC_SCHEMA_URLCONF
            return self.get_response(request)
        if not site.merchant.is_serving:
            request.user = AnonymousUser()
            return plain_page(request, "not_serving", 503)
        request.urlconf = settings.ROOT_URLCONF
        enter(site.schema)
        return self.get_response(request)


_SAYS = {
    "unknown_host": gettext_lazy("There is nothing here under this address."),
    "not_serving": gettext_lazy(
        "This shop's assistant is switched off. Nothing was lost; the owner can switch it on again."
    ),
}


def plain_page(request: HttpRequest, name: str, status: int) -> HttpResponse:
    """A page that needs no session, no user and no brand; to the API the same in its own shape."""
    with translation.override(_accepted(request)):
        if request.path.startswith("/api/"):
            error = {"code": name, "message": str(_SAYS[name])}
            return JsonResponse({"error": error}, status=status)
        return HttpResponse(render_to_string(f"plain/{name}.html"), status=status)


def _accepted(request: HttpRequest) -> str:
    return translation.get_language_from_request(request)


class LanguageMiddleware:
    """Language of a page: chosen by the person (cookie), of the browser, else the site's own."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        site = site_or_none(request)
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        if chosen not in dict(settings.LANGUAGES):
            chosen = (
                _accepted(request)
                if request.headers.get("Accept-Language")
                else (site.merchant or site.partner).language
                if site
                else settings.LANGUAGE_CODE
            )
        # Pages show the merchant's own time; the API and everything inside stay in UTC.
        merchant = site.merchant if site and request.path.startswith("/admin/") else None
        zone = ZoneInfo(merchant.time_zone) if merchant else None
        with translation.override(chosen), timezone.override(zone):
            request.LANGUAGE_CODE = translation.get_language() or settings.LANGUAGE_CODE
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", request.LANGUAGE_CODE)
            return response


class ContentSecurityMiddleware:
    """Nothing runs on our pages but our own files. A view may set its own policy before us."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Unfold's Alpine build evaluates expressions in attributes.
        evaluate = " 'unsafe-eval'" if request.path.startswith("/admin/") else ""
        nonce = placed(request).csp_nonce
        # A form may lead to another of our hosts (sign-up): browsers check redirects, too.
        leads_to = getattr(response, "form_action", "")
        response.headers.setdefault(
            "Content-Security-Policy",
            f"default-src 'self'; script-src 'self' 'nonce-{nonce}'{evaluate}; "
            "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; "
            "font-src 'self' data:; connect-src 'self' ws: wss:; media-src 'self' blob:; "
            f"object-src 'none'; base-uri 'self'; form-action 'self' {leads_to}; "
            "frame-ancestors 'none'",
        )
        return response
