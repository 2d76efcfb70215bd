"""Calls: their recordings, and where to write to whoever rang."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.conversations import seen_or_404
from bots.api.files import AsItIs
from bots.downloads import recording
from bots.services import elsewhere
from tenants.kernel.address import client_address


class RecordingView(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(
        tags=["conversations"],
        responses={
            (200, "audio/mpeg"): OpenApiResponse(OpenApiTypes.BINARY, "The recording itself."),
            302: OpenApiResponse(None, "Where the telephone company keeps it."),
        },
    )
    def get(self, request, pk: int) -> HttpResponseBase:
        """A call's recording, asked of the telephone company anew each time."""
        return recording(request.user, pk, client_address(request) or "")


class ElsewhereIn(serializers.Serializer):
    channel = serializers.IntegerField(help_text="One of the thread's `elsewhere`")


class ElsewhereOut(serializers.Serializer):
    conversation = serializers.IntegerField()


class Elsewhere(APIView):
    @extend_schema(tags=["acts"], request=ElsewhereIn, responses={200: ElsewhereOut})
    def post(self, request, pk: int) -> Response:
        """The same buyer's chat in another channel; begun where it is a number nobody wrote to."""
        conversation = seen_or_404(request.user, pk)
        given = ElsewhereIn(data=request.data)
        given.is_valid(raise_exception=True)
        talk = elsewhere.open_for(conversation, given.validated_data["channel"], request.user)
        return Response({"conversation": talk.pk})
