"""Account linking on a merchant's host: the page `/link/`, `/link/token/`, `/link/revoke/`."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote, urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from bots.models import Channel
from bots.services import linking
from bots.services.linking import Refused
from tenants.branding import mark_of, picture
from tenants.kernel.address import client_address
from tenants.selectors.hosts import brand_of
from tenants.selectors.requests import site_here

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@never_cache
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The buyer enters an e-mail or phone, then the code that came there."""
    asked = request.GET
    channel = linking.client_of(asked.get("client_id", ""))
    redirect_uri = asked.get("redirect_uri", "")
    if channel is None or redirect_uri not in linking.redirects_of(channel):
        # Never sent on to an address we do not know.
        return _shown(request, None, fault=_("This link is not complete. Begin again in the app."),
                      status=400)  # fmt: skip
    back = {"redirect_uri": redirect_uri, "state": asked.get("state", "")}
    if asked.get("response_type") != "code":
        return _back(request, channel, error="unsupported_response_type", **back)
    challenge = asked.get("code_challenge", "")
    try:
        linking.check_challenge(challenge, asked.get("code_challenge_method", ""))
    except Refused as refused:
        return _back(request, channel, error=refused.code, **back)
    if request.method == "GET":
        return _shown(request, channel)
    if request.POST.get("no"):
        return _back(request, channel, error="access_denied", **back)
    step = request.POST.get("step", "")
    if not step:
        told = request.POST.get("told", "")[:200]
        step = linking.code_send(channel, told, address=client_address(request) or "")
        return _shown(request, channel, step=step)
    try:
        who = linking.code_check(channel, step, request.POST.get("code", "")[:20])
    except Refused as refused:
        again = refused.code == "wrong"
        return _shown(request, channel, step=step if again else "", fault=_fault(refused.code))
    code = linking.authorise(channel, who, redirect_uri=redirect_uri, challenge=challenge)
    return _back(request, channel, code=code, **back)


def _fault(code: str) -> str:
    if code == "wrong":
        return _("This is not the code.")
    return _("The code is no longer good. Ask for another one.")


def _back(
    request: HttpRequest, channel: Channel, *, redirect_uri: str, **told: str
) -> HttpResponse:
    """On to the platform, by a link: a form may not lead to another site."""
    address = f"{redirect_uri}?{urlencode({k: v for k, v in told.items() if v})}"
    return _shown(request, channel, onward=address, is_refused="error" in told)


def _shown(
    request: HttpRequest, channel: Channel | None, *, status: int = 200, **more: Any
) -> HttpResponse:
    site = site_here(request)
    brand = brand_of(site.partner, site.merchant)
    context = {
        "icon": mark_of(brand),
        "logo": picture(brand["logo"]),
        "logo_dark": picture(brand["logo_dark"] or brand["logo"]),
        "brand": brand,
        "channel": channel,
        **more,
    }
    return TemplateResponse(
        request, "chat/link.html", context, status=status,
        headers={**NO_STORE, "Referrer-Policy": "no-referrer"},
    )  # fmt: skip


@csrf_exempt
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """Called by the platform with its secret."""
    channel = _client(request)
    if channel is None:
        return _refused("invalid_client", 401)
    told = request.POST
    try:
        match told.get("grant_type"):
            case "authorization_code":
                made = linking.exchange(
                    channel, told.get("code", ""), redirect_uri=told.get("redirect_uri", ""),
                    verifier=told.get("code_verifier", ""),
                )  # fmt: skip
            case "refresh_token":
                made = linking.refresh(channel, told.get("refresh_token", ""))
            case _:
                return _refused("unsupported_grant_type")
    except Refused as refused:
        return _refused(refused.code)
    return JsonResponse(made, headers=NO_STORE)


@csrf_exempt
@require_POST
def revoke(request: HttpRequest) -> HttpResponse:
    channel = _client(request)
    if channel is None:
        return _refused("invalid_client", 401)
    linking.revoke(channel, request.POST.get("token", ""))
    return JsonResponse({}, headers=NO_STORE)


def _client(request: HttpRequest) -> Channel | None:
    """Who calls: by Basic, or by fields of the form."""
    kind, _space, told = request.headers.get("Authorization", "").partition(" ")
    name, secret = request.POST.get("client_id", ""), request.POST.get("client_secret", "")
    if kind.lower() == "basic":
        try:
            name, _colon, secret = base64.b64decode(told, validate=True).decode().partition(":")
        except ValueError:
            return None
        name, secret = unquote(name), unquote(secret)
    channel = linking.client_of(name)
    return channel if channel is not None and linking.is_secret_of(channel, secret) else None


def _refused(code: str, status: int = 400) -> HttpResponse:
    return JsonResponse({"error": code}, status=status, headers=NO_STORE)
