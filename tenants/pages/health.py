"""For load balancers and people on call. Answered on any host, without a session."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tenants.kernel.health import NEEDS, readiness
from tenants.selectors.hosts import site_of


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up; nothing else is asked.

    With `?domain=` it answers whether the name is one of ours: the proxy asks before it requests
    a certificate for it (config/management/commands/render_proxy.py).
    """
    if (domain := request.GET.get("domain")) and site_of(domain) is None:
        return HttpResponse("unknown", status=404, content_type="text/plain")
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """`{"ready", "checks": {name: {"ok", "detail", "ms"}}}`; 503 when `?role=` cannot work.

    Without a role, everything has to be there.
    """
    role = request.GET.get("role", "")
    if role and role not in NEEDS:
        return JsonResponse({"error": f"role is one of {', '.join(NEEDS)}"}, status=400)
    is_ready, answers = readiness(role)
    return JsonResponse(
        {"ready": is_ready, "role": role or None, "checks": answers},
        status=200 if is_ready else 503,
    )
