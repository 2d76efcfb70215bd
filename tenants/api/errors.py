"""One answer shape for every refusal: `{"error": {"code", "message", "fields"?, …}}`."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from tenants.kernel.errors import RuleBroken, VendorError


def handle(exc: Exception, context: dict) -> Response | None:
    if isinstance(exc, RuleBroken):
        set_rollback()
        body = {"code": exc.code, "message": str(exc), **exc.data}
        return Response({"error": body}, status=exc.status)
    if isinstance(exc, VendorError):
        set_rollback()
        return Response({"error": {"code": "vendor", "message": exc.detail}}, status=502)
    if isinstance(exc, ValidationError):
        exc = exceptions.ValidationError(
            exc.message_dict if hasattr(exc, "error_dict") else exc.messages
        )
    response = exception_handler(exc, context)
    if response is None:
        return None
    detail = response.data
    if isinstance(exc, exceptions.ValidationError):
        body = {"code": "invalid", "message": _("Some values do not fit."), "fields": detail}
    elif isinstance(exc, Http404 | exceptions.NotFound):
        body = {"code": "not_found", "message": _("There is nothing here under this address.")}
    elif isinstance(exc, PermissionDenied | exceptions.PermissionDenied):
        body = {"code": "forbidden", "message": str(detail.get("detail", ""))}
    else:
        code = getattr(getattr(exc, "detail", None), "code", "error")
        message = detail.get("detail", "") if isinstance(detail, dict) else str(detail)
        body = {"code": str(code), "message": str(message)}
    response.data = {"error": body}
    return response
