"""Files of messages, documents and templates: their addresses and their bytes."""

from __future__ import annotations

from django.http import FileResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.views import APIView

from bots.downloads import download


def file_url(pk: int | None) -> str | None:
    return reverse("api:file", args=[pk]) if pk else None


class FileRef(serializers.Serializer):
    """A file and where to fetch it, with the same token."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    url = serializers.CharField()


class AsItIs(BaseContentNegotiation):
    """A file has one form: whatever a client accepts, it gets the bytes."""

    def select_parser(self, request, parsers):
        return parsers[0] if parsers else None

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


class FileContent(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(
        tags=["files"],
        responses={
            (200, "application/octet-stream"): OpenApiResponse(
                OpenApiTypes.BINARY, "The bytes; pictures and sound with their own type."
            )
        },
    )
    def get(self, request, pk: int) -> FileResponse:
        """The bytes of a file that a message, a document or a template holds."""
        return download(request.user, pk)
