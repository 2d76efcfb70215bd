"""`Authorization: Bearer …`. The host names the merchant, the token is looked up in its schema."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from tenants.kernel.compiled import Compiled
from tenants.services.tokens import digest
from tenants.workspace.models import ApiToken

# Asked for by every call.
_known = Compiled(
    lambda kept: ApiToken.objects.select_related("user").filter(digest=kept, is_active=True), str
)


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request):
        scheme, _space, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        found = _known.first(digest(token.decode("latin-1").strip()))
        now = timezone.now()
        if found is None or (found.expires_at and found.expires_at < now):
            raise AuthenticationFailed(_("This token is unknown, switched off or expired."))
        if not found.last_used_at or now - found.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
        if found.user is None or not found.user.is_active:
            raise AuthenticationFailed(_("The person this token belongs to may not log in."))
        return found.user, found

    def authenticate_header(self, request) -> str:
        return "Bearer"
