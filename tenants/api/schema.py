"""The description of the API, and a page to read it on. Holds no data, so anybody may look."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.views import APIView


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "tenants.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class SchemaView(SpectacularAPIView):
    authentication_classes: list = []
    permission_classes = [AllowAny]
    throttle_classes: list = []


class PlatformSchemaView(SchemaView):
    """What a program of the platform or of a partner may call, on their hosts."""

    urlconf = settings.PUBLIC_SCHEMA_URLCONF


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own files: its start-up script is a file of its own for the CSP."""

    authentication_classes: list = []
    permission_classes = [AllowAny]
    throttle_classes: list = []
    renderer_classes = [TemplateHTMLRenderer]
    url_name = "api:schema"


class PlatformDocsView(DocsView):
    url_name = "partner_api:schema"


class Missing(APIView):
    """Any other address below `/api/v1/`: the refusal has the API's shape."""

    permission_classes = [AllowAny]
    authentication_classes: list = []

    @extend_schema(exclude=True)
    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request, *args, **kwargs) -> None:
        raise NotFound
