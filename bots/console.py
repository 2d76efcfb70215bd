"""`/console/`: the page the agents' browser app lives in."""

from __future__ import annotations

import json

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie

from bots.downloads import download
from tenants.branding import letter_mark, picture


@never_cache
@ensure_csrf_cookie
@login_required(login_url="/admin/login/")
def console(request: HttpRequest) -> HttpResponse:
    brand = request.site.brand  # type: ignore[attr-defined]
    mark = brand.get("favicon") or brand.get("logo")
    boot = {
        "brand": brand["name"],
        "colour": brand["colour"],
        "mark": picture(mark) if mark else letter_mark(brand["name"], brand["colour"]),
        "lang": getattr(request, "LANGUAGE_CODE", "ru")[:2],
        "me": request.user.pk,
        "role": request.user.role,  # type: ignore[union-attr]
        "zone": request.tenant.time_zone,  # type: ignore[attr-defined]
    }
    return render(
        request, "console/page.html", {"boot": json.dumps(boot, ensure_ascii=False), "page": boot}
    )


@login_required(login_url="/admin/login/")
def attachment(request: HttpRequest, pk: int) -> FileResponse:
    """A file of a message, for whoever may see the message. 404 for everything else."""
    return download(request.user, pk)  # type: ignore[arg-type]
