"""Pages and files of the site's chat: the widget's one file, the hosted page and its QR code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import segno
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from bots.services.consents import wordings
from bots.services.places import Place, place_of
from tenants.branding import mark_of, picture
from tenants.selectors.hosts import url_of

WIDGET = Path(settings.BASE_DIR) / "static" / "dist" / "widget" / "widget.js"
# Short, so that a new version is everywhere in minutes; a page that has it asks with its tag.
KEEP = "public, max-age=300, stale-while-revalidate=86400"


@dataclass(frozen=True)
class Bundle:
    tag: str
    bodies: dict[str, bytes]  # by content coding; "" is as it is


@lru_cache(maxsize=2)
def _bundle(changed_at: int) -> Bundle:
    bodies = {"": WIDGET.read_bytes()}
    for coding, ending in (("br", ".br"), ("gzip", ".gz")):
        packed = WIDGET.with_name(WIDGET.name + ending)
        if packed.exists():
            bodies[coding] = packed.read_bytes()
    return Bundle(hashlib.sha256(bodies[""]).hexdigest()[:20], bodies)


@require_safe
def widget_js(request: HttpRequest) -> HttpResponse:
    """The widget, on any merchant's host; the same bytes for all of them."""
    try:
        bundle = _bundle(WIDGET.stat().st_mtime_ns)
    except FileNotFoundError:
        return HttpResponse(
            "// not built: manage.py build_static", status=503, content_type="text/javascript"
        )
    accepted = {part.split(";")[0].strip() for part in _accepted(request)}
    coding = next((c for c in ("br", "gzip") if c in accepted and c in bundle.bodies), "")
    etag = f'"{bundle.tag}{coding and f"-{coding}"}"'
    headers = {
        "Cache-Control": KEEP,
        "ETag": etag,
        "Vary": "Accept-Encoding",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        return HttpResponse(status=304, headers=headers)
    if coding:
        headers["Content-Encoding"] = coding
    return HttpResponse(
        bundle.bodies[coding], content_type="text/javascript; charset=utf-8", headers=headers
    )


def _accepted(request: HttpRequest) -> list[str]:
    return request.headers.get("Accept-Encoding", "").split(",")


def _place(request: HttpRequest, key: str) -> Place:
    place = place_of(request.get_host().rsplit(":", 1)[0].lower(), key)
    if place is None:
        raise Http404
    return place


@require_safe
def chat_page(request: HttpRequest, key: str) -> HttpResponse:
    """The chat without a site: for a link in a profile, a QR code on a parcel."""
    place = _place(request, key)
    return TemplateResponse(request, "chat/page.html", {"key": key, **_looks(place)})


def _looks(place: Place) -> dict[str, str]:
    """The brand's pictures as addresses: what a merchant stored may be the SVG itself."""
    brand = place.brand
    return {
        "icon": mark_of(brand),
        "logo": picture(brand["logo"]),
        "logo_dark": picture(brand["logo_dark"] or brand["logo"]),
    }


@require_safe
def chat_privacy(request: HttpRequest, key: str) -> HttpResponse:
    """Stands in for a policy until the merchant names the address of its own."""
    place = _place(request, key)
    return TemplateResponse(
        request,
        "chat/privacy.html",
        {
            **_looks(place),
            "key": key,
            "who": place.who,
            "visitors": place.visitors,
            "consents": wordings(request.LANGUAGE_CODE, place.who),
        },
    )


@require_safe
def chat_qr(request: HttpRequest, key: str) -> HttpResponse:
    """The hosted page's address as a QR code: vector, to be printed at any size."""
    place = _place(request, key)
    out = BytesIO()
    segno.make(url_of(place.host, f"/chat/{key}/"), error="m").save(
        out, kind="svg", scale=8, border=4, dark="#000", light="#fff", xmldecl=True
    )
    return HttpResponse(
        out.getvalue(),
        content_type="image/svg+xml",
        headers={
            "Cache-Control": "public, max-age=3600",
            "Content-Disposition": 'inline; filename="chat-qr.svg"',
        },
    )
