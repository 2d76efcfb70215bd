"""`/console/`: the page the agents' browser app lives in, and what makes it installable."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from PIL import Image

from bots.downloads import download, recording
from bots.services.desk_prefs import prefs_of
from bots.services.recordings import NoRecording
from tenants.branding import letter_mark, mark_of
from tenants.kernel.address import client_address
from tenants.selectors.requests import actor_of, merchant_here, site_here

WORKER = "dist/worker/worker.js"
ICON_SIDES = (192, 512)


@never_cache
@ensure_csrf_cookie
@login_required(login_url="/admin/login/")
def console(request: HttpRequest) -> HttpResponse:
    brand, me = _brand(request), actor_of(request)
    boot = {
        "brand": brand["name"],
        "colour": brand["colour"],
        "mark": mark_of(brand),
        "lang": request.LANGUAGE_CODE[:2],
        "me": me.pk,
        "role": me.role,
        "zone": merchant_here(request).time_zone,
        "prefs": prefs_of(me),
    }
    return render(
        request, "console/page.html", {"boot": json.dumps(boot, ensure_ascii=False), "page": boot}
    )


def _brand(request: HttpRequest) -> dict[str, Any]:
    return site_here(request).brand


@never_cache
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker, below `/console/` because that is all it may touch."""
    path = finders.find(WORKER)
    try:
        source = Path(path).read_bytes() if path else staticfiles_storage.open(WORKER).read()
    except OSError:
        raise Http404 from None
    return HttpResponse(source, content_type="text/javascript; charset=utf-8")


@cache_control(max_age=3600)
def manifest(request: HttpRequest) -> JsonResponse:
    """The brand's own name and picture on the home screen."""
    brand = _brand(request)
    if _raster(brand) is None:
        icons = [{"src": "/console/icon.svg", "sizes": "any", "type": "image/svg+xml"}]
    else:
        icons = [
            {"src": f"/console/icon-{side}.png", "sizes": f"{side}x{side}", "type": "image/png"}
            for side in ICON_SIDES
        ]
    shown = {
        "id": "/console/",
        "name": brand["name"] + " · " + _("Dialogues"),
        "short_name": brand["name"][:24],
        "start_url": "/console/",
        "scope": "/console/",
        "display": "standalone",
        "theme_color": brand["colour"],
        "background_color": "#ffffff",
        "icons": icons,
    }
    return JsonResponse(shown, content_type="application/manifest+json")


@cache_control(max_age=3600)
def icon(request: HttpRequest, side: int | None = None) -> HttpResponse:
    """The brand's mark: drawn, or its own picture in a square of so many pixels."""
    brand = _brand(request)
    if side is None:
        mark = mark_of(brand)
        if not mark.startswith("data:image/svg+xml;base64,"):
            mark = letter_mark(brand["name"], brand["colour"])
        return HttpResponse(
            base64.b64decode(mark.partition(",")[2]),
            content_type="image/svg+xml",
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )
    picture = _raster(brand)
    if picture is None or side not in ICON_SIDES:
        raise Http404
    picture.thumbnail((side, side))
    square = Image.new("RGBA", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    out = io.BytesIO()
    square.save(out, "PNG")
    return HttpResponse(out.getvalue(), content_type="image/png")


def _raster(brand: dict[str, Any]) -> Image.Image | None:
    """The mark where it is a picture of pixels that we have ourselves."""
    head, _comma, data = mark_of(brand).partition(";base64,")
    if head not in ("data:image/png", "data:image/jpeg", "data:image/webp"):
        return None
    try:
        return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA")
    except (OSError, ValueError):
        return None


@login_required(login_url="/admin/login/")
def attachment(request: HttpRequest, pk: int) -> FileResponse:
    """A file of a message, for whoever may see the message. 404 for everything else."""
    return download(actor_of(request), pk)


@login_required(login_url="/admin/login/")
def call_recording(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A call's recording in a tab of its own; why there is none is said in words."""
    try:
        return recording(actor_of(request), pk, client_address(request) or "")
    except NoRecording as exc:
        return HttpResponse(str(exc), status=exc.status, content_type="text/plain; charset=utf-8")
